from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import rhas.mini
from rhas.cli import app
from rhas.mini import demo_spec, simulate_film


def test_a_first_result_needs_nothing_but_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(demo_spec(), seconds=4.0)
    monkeypatch.setattr(rhas.mini, "demo_spec", lambda: spec)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    assert "demo/index.html" in result.stdout
    record = json.loads((tmp_path / "demo/intervals.json").read_text("utf-8"))
    persons = record["persons"]
    assert [p["reference"] for p in persons] == simulate_film(spec).references
    assert any(p["frames"]["detected"] for p in persons)
    assert sum(len(p["intervals"]) for p in persons) > 0
    assert (tmp_path / "demo/overlay.webm").is_file()


def test_a_folder_with_other_results_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/index.html").write_text("mine")
    result = CliRunner().invoke(app, ["demo"])
    assert "would replace" in str(result.exception)
    assert [p.name for p in (tmp_path / "demo").iterdir()] == ["index.html"]


def test_without_a_model_of_ones_own_the_built_in_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rhas.config.profiles import read_profiled_params
    from rhas.segment.models import open_model

    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    params = read_profiled_params(None, "mini")
    with open_model(None, None, params, told.append) as (folder, readout, _):
        assert folder.name == "hopadiff"
        assert folder.parent.name == "weights"
        assert readout is not None
    assert "the built-in hopadiff is used" in told[0]
