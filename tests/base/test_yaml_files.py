"""YAML that unfolds without end, and a dvc.lock that is none, are errors of one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rhas.base.errors import RhasError
from rhas.base.yaml_files import MAX_VALUES, check_unfolded, parse_lock
from rhas.config.params import read_film_params, read_yaml
from rhas.experiments.dvcfiles import read_lock
from rhas.experiments.listing import read_listing
from rhas.report.inputs import read_locked_outputs

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
ENDLESS = "tables: &a {b: *a}\n"
LOCK = (
    "schema: '2.0'\nstages:\n  decode:\n    cmd: x\n    outs: [{path: data/frames, md5: a.dir}]\n"
)
DAMAGED = [
    "<<<<<<< HEAD\n" + LOCK + "=======\n",
    "- a list\n",
    "stages: [decode]\n",
    "stages: {decode: 3}\n",
    "stages: {decode: {outs: [data/frames]}}\n",
    "stages: {decode: {outs: data/frames}}\n",
    "stages: {decode: {params: [fps]}}\n",
    "stages: " + "[" * 5000,
    BOMB,
    "\x00",
]


@pytest.mark.parametrize("text", [BOMB, ENDLESS], ids=["bomb", "endless"])
def test_values_that_unfold_without_end(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    for read in (read_yaml, read_film_params, lambda path: read_listing(path, {})):
        with pytest.raises(RhasError, match=r"params\.yaml.*too many values"):
            read(path)


def test_what_people_write_is_not_too_much() -> None:
    check_unfolded({"a": list(range(MAX_VALUES - 100))}, "here")
    check_unfolded(yaml.safe_load("a: &a {b: 1}\nc: *a\n"), "here")


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_lock(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(text)
    for read in (read_locked_outputs, lambda path: read_lock(path.parent)):
        with pytest.raises(RhasError, match=r"(?s)dvc\.lock.*git checkout dvc\.lock|too many"):
            read(path)


def test_a_lock(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert read_locked_outputs(tmp_path / "dvc.lock") == {"data/frames": "a.dir"}
    assert read_lock(tmp_path)["decode"].outs == {"data/frames": "a.dir"}
    assert parse_lock("") == {}
