"""Profiles: what they set, with and without a params.yaml, and the commands that take one."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from films import write_film
from typer.testing import CliRunner

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.cli.project import read_settings
from rhas.config.params import Params, load_params, parse_params, read_film_params
from rhas.config.profiles import PROFILES, list_profiles, read_profile, read_profiled_params
from rhas.config.section import DeviceChoice, Section
from rhas.data.imports import ImportTarget
from rhas.data.params_file import set_params
from rhas.extract.class_text import list_comparing_encoders

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "params.yaml").read_text("utf-8")
VALUES: dict[str, Any] = yaml.safe_load(TEXT)


def test_a_profile_sets_what_mini_sets_and_params_yaml_has_mini() -> None:
    mini = read_profile("mini")
    assert mini.apply(VALUES) == VALUES
    for profile in list_profiles():
        assert profile.settings.keys() == mini.settings.keys()
        parse_params(Params, profile.apply(VALUES))  # right


@pytest.mark.parametrize("name", PROFILES)
def test_the_weights_are_those_that_the_parameters_name(name: str) -> None:
    params = read_profiled_params(None, name)
    used = {params.ground.checkpoint, params.extract.checkpoint}
    known = {weights.repository for weights in read_profile(name).weights}
    named = used - set(params.built_in_checkpoints)
    assert named <= known
    if named:  # and an encoder that compares pictures with words, for `rhas segment --actions`
        comparing = {params.extract.checkpoints[vlm] for vlm in list_comparing_encoders()}
        assert known & comparing
        assert known - named <= comparing
    sizes = {path.stem for path in (ROOT / "src" / "rhas" / "profiles").glob("*.yaml")}
    assert sizes == set(PROFILES)


def test_without_params_yaml_the_rest_is_as_in_it() -> None:
    assert read_profiled_params(None, "mini") == read_film_params(ROOT / "params.yaml")


def test_what_a_profile_does_not_set_stays(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        TEXT.replace("method: hopadiff", "method: fact").replace("top_k: 5", "top_k: 9")
    )
    params = read_profiled_params(path, "real-fast")
    assert (params.method, params.ground.top_k) == ("fact", 9)
    assert (params.vlm, params.crop.size, params.ground.stride) == ("siglip2", 224, 15)
    with pytest.raises(RhasError, match="unknown profile 'reel'") as failure:
        read_profiled_params(path, "reel")
    assert failure.value.do == "did you mean 'real'?"
    path.write_text(TEXT.replace("top_k: 5", "top_k: 0"))
    with pytest.raises(RhasError, match=r"params\.yaml, ground\.top_k"):
        read_profiled_params(path, "real")


@pytest.mark.parametrize("found", [False, True])
def test_auto_is_the_device_that_is_used(monkeypatch: pytest.MonkeyPatch, found: bool) -> None:
    """So a key of the work cache names it, as it does where a user does."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    ground, named = (
        read_profile("real").apply(VALUES)["ground"] | {"device": device}
        for device in ("auto", "cuda" if found else "cpu")
    )
    params = parse_params(Params, {**VALUES, "ground": ground})
    same = parse_params(Params, {**VALUES, "ground": named})
    assert params.ground.key_values() == same.ground.key_values()
    assert params.ground.device == ("cuda" if found else "cpu")


def test_auto_is_among_the_values_of_every_device() -> None:
    class Some(Section):
        """A section."""

        section = "some"
        device: DeviceChoice = "cpu"

    with pytest.raises(RhasError) as failure:
        Some(device="gpu")
    assert failure.value.expected == "`auto` or `cpu` or `cuda`"


# rhas profile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def call(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if isinstance(result.exception, RhasError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_profiles_are_listed_with_weights_and_cost() -> None:
    told = call("profile")
    for words in (*PROFILES, "Salesforce/blip2-itm-vit-g (4.7 GB, mit)", "hours of one core"):
        assert words in told


def test_a_profile_is_written_and_taken_back(folder: Path) -> None:
    told = call("profile", "real", "--dry-run")
    assert "crop.size: 96 -> 224" in told
    assert "ground.stride" not in told
    assert (folder / "params.yaml").read_text("utf-8") == TEXT
    told = call("profile", "real")
    assert "rhas weights pull real" in told
    assert load_params() == parse_params(Params, read_profile("real").apply(VALUES))
    lines = (folder / "params.yaml").read_text("utf-8").splitlines()
    assert "  cut_threshold: 2.5   # 2.5 for real films (docs/GROUNDING.md)" in lines
    assert "has the parameters of real already" in call("profile", "real")
    call("profile", "mini")
    assert (folder / "params.yaml").read_text("utf-8") == TEXT


def test_a_parameter_left_to_its_default_becomes_a_line(folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_text("crop:\r\n    margin: 0.1\r\n    max_gap:  # none\r\nfps: 15\r\n", newline="")
    assert set_params(path, {"crop.size": 224, "crop.max_gap": 30}) == {
        "crop.size": (None, 224), "crop.max_gap": (None, 30),
    }  # fmt: skip
    assert yaml.safe_load(path.read_text()) == {
        "crop": {"margin": 0.1, "max_gap": 30, "size": 224}, "fps": 15,
    }  # fmt: skip
    before = path.read_text()
    for wrong in ({"fps.size": 1}, {"extract.checkpoints.clip": "a"}):
        with pytest.raises(RhasError, match="set by hand: "):
            set_params(path, wrong)
    assert path.read_text() == before


def test_a_section_that_is_missing_is_put_at_the_end(folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_text("fps: 15")
    assert set_params(path, {"ground.stride": 5}) == {"ground.stride": (None, 5)}
    assert path.read_text() == "fps: 15\nground:\n  stride: 5\n"


def test_a_profile_needs_a_file_to_change(folder: Path) -> None:
    (folder / "params.yaml").unlink()
    with pytest.raises(RhasError, match=r"no params\.yaml"):
        call("profile", "real", "--dry-run")


# --profile


def test_commands_on_films_need_no_params_yaml_with_a_profile(folder: Path) -> None:
    (folder / "params.yaml").unlink()
    assert read_settings(None, "real").crop.size == 224
    (folder / "params.yaml").write_text(TEXT.replace("margin: 0.1", "margin: 0.2"))
    assert read_settings(None, "real").crop.margin == 0.2
    assert read_settings(None, None).crop.size == 96


def test_check_takes_a_profile(folder: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--quick", "--profile", "real"])
    assert "IDEA-Research/grounding-dino-base" in result.output
    assert (folder / "params.yaml").read_text("utf-8") == TEXT


def test_segment_takes_a_profile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "params.yaml").unlink()
    write_film(folder / "a.mp4", range(30))
    got: list[Any] = []
    monkeypatch.setattr("rhas.segment.models.load_method", lambda folder: None)
    monkeypatch.setattr("rhas.segment.models.find_readout", lambda *folders: None)
    monkeypatch.setattr("rhas.segment.run.segment_film", lambda request, tell: got.append(request))
    words = ["segment", "a.mp4", "--ref", "the man", "--out", "out", "--json"]
    assert CliRunner().invoke(app, [*words, "--profile", "real-fast"]).exit_code == 0
    assert got[0].params == read_profiled_params(None, "real-fast")


@pytest.fixture
def films(folder: Path) -> Path:
    (folder / "in").mkdir()
    write_film(folder / "in" / "a.mp4", range(50), Fraction(1, 25))
    (folder / "in" / "references.csv").write_text("movie,person,reference\na,0,the man\n")
    return folder / "in"


def test_import_writes_a_profile(folder: Path, films: Path) -> None:
    told = call("import", "films", str(films), "--profile", "real")
    assert "crop.size was 96, is 224" in told
    assert load_params().ground.checkpoint == "IDEA-Research/grounding-dino-base"
    assert load_params().dataset == "own"


def test_a_profile_of_data_elsewhere_is_refused(folder: Path, films: Path) -> None:
    with pytest.raises(RhasError, match="not its own") as failure:
        call("import", "films", str(films), "--out", "there", "--profile", "real")
    assert "rhas profile real" in failure.value.do
    assert not (folder / "there").exists()


def test_labels_are_read_at_the_rate_that_the_project_will_have(folder: Path, films: Path) -> None:
    """At 15 frames a second frame 3 is the moment 0.2 s."""
    (folder / "params.yaml").write_text(TEXT.replace("fps: 15", "fps: 5"))
    (folder / "a.tsv").write_text("0.2\tthe man\twalking\n1\tthe man\twalking")
    assert ImportTarget(
        folder / "data/own", "data/own", folder / "params.yaml",
        {"dataset": "own", **read_profile("real").settings}, False, False,
    ).read_rate() == 15  # fmt: skip
    (folder / "params.yaml").write_text(TEXT.replace("fps: 15", "fps: -5"))
    with pytest.raises(RhasError, match="out of range"):
        call("import", "events", "a.tsv", "--films", str(films))


def test_a_folder_of_weights_need_not_be_the_built_in_one() -> None:
    mini = read_profiled_params(None, "mini")
    assert mini.built_in_checkpoints == ["weights/grounding", "weights/blip2"]
    mine = mini.replace(ground=mini.ground.replace(checkpoint="weights/dino"))
    assert mine.built_in_checkpoints == ["weights/blip2"]
