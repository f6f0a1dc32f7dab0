from __future__ import annotations

from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.data.annotations import TimedAction, read_annotations, write_annotations


def test_annotations_round_trip(tmp_path: Path) -> None:
    rows = [TimedAction("a", 0, "walking", 0.0, 1.5), TimedAction("a", 1, "waving", 1.067, 2.0)]
    write_annotations(tmp_path, rows)
    assert read_annotations(tmp_path) == rows


def test_no_annotations_is_no_error(tmp_path: Path) -> None:
    assert read_annotations(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,0,flying around,0,1", "unknown action class"),
        ("a,0,walking,2,1", "end at least a millisecond after its start"),
        ("a,0,walking,-1,1", "end at least a millisecond after its start"),
        ("a,zero,walking,0,1", "malformed"),
        ("a,0,walking,0", "malformed"),
    ],
)
def test_mistakes_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    table = f"movie,person,action,start_s,end_s\na,0,walking,0,1\n{line}\n"
    (tmp_path / "annotations.csv").write_text(table)
    with pytest.raises(RhasError) as caught:
        read_annotations(tmp_path)
    assert message in str(caught.value)
    assert "annotations.csv:3" in str(caught.value)
