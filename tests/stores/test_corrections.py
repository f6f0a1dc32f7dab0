"""corrections.json is read back as written, and refused where it is not what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.stores.corrections import (
    MAX_BYTES,
    parse_corrections,
    read_corrections,
    write_corrections,
)

WAS = {"action": "Gehen, 走る", "start_frame": 1, "end_frame": 9}


def make_record() -> dict[str, Any]:
    corrected: dict[str, Any] = {
        "action": "walking",
        "start_frame": 0,
        "end_frame": 9,
        "by": "corrected",
        "was": WAS,
    }
    corrected["was"] = dict(WAS)
    added = {"action": "=cmd()", "start_frame": 3, "end_frame": 30, "by": "added"}
    person = {"person": 0, "reference": "der Mann", "checked": False,
              "intervals": [corrected, added], "removed": [dict(WAS)],
              "not_this_person": [{"start_frame": 9, "end_frame": 10}]}  # fmt: skip
    return {"format": "rhas corrections", "version": 1, "revision": 3, "film": "a.mp4",
            "frames": 30, "fps": 29.97, "classes": ["走る"], "persons": [person]}  # fmt: skip


def test_it_is_read_back(tmp_path: Path) -> None:
    record = make_record()
    path = tmp_path / "corrections.json"
    write_corrections(path, parse_corrections(json.dumps(record).encode(), "test"))
    assert json.loads(path.read_text("utf-8")) == record
    assert read_corrections(path).model_dump(exclude_none=True) == parse_corrections(
        json.dumps(record).encode(), "test"
    ).model_dump(exclude_none=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.update(version=2), "version"),
        (lambda r: r.update(revision=True), "revision"),
        (lambda r: r.update(frames=29), "frames up to 30 of a film of 29"),
        (lambda r: r.update(fps=0), "fps"),
        (lambda r: r["persons"][0].update(person=1), "in the place of person 0"),
        (lambda r: r["persons"][0]["intervals"][0].pop("was"), "what it was before"),
        (lambda r: r["persons"][0]["intervals"][1].update(was=WAS), "what it was before"),
        (lambda r: r["persons"][0]["intervals"][1].update(by="me"), "by"),
        (lambda r: r["persons"][0]["intervals"][1].update(start_frame=30), "frames 30 to 30"),
        (lambda r: r["persons"][0]["intervals"][1].update(start_frame=-1), "start_frame"),
        (lambda r: r["persons"][0]["intervals"][1].update(start_frame=1.5), "start_frame"),
        (lambda r: r["persons"][0]["removed"][0].update(action=""), "action"),
        (lambda r: r["persons"][0].update(extra=0), "extra"),
    ],
)
def test_a_broken_one_is_refused(change: Any, says: str) -> None:
    record = make_record()
    change(record)
    with pytest.raises(RhasError, match=says):
        parse_corrections(json.dumps(record).encode(), "test")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(RhasError, match="too large"):
        read_corrections(path)
    with pytest.raises(RhasError, match="not a file"):
        read_corrections(tmp_path)
