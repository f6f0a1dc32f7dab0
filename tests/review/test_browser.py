"""The page corrected in a real browser, by mouse and by keyboard, saved and read back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, chromium

from rhas.review.folder import ReviewFolder
from rhas.review.server import ReviewServer
from rhas.stores.corrections import CORRECTIONS, Corrections, read_corrections

from .reviewed import SENTENCES

TAB, ENTER, SHIFT, CTRL, DELETE = "\ue004", "\ue007", "\ue008", "\ue009", "\ue017"
LEFT, RIGHT, ESCAPE = "\ue012", "\ue014", "\ue00c"
_BAR = (
    "const b = [...document.querySelectorAll('.bar')].find((b) => b.line.p === arguments[0]"
    " && b.interval.action === arguments[1] && b.interval.start === arguments[2]);"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def server(segmented: Path, browser: Browser) -> Iterator[ReviewServer]:
    with ReviewServer(ReviewFolder(segmented)) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        browser.go(opened.url, 1280)
        assert browser.log() == []
        yield opened
        assert browser.log() == []
        browser.run("savedDoc = doc")  # so that leaving the page asks nothing
        browser.go("about:blank", 1280)
        opened.shutdown()
        thread.join()


def find_bar(browser: Browser, p: int, action: str | None, start: int) -> tuple[float, ...]:
    """Left, right and middle of an interval's bar, and pixels of a frame."""
    return tuple(browser.run(
        _BAR + "b.scrollIntoView({block: 'center'}); const r = b.getBoundingClientRect(),"
        " t = b.parentElement.getBoundingClientRect();"
        " return [r.left, r.right, r.top + r.height / 2, t.width / data.frames, t.left]",
        p, action, start,
    ))  # fmt: skip


def focus_bar(browser: Browser, p: int, action: str, start: int) -> None:
    browser.run(_BAR + "b.focus()", p, action, start)


def push(browser: Browser, name: str) -> None:
    """Clicks a button of the panel with the mouse."""
    x, y = browser.run(
        "const r = buttons[arguments[0]].getBoundingClientRect();"
        " return [r.left + r.width / 2, r.top + r.height / 2]",
        name,
    )
    browser.drag((x, y), (x, y))


def type_text(browser: Browser, text: str) -> None:
    for letter in text:
        browser.press(letter)


def list_intervals(browser: Browser, p: int = 0) -> set[tuple[str | None, int, int]]:
    found = browser.run(
        "return doc.persons[arguments[0]].intervals.map((i) => [i.action, i.start, i.stop])", p
    )
    return {tuple(one) for one in found}


def read_saved(browser: Browser, segmented: Path, revision: int) -> Corrections:
    wait(browser, f"return revision === {revision} && savedDoc === doc")
    return read_corrections(segmented / CORRECTIONS)


def wait(browser: Browser, script: str) -> None:
    for _ in range(200):
        if browser.run(script):
            return
    raise AssertionError(script)


BEFORE = {("walking", 15, 45), ("walking", 60, 90), ("eating", 30, 75)}


def test_by_mouse(browser: Browser, server: ReviewServer, segmented: Path) -> None:
    assert list_intervals(browser) == BEFORE
    left, right, y, frame, zero = find_bar(browser, 0, "walking", 15)
    browser.drag((right - 2, y), (right - 2 + 10 * frame, y))
    browser.drag((left + 2, y), (left + 2 - 5 * frame, y))
    assert ("walking", 10, 55) in list_intervals(browser)
    browser.drag((right - 2 + 10 * frame, y), (right + 99 * frame, y))  # up to the next one
    assert ("walking", 10, 60) in list_intervals(browser)
    left, right, y, *_ = find_bar(browser, 0, "eating", 30)
    browser.drag(((left + right) / 2, y), ((left + right) / 2 - 10 * frame, y))
    assert ("eating", 20, 65) in list_intervals(browser)
    assert browser.run("return playhead") == 20

    browser.drag((zero + 100.5 * frame, y), (zero + 119.5 * frame, y))
    push(browser, "add")
    type_text(browser, "sitting")
    browser.press(ENTER)
    assert ("<b>sitting</b>", 100, 120) in list_intervals(browser)
    assert browser.run("return document.querySelector('main b') === null")

    left, right, y, *_ = find_bar(browser, 0, "walking", 60)
    browser.drag(((left + right) / 2, y), ((left + right) / 2, y))
    push(browser, "rename")
    type_text(browser, "wav")
    browser.press(ENTER)
    assert ("waving", 60, 90) in list_intervals(browser)
    axis = browser.run("return timelines[0].axis.getBoundingClientRect().top + 10")
    browser.drag((zero + 80.5 * frame, axis), (zero + 80.5 * frame, axis))
    push(browser, "split")
    assert {("waving", 60, 80), ("waving", 80, 90)} <= list_intervals(browser)
    push(browser, "remove")
    assert ("waving", 80, 90) not in list_intervals(browser)

    left, right, y, *_ = find_bar(browser, 0, "eating", 20)
    browser.drag((zero + 130.5 * frame, y), (zero + 50.5 * frame, y))
    assert browser.run("return stretch !== null && stretch.start <= 50")
    browser.drag((zero + 130.5 * frame, y), (zero + 70.5 * frame, y))
    push(browser, "other")
    expected = {("walking", 10, 60), ("eating", 20, 65), ("waving", 60, 70), (None, 70, 131)}
    assert list_intervals(browser) == expected
    push(browser, "undo")
    assert ("<b>sitting</b>", 100, 120) in list_intervals(browser)
    push(browser, "redo")
    assert list_intervals(browser) == expected
    browser.run("timelines[0].check.click()")
    push(browser, "save")

    saved = read_saved(browser, segmented, 1)
    person = saved.persons[0]
    assert person.checked
    assert not saved.persons[1].checked
    assert [(s.start_frame, s.end_frame) for s in person.not_this_person] == [(70, 131)]
    by = {(i.action, i.start_frame, i.end_frame): (i.by, i.was) for i in person.intervals}
    assert {key: source for key, (source, _) in by.items()} == {
        ("walking", 10, 60): "corrected", ("eating", 20, 65): "corrected",
        ("waving", 60, 70): "corrected",
    }  # fmt: skip
    former = by["waving", 60, 70][1]
    assert former is not None
    assert (former.action, former.start_frame, former.end_frame) == ("walking", 60, 90)
    assert saved.persons[1].intervals[0].by == "predicted"


def test_by_keyboard(browser: Browser, server: ReviewServer, segmented: Path) -> None:
    """From the top of the page, without a mouse."""
    for _ in range(60):
        browser.press(TAB)
        if browser.run("return document.activeElement.matches('.bar')"):
            break
    focused = "const i = document.activeElement.interval; return [i.action, i.start, i.stop]"
    assert browser.run(focused) == ["walking", 15, 45]
    browser.press(RIGHT)
    assert browser.run(focused) == ["eating", 30, 75]
    browser.press(LEFT)
    browser.press(RIGHT, SHIFT)
    assert browser.run(focused) == ["walking", 16, 46]
    browser.press(LEFT, CTRL, SHIFT)
    assert browser.run(focused) == ["walking", 1, 31]
    browser.press(TAB)
    browser.press(LEFT)
    browser.press(TAB)
    browser.press(RIGHT, SHIFT)
    assert browser.run(focused) == ["walking", 0, 46]
    said = "return document.activeElement.getAttribute('aria-valuenow')"
    assert browser.run(said) == "46"
    browser.press(ESCAPE)
    assert browser.run("return document.activeElement.className") == "bar corrected selected"

    browser.run("seek(20)")
    browser.press(".")
    browser.press("s")
    assert {("walking", 0, 21), ("walking", 21, 46)} <= list_intervals(browser)
    browser.press(DELETE)
    assert ("walking", 21, 46) not in list_intervals(browser)
    browser.press("z", CTRL)
    browser.press("z", CTRL, SHIFT)
    assert ("walking", 21, 46) not in list_intervals(browser)

    focus_bar(browser, 0, "walking", 60)
    browser.press("c")
    type_text(browser, "wav")
    browser.press(ENTER)
    assert browser.run(focused) == ["waving", 60, 90]
    browser.run("seek(70)")
    browser.press("[")
    browser.press(">", SHIFT)
    browser.press("]")
    assert browser.run(focused) == ["waving", 70, 86]
    browser.press(ESCAPE)
    browser.run("seek(120)")
    browser.press("n")
    type_text(browser, "eat")
    browser.press(ENTER)
    assert browser.run(focused) == ["eating", 120, 135]
    browser.run("seek(10)")
    browser.press("i")
    browser.press(".")
    browser.press("o")
    browser.press("x")
    assert browser.run(focused) == [None, 10, 12]
    expected = {("walking", 0, 10), ("walking", 12, 21), ("eating", 30, 75), ("waving", 70, 86),
                ("eating", 120, 135), (None, 10, 12)}  # fmt: skip
    assert list_intervals(browser) == expected
    browser.press("+")
    assert browser.run("return timelines[0].zoom") == 2
    browser.press("-")
    browser.press("s", CTRL)
    saved = read_saved(browser, segmented, 1)
    assert {(i.action, i.start_frame, i.end_frame) for i in saved.persons[0].intervals} == {
        one for one in expected if one[0]
    }


def test_two_pages_do_not_overwrite_each_other(
    browser: Browser, server: ReviewServer, segmented: Path, corrections: dict[str, Any]
) -> None:
    server.folder.save(json.dumps(corrections).encode())
    focus_bar(browser, 1, "waving", 10)
    browser.press(DELETE)
    browser.press("s", CTRL)
    wait(browser, "return status.textContent.includes('another page')")
    assert read_corrections(segmented / CORRECTIONS).persons[1].intervals
    assert browser.run("return document.querySelector('.status a').download") == CORRECTIONS
    browser.log()  # the browser's own line about status 409
    browser.run("savedDoc = doc")
    browser.go(server.url, 1280)
    assert browser.run("return [revision, doc.persons[1].intervals.length]") == [1, 1]


def test_as_a_file_it_saves_and_loads_a_download(browser: Browser, segmented: Path) -> None:
    browser.open(segmented / "index.html", 1280)
    assert (
        browser.run("return getComputedStyle(document.querySelector('.panel')).display") == "none"
    )
    browser.run("document.querySelector('.edit').click()")
    focus_bar(browser, 0, "eating", 30)
    browser.press(DELETE)
    record = browser.run("return writeRecord()")
    assert [i["action"] for i in record["persons"][0]["removed"]] == ["eating"]
    browser.press("s", CTRL)
    assert "downloads" in browser.run("return status.textContent")
    browser.press("z", CTRL)
    assert list_intervals(browser) == BEFORE
    browser.run("commit(readRecord(arguments[0]), 'loaded')", record)
    assert browser.run("return writeRecord()") == record
    said = browser.run(
        "try { readRecord({...arguments[0], frames: 1}) } catch (e) { return e.message }", record
    )
    assert "not the corrections of this film" in said
    assert browser.log() == []
    browser.run("savedDoc = doc")


@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_and_text_is_text(browser: Browser, server: ReviewServer, width: int) -> None:
    browser.go(server.url, width)
    assert browser.run("return document.documentElement.scrollWidth") == width
    titles = browser.run("return [...document.querySelectorAll('h2')].map((h) => h.textContent)")
    assert titles == [f"{n}{text}" for n, text in enumerate(SENTENCES)]
    touching = browser.run(
        "return [...document.querySelectorAll('.row')].filter((row) => {"
        " const label = row.querySelector('.label').getBoundingClientRect();"
        " return [...row.querySelectorAll('.bar')].some((b) =>"
        " b.getBoundingClientRect().left < label.right) }).length"
    )
    assert touching == 0


def test_rows_out_of_view_are_not_painted(browser: Browser, server: ReviewServer) -> None:
    """A frame of a drag costs as much as all that is painted: 50 ms for 9,791 intervals, and 9
    without those out of view."""
    browser.go(server.url, 1400, height=60)
    browser.run("scrollTo(0, 0); return new Promise((r) => requestAnimationFrame(() => r(1)))")
    painted = (
        "const bars = [...document.querySelectorAll('.bar')];"
        "const sections = document.querySelectorAll('section');"
        "sections.forEach((s) => s.style.contentVisibility = 'visible');"
        "return new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() =>"
        " r(bars.filter((b) => b.checkVisibility({contentVisibilityAuto: true})).length))))"
    )
    assert browser.run(painted) == 0
    browser.run("document.querySelector('.bar').scrollIntoView()")
    assert browser.run(painted) > 0


def test_the_tip_is_for_the_eye(browser: Browser, server: ReviewServer) -> None:
    """Bars, ends and the status line say the same; read aloud, every frame of a drag would be."""
    browser.go(server.url, 1400)
    tip = "const tip = document.getElementById('tip');"
    assert browser.run(f"{tip} return [tip.role, tip.ariaHidden, tip.ariaLive]") == [
        None, "true", None,
    ]  # fmt: skip
