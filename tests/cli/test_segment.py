from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from films import write_film
from typer.testing import CliRunner, Result

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.config.train import TrainConfig
from rhas.methods import Dims, build_method, make_config
from rhas.segment import run
from rhas.train.saved import save_method

ROOT = Path(__file__).resolve().parents[2]
TOLD = {
    "film": "a [bold].mp4",
    "seconds": 65.0,
    "out": "out",
    "persons": [
        {"person": 0, "reference": "the [red] man", "found": True, "seen": 0.5,
         "lookalike_share": 0.25, "intervals": 9,
         "actions": ["a", "b", "c", "d", "e", "f", "g", "h"]},
        {"person": 1, "reference": "nobody", "found": False, "seen": 0.0,
         "lookalike_share": 0.0, "intervals": 0, "actions": []},
    ],
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parameters and a model, and nothing else."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    config = TrainConfig(method="linear", seed=0)
    torch.manual_seed(0)
    dims = Dims(D=8, D_text=8, C=137, L=100)
    method = build_method("linear", make_config("linear", "mini"), dims)
    save_method(method, config, dims, tmp_path / "models" / "hopadiff")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*more: str) -> Result:
    return CliRunner().invoke(app, ["segment", "a.mp4", "--ref", "the man", "--out", "out", *more])


def test_outside_the_project_the_missing_settings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = asked()
    assert result.exit_code == 2
    assert "params.yaml" in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_an_error_and_leaves_nothing(project: Path) -> None:
    result = asked()  # the film
    assert isinstance(result.exception, RhasError)
    assert "no such film" in str(result.exception)
    (project / "a.mp4").write_text("hello, hello")
    assert "a text file" in str(asked().exception)
    result = asked("--ref", " . ")
    assert "without words" in str(result.exception)
    result = asked("--ref", os.fsdecode(b"the woman \xff red"))
    assert "not in UTF-8" in str(result.exception)
    write_film(project / "a.mp4", range(30))
    shutil.rmtree(project / "models")
    params = project / "params.yaml"
    params.write_text(params.read_text("utf-8").replace("method: hopadiff", "method: fact"))
    result = asked()
    assert "no trained method" in str(result.exception)
    assert not (project / "out").exists()


def test_a_film_that_is_none_does_not_wait_for_large_imports(project: Path) -> None:
    (project / "a.mp4").touch()
    command = (
        "import sys\n"
        "from rhas.cli import main\n"
        "sys.argv = ['rhas', 'segment', 'a.mp4', '--ref', 'the man', '--out', 'out']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", command], text=True, capture_output=True)
    assert done.returncode == 1
    assert "the film is empty" in done.stderr
    assert done.stdout == "False\n"


def test_a_film_of_an_odd_name_can_be_linked_to(project: Path) -> None:
    write_film(project / ".b.mp4", range(30))
    error = CliRunner().invoke(
        app, ["segment", ".b.mp4", "--ref", "the man", "--out", "out"]
    ).exception  # fmt: skip
    assert isinstance(error, RhasError)
    assert error.what == "a movie's name begins with a dot"
    assert "ln -s" in error.do
    assert "tables" not in error.do


def test_a_truncated_film_is_refused_with_the_way_on(project: Path) -> None:
    whole = write_film(project / "a.mkv", range(90)).read_bytes()
    (project / "a.mp4").write_bytes(whole[: len(whole) // 2])
    error = asked().exception
    assert isinstance(error, RhasError)
    assert "damaged or truncated" in error.what
    assert "decode.damaged: keep" in error.do


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "no parameters"),
        ("a: [1", "cannot be read"),
        ("fps: 15\nmethod: fact\nseed: 0\n", "'vlm' is missing"),
        (None, "ground: unknown parameter 'strde'"),
    ],
)
def test_parameters_that_are_none(project: Path, text: str | None, message: str) -> None:
    file = project / "params.yaml"
    file.write_text(file.read_text("utf-8").replace("stride:", "strde:") if text is None else text)
    write_film(project / "a.mp4", range(30))
    error = asked().exception
    assert isinstance(error, RhasError)
    assert message in str(error)
    assert "params.yaml" in str(error)
    assert not (project / "out").exists()


def test_the_result_is_a_table_or_json(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    write_film(project / "a.mp4", range(30))
    monkeypatch.setattr(run, "segment_film", lambda request, tell: got.append(request) or TOLD)
    result = asked("--no-overlay")
    assert result.exit_code == 0
    assert "a, b, c, d, e, f and 2 more" in result.stdout
    assert "not found: no actions" in result.stdout
    assert "a [bold].mp4, 1:05" in result.stdout
    assert "no read-out fitted" in result.stderr
    assert result.stderr.count("somebody else fits") == 1
    assert "person 0: in 25% of the film somebody else fits" in result.stderr
    assert "a.mp4: 0:01, 64×48, h264; loading the models" in result.stderr
    assert not got[0].overlay
    assert json.loads(asked("--json").stdout) == TOLD


def test_ctrl_c_is_told_as_such(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    write_film(project / "a.mp4", range(30))
    monkeypatch.setattr(run, "segment_film", stop)
    result = asked()
    assert result.exit_code == 130
    assert "continues from here" in result.stderr


def test_a_full_disk_is_told_as_such(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_film(project / "a.mp4", range(30))
    monkeypatch.setattr(run, "segment_film", fill)
    assert "the disk is full" in str(asked().exception)
