"""`rhas segment --labels`: the table, what of it is refused, and the fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.config.params import FilmParams
from rhas.segment.label_fit import LabelFit, describe_fit, mark_frames
from rhas.segment.labels import Label, check_labels, plan_labels, read_labels
from rhas.segment.models import open_model
from rhas.segment.run import segment_film

from .asking import request

PEOPLE = ("the man", "the woman")
ACTIONS = ("walking", "feeding the dog")


def write(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def plan(path: Path) -> tuple[Label, ...]:
    return plan_labels(path, ACTIONS, {"a": PEOPLE})["a"]


def test_persons_have_a_number_or_a_sentence(tmp_path: Path) -> None:
    by_number = write(tmp_path, "person,action,start_s,end_s", "1,Walking,0.5,2", "0,nothing,3,4")
    assert plan(by_number) == (Label(1, 0, 0.5, 2), Label(0, None, 3, 4))
    by_sentence = write(
        tmp_path, "reference;action;start_s;end_s", "the woman;feeding  the dog;1;2"
    )
    assert plan(by_sentence) == (Label(1, 1, 1, 2),)


def test_intervals_of_a_run_are_labels(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "person,reference,action,start_s,end_s,start_frame,end_frame,score,confidence,seen",
        "1,the woman,walking,1,2,15,30,0.9,,1",
    )
    assert plan(path) == (Label(1, 0, 1, 2),)


def test_rows_of_other_films_are_for_those(tmp_path: Path) -> None:
    path = write(
        tmp_path, "movie,person,action,start_s,end_s", "a,0,walking,1,2", "b,0,walking,3,4"
    )
    found = plan_labels(path, ACTIONS, {"a": PEOPLE, "b": ("the man",), "c": PEOPLE})
    assert found == {"a": (Label(0, 0, 1, 2),), "b": (Label(0, 0, 3, 4),), "c": ()}
    with pytest.raises(RhasError, match=r"(?s)no label of this film.*c.*a, b"):
        plan_labels(path, ACTIONS, {"c": PEOPLE})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("0,wlaking,1,2", r"(?s)labels.csv:2.*wlaking.*did you mean 'walking'"),
        ("0,x,1,2", r"(?s)not asked for.*or nothing.*add it to --actions"),
        ("2,walking,1,2", r"(?s)no reference.*0: the man; 1: the woman"),
        ("-1,walking,1,2", "no reference"),
        ("the dog,walking,1,2", "(?s)no reference.*the dog"),
        (",walking,1,2", "a label of nobody"),
        ("0,walking,2,1", "(?s)end after its start.*'2' to '1'"),
        ("0,walking,-1,1", "end after its start"),
        ("0,walking,1,nan", "end after its start"),
        ("0,walking,0:01,0:02", "(?s)two times in seconds.*'0:01'"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, row: str, problem: str) -> None:
    with pytest.raises(RhasError, match=problem):
        plan(write(tmp_path, "person,action,start_s,end_s", row))


def test_a_sentence_that_is_not_the_numbers_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "person,reference,action,start_s,end_s", "0,the woman,walking,1,2")
    with pytest.raises(RhasError, match=r"(?s)not of one person.*0: the woman.*same order"):
        plan(path)


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"(?s)no such table.*start_s"):
        read_labels(tmp_path / "none.csv")
    with pytest.raises(RhasError, match=r"(?s)lacks columns.*person"):
        read_labels(write(tmp_path, "action,start_s,end_s", "walking,1,2"))
    with pytest.raises(RhasError, match="no labelled interval"):
        read_labels(write(tmp_path, "person,action,start_s,end_s"))
    path = write(tmp_path, "person,action,start_s,end_s", "0,walking,1,2")
    with pytest.raises(RhasError, match="give --actions too"):
        plan_labels(path, None, {"a": PEOPLE})
    with pytest.raises(RhasError, match=r"labels.csv:2: a label that names no film"):
        plan_labels(path, ACTIONS, {"a": PEOPLE, "b": PEOPLE})


def test_times_beyond_the_film_are_refused() -> None:
    check_labels([Label(0, 0, 1, 10.5)], 10, "a.mp4")
    for label in (Label(0, 0, 10, 10.5), Label(0, 0, 1, 12)):
        with pytest.raises(
            RhasError, match=r"(?s)a.mp4: a label beyond the film.s end.*up to 10.0 s"
        ):
            check_labels([label], 10, "a.mp4")


def test_labels_of_a_person_mark_frames() -> None:
    labels = [Label(0, 0, 0, 2), Label(0, 0, 1, 3), Label(0, 1, 2.5, 4), Label(0, None, 8, 99)]
    truth, known = mark_frames(labels, (10, 3), fps=1)
    assert truth.T.astype(int).tolist() == [
        [1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [0] * 10,
    ]
    assert known.astype(int).tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]


def test_labels_that_fit_nothing_are_said_to() -> None:
    assert "not calibrated" in describe_fit(LabelFit(3, 1, False, ()))
    assert "1 of them where the person was not found" in describe_fit(LabelFit(3, 1, False, ()))
    assert describe_fit(LabelFit(12, 0, True, ("walking",))).endswith("on 12 labelled intervals")


def test_a_film_is_segmented_with_labels(
    rendered: tuple[Path, tuple[str, ...]], params: FilmParams, tmp_path: Path
) -> None:
    told: list[str] = []
    labels = (Label(0, 0, 0, 1), Label(1, 0, 0, 1), Label(0, 1, 1.5, 3), Label(1, None, 1.5, 3))
    with open_model(None, "standing, walking, flying", params, told.append) as opened:
        folder, readout, chosen = opened
        made = replace(
            request(rendered, folder, params, tmp_path / "out"),
            params=chosen, readout=readout, labels=labels,
        )  # fmt: skip
        summary = segment_film(made, told.append)
    record = json.loads((tmp_path / "out/intervals.json").read_text("utf-8"))
    assert record["labels"] == summary["labels"]
    assert record["labels"] == {
        "intervals": 4, "unseen": 0, "fitted": True, "actions": ["standing", "walking"],
    }  # fmt: skip
    assert any("fitted on 4 labelled intervals" in line for line in told)
    assert '"labels"' in (tmp_path / "out/index.html").read_text("utf-8")
    assert np.isclose(record["readout"]["default_threshold"], 0.5)
