from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from film_functions import in_this_process
from films import write_film
from typer.testing import CliRunner

import rhas.pipeline.features
from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.config.crop import CropConfig
from rhas.config.params import read_film_params
from rhas.engine.leases import if_unused
from rhas.stores.checksums import find_checksums

ROOT = Path(__file__).resolve().parents[2]


def test_features_outside_the_project_names_the_missing_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["features", "a.mp4", "--ref", "the man", "--out", "out"])
    assert result.exit_code == 2
    assert "--params" in result.output
    assert "params.yaml" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_sentence_that_cannot_be_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    odd = os.fsdecode(b"the woman \xff red")
    result = CliRunner().invoke(app, ["features", "a.mp4", "--ref", odd, "--out", "out"])
    assert isinstance(result.exception, RhasError)
    assert "--ref, person 0: a reference with a control character" in str(result.exception)
    assert not Path("out").exists()


def test_films_that_are_absent_or_of_no_name_stop_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", in_this_process)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    write_film(tmp_path / "a.mkv", range(30), Fraction(1, 30))
    odd = os.fsdecode(b"odd\xff.mkv")
    for name in (".hidden.mkv", odd):
        (tmp_path / name).hardlink_to(tmp_path / "a.mkv")
    (tmp_path / "folder.mkv").mkdir()
    films = ["none.mkv", "a.mkv", ".hidden.mkv", odd, "folder.mkv"]
    options = ["--ref", "the man", "--out", "out"]
    shutil.copy(ROOT / "params.yaml", tmp_path)
    result = CliRunner().invoke(app, ["features", *films, *options])
    assert result.exit_code == 1
    assert "1 of 5 films in out" in result.output
    assert "none: none.mkv: no such file" in result.output
    assert (tmp_path / "out" / "features" / "a.zarr").is_dir()
    assert set(find_checksums(tmp_path / "out" / "tracks" / "a.h5")) == {""}
    assert "zarr.json" in find_checksums(tmp_path / "out" / "features" / "a.zarr")
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert sorted(report["a"]) == ["crop", "decode", "extract", "ground"]
    said = {name: own["decode"]["error"] for name, own in report.items() if name != "a"}
    assert sorted(said) == [".hidden", "folder", "none", "odd\\udcff"]
    assert "begins with a dot" in said[".hidden"]
    assert "not a file" in said["folder"]
    twice = CliRunner().invoke(app, ["features", "a.mkv", "there/a.mp4", *options])
    assert "two films of one name" in str(twice.exception)


def test_a_killed_run_leaves_no_store_without_its_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_ground(cache: Any, step: str, jobs: Any) -> Any:
        if step == "ground":
            raise KeyboardInterrupt
        return in_this_process(cache, step, jobs)

    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", stop_at_ground)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    write_film(tmp_path / "a.mkv", range(10), Fraction(1, 30))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    result = CliRunner().invoke(app, ["features", "a.mkv", "--ref", "the man", "--out", "out"])
    assert result.exit_code == 130
    assert set(find_checksums(tmp_path / "out" / "frames" / "a.h5")) == {""}


def test_parameters_that_are_left_out_have_their_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", in_this_process)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    write_film(tmp_path / "a.mkv", range(10), Fraction(1, 30))
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    extract = {"checkpoints": values["extract"]["checkpoints"]}
    short = {**values, "decode": {}, "ground": {}, "crop": {}, "extract": extract}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(short))
    result = CliRunner().invoke(app, ["features", "a.mkv", "--ref", "the man", "--out", "out"])
    assert result.exit_code == 0, result.exception
    assert read_film_params(tmp_path / "params.yaml").crop == CropConfig()


def test_no_prune_comes_between_a_result_and_its_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", in_this_process)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    write_film(tmp_path / "a.mkv", range(10), Fraction(1, 30))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    replace, idle = rhas.pipeline.features._replace_result, {}

    def linked(result: Path, target: Path) -> None:
        stage = result.parents[1]
        with if_unused(stage) as idle[stage.name]:
            replace(result, target)

    monkeypatch.setattr(rhas.pipeline.features, "_replace_result", linked)
    result = CliRunner().invoke(app, ["features", "a.mkv", "--ref", "the man", "--out", "out"])
    assert result.exit_code == 0, result.exception
    assert idle == dict.fromkeys(["decode", "ground", "crop", "extract"], False)
