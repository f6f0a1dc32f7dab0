"""The report in a real browser: wide and narrow, without a mouse, without a complaint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, chromium
from written_run import RunInputs

TAB, ENTER = "\ue004", "\ue007"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_and_every_picture_is_there(
    browser: Browser, run: tuple[RunInputs, Path], width: int
) -> None:
    browser.open(run[1] / "report.html", width)
    assert browser.log() == []
    assert browser.run("return document.documentElement.scrollWidth") == width
    pictures = browser.run("return [...document.images].map((i) => [i.complete, i.naturalWidth])")
    assert len(pictures) == 4
    assert all(done and wide for done, wide in pictures)
    smallest = browser.run(
        "return Math.min(...[...document.querySelectorAll('main *')]"
        ".filter((e) => e.innerText).map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12


def test_the_keyboard_reaches_and_sorts(browser: Browser, run: tuple[RunInputs, Path]) -> None:
    browser.open(run[1] / "report.html", 1280)
    seen = []
    for _ in range(80):
        browser.press(TAB)
        seen.append(browser.run(
            "const e = document.activeElement; return [e.tagName, e.innerText.split('\\n')[0],"
            " getComputedStyle(e).outlineStyle]"
        ))  # fmt: skip
        if seen[-1][:2] == ["BUTTON", "frame F1, %"]:
            break
    assert seen[0][1] == "Skip to the content"
    assert seen[-1][0] == "BUTTON"
    assert all(outline != "none" for *_, outline in seen)
    column = (
        "return [...document.activeElement.closest('table').tBodies[0].rows]"
        ".map((row) => parseFloat(row.cells[3].innerText)).filter((f1) => !isNaN(f1))"
    )
    falling = browser.run(column)
    assert falling == sorted(falling, reverse=True)
    browser.press(ENTER)
    browser.press(ENTER)
    assert browser.run(column) == sorted(falling)
    said = browser.run("return document.activeElement.parentElement.getAttribute('aria-sort')")
    assert said == "ascending"
