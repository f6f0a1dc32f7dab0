"""``rhas table`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datafolder import write_data
from typer.testing import CliRunner, Result

from rhas.base.errors import RhasError
from rhas.cli import app


def rhas(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    run = {
        "name": "a",
        "settings": {
            "method": "fact", "seed": 0, "split": "random", "vlm": "blip2", "frame_len": 3000,
        },
        "metrics": {"val": {}, "test": {"acc": 12.345}},
    }  # fmt: skip
    (tmp_path / "runs.json").write_text(json.dumps([run]))
    return tmp_path / "runs.json"


def test_one_table_on_the_terminal_and_in_a_file(runs: Path, tmp_path: Path) -> None:
    said = rhas("table", "--runs", runs, "--table", 2)
    assert said.exit_code == 0
    assert "12.3" in said.output
    assert "Table 3" not in said.output
    out, save = tmp_path / "t.tex", tmp_path / "saved.jsonl"
    said = rhas("table", "--runs", runs, "--format", "latex", "--out", out, "--save", save)
    assert said.output == ""
    assert out.read_text("utf-8").count(r"\begin{tabular}") == 10
    again = rhas("table", "--runs", save, "--table", 2, "--format", "json")
    assert json.loads(again.output)[0]["rows"][0]["test"]["acc"]["mean"] == 12.345


def test_trouble_is_named(runs: Path) -> None:
    for words in (("--format", "excel"), ("--table", 9), ("--with", "mapp"), ("--runs", "nowhere")):
        failed = rhas("table", "--runs", runs, *words)
        assert isinstance(failed.exception, RhasError)


def test_statistics_at_a_rate_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("fps: fast\n")
    failed = rhas("table", "statistics", write_data(tmp_path))
    assert isinstance(failed.exception, RhasError)
    assert "no frame rate" in str(failed.exception)


def test_overrides_that_are_none(runs: Path) -> None:
    (run,) = json.loads(runs.read_text())
    run["settings"]["overrides"] = "x"
    runs.write_text(json.dumps([run]))
    failed = rhas("table", "--runs", runs)
    assert isinstance(failed.exception, RhasError)
    assert "overrides of the settings as an object" in str(failed.exception)


def test_statistics_as_tables_and_json(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    plain = rhas("table", "statistics", data / "raw", "--fps", 15, "--json")
    assert json.loads(plain.output)["persons"] == 2
    said = rhas("table", "statistics", data, "--fps", 15, "--plot", tmp_path / "a.svg")
    assert "walking" in said.output
    assert "542" in said.output
    assert (tmp_path / "a.svg").is_file()
