"""The page holds what intervals.json holds, needs nothing else, and draws without an error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rhas.base.classes import CLASSES
from rhas.segment.lookalikes import Lookalike
from rhas.segment.page import write_page
from rhas.segment.people import Action, Curve, Person
from rhas.segment.request import WORK
from rhas.segment.tables import make_person_record

LOOKALIKE = Lookalike(0, 10, 5, (-3.0, 2.0, 40.0, 900.0), 0.8, 0.9)
HOSTILE = "the man </script><img src=x onerror=alert(1)> \"'& жёлтый 红色"


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.S
    )
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module")
def hostile(segmented: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two persons, one of them never found, with whatever text may hold."""
    record = json.loads((segmented / "intervals.json").read_text("utf-8"))
    frames = record["frames"]
    actions = [Action(128, "walking", 3, 20, 0.7, 0.5, 1.0), Action(3, "asking", 5, 9, 0.6, 0.9, 1)]
    curves = [Curve(128, 0.4, 1, [50] * frames), Curve(3, 0.5, 1, [10] * frames)]
    people = [
        Person(0, HOSTILE, 10, frames - 20, 10, actions, [], curves, [LOOKALIKE]),
        Person(1, "nobody", 0, 0, frames, [], [], [], []),
    ]
    told = [make_person_record(person, record["fps"]) for person in people]
    stores = next((segmented / WORK / "decode").glob("*/result")), segmented / "tracks.h5"
    page = tmp_path_factory.mktemp("page") / "index.html"
    write_page(
        {**record, "film": HOSTILE, "persons": told, "built_in_checkpoints": ["weights/x"]},
        people,
        *stores,
        CLASSES,
        None,
        page,
    )
    return page


def test_the_page_holds_the_intervals_and_nothing_from_elsewhere(segmented: Path) -> None:
    record = json.loads((segmented / "intervals.json").read_text("utf-8"))
    data = data_of(segmented / "index.html")
    for told, person in zip(data["persons"], record["persons"], strict=True):
        assert {name: told[name] for name in person} == person
        there = [*told["present"]["detected"], *told["present"]["interpolated"]]
        lost = sum(gap["end_frame"] - gap["start_frame"] for gap in person["not_found"])
        assert sum(stop - start for start, stop in there) + lost == record["frames"]
        assert {c["class"] for c in told["curves"]} == {i["class_id"] for i in person["intervals"]}
    assert data["overlay"] == "overlay.webm"
    text = (segmented / "index.html").read_text("utf-8")
    linked = set(re.findall(r'(?:src|href)="([^"]*)"', text))
    assert linked == {"data:,"}
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


def test_people_who_fit_as_well_are_shown(hostile: Path) -> None:
    first, second = data_of(hostile)["persons"]
    assert (
        first["lookalikes"][0] | {"start_frame": 0, "end_frame": 10, "own_score": 0.9}
        == (first["lookalikes"][0])
    )
    assert [one["frame"] for one in first["alike"]] == [5]
    assert first["alike"][0]["picture"].startswith("data:image/jpeg;base64,")
    assert second["lookalikes"] == second["alike"] == []


def test_text_cannot_leave_its_place(hostile: Path) -> None:
    data = data_of(hostile)
    assert data["film"] == data["persons"][0]["reference"] == HOSTILE
    assert data["built_in_checkpoints"] == ["weights/x"]
    text = hostile.read_text("utf-8")
    assert text.count("</script>") == 2
    assert "<img src=x" not in text


def test_a_browser_draws_every_person_and_says_nothing(
    hostile: Path, segmented: Path, tmp_path: Path
) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium")
    for page, persons in ((hostile, 2), (segmented / "index.html", 2)):
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-quic", f"--user-data-dir={tmp_path / page.parent.name}",
                "--enable-logging=stderr", "--window-size=400,900", "--virtual-time-budget=2000",
                "--dump-dom", page.as_uri(),
            ],
            capture_output=True, text=True, timeout=200, check=True,
        )  # fmt: skip
        assert "CONSOLE" not in done.stderr
        assert len(re.findall(r"<section\b", done.stdout)) == persons
        bars = len(re.findall(r'class="bar"', done.stdout))
        assert bars == sum(len(p["intervals"]) for p in data_of(page)["persons"])
        assert done.stdout.count("<h2") == persons
