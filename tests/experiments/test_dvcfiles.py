"""dvc.yaml as it may be after a merge or an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.experiments.dvcfiles import Stage, read_stages

MERGED = """stages:
  train:
<<<<<<< HEAD
    cmd: python train.py
=======
    cmd: python stages/train.py
>>>>>>> other
"""


def read(folder: Path, text: str) -> dict[str, Stage]:
    (folder / "dvc.yaml").write_text(text)
    return read_stages(folder, {"vlm": "clip"})


def test_a_stage(tmp_path: Path) -> None:
    stage = "{cmd: 'x ${vlm}', params: [vlm], deps: ['w/${vlm}'], metrics: [m: {cache: 0}]}"
    assert read(tmp_path, f"stages: {{a: {stage}}}") == {
        "a": Stage("x clip", {"vlm": "clip"}, ("w/clip",), ("m",))
    }
    for text in ("", "stages:", "vars: []"):
        assert read(tmp_path, text) == {}
    assert read_stages(tmp_path / "none", {}) == {}


@pytest.mark.parametrize("text", [MERGED, "stages: [", "\x00", "a: 2024-13-45", "[" * 10_000])
def test_what_is_no_yaml(tmp_path: Path, text: str) -> None:
    with pytest.raises(RhasError, match=r"dvc\.yaml: dvc\.yaml cannot be read"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["[1]", "3", "stages: 3", "stages: [a]"])
def test_what_has_no_stages(tmp_path: Path, text: str) -> None:
    with pytest.raises(RhasError, match=r"not a dvc\.yaml"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "stage",
    ["", "x", "{}", "{deps: [a]}", "{cmd: }", "{cmd: x, deps: a}", "{cmd: x, outs: {a: b}}",
     "{cmd: x, params: [1]}", "{cmd: x, plots: [{}]}", "{foreach: [1], do: {cmd: x}}"],
)  # fmt: skip
def test_a_stage_that_is_none_is_named(tmp_path: Path, stage: str) -> None:
    with pytest.raises(RhasError, match=r"dvc\.yaml, stages\.two: not a stage"):
        read(tmp_path, f"stages: {{one: {{cmd: x}}, two: {stage}}}")


@pytest.mark.parametrize("stage", ["{cmd: 'x ${vml}'}", "{cmd: x, outs: ['a/${vml}']}"])
def test_a_parameter_that_does_not_exist(tmp_path: Path, stage: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)unknown parameter 'vml'.*did you mean 'vlm'"):
        read(tmp_path, f"stages: {{a: {stage}}}")
