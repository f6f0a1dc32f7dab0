"""Checks of parameters, data, weights, GPU, disk and time; each mistake shows, a sound project
passes."""

from __future__ import annotations

import copy
import json
import math
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
import torch
import yaml
from films import add_cover, number_of, numbered, write_film
from PIL import Image
from published import write_published
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import CliRunner

from rhas.base.checks import Check, worst_level
from rhas.base.errors import RhasError
from rhas.check import room
from rhas.check.data import CheckedFilm, Data, check_data
from rhas.check.everything import check_everything
from rhas.check.parameters import check_parameters
from rhas.check.room import check_folders, check_room, feature_width, needed_bytes
from rhas.check.samples import check_samples
from rhas.check.trial import StageTrial, check_trial, cut_excerpt, estimate, run_trial, units
from rhas.check.weights import _estimate_bytes, check_gpu, check_weights
from rhas.cli import app
from rhas.config.params import Params, parse_params
from rhas.config.section import Vlm
from rhas.decode.reading import read_pictures

ROOT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


def changed(**sections: Any) -> dict[str, Any]:
    """params.yaml with keys replaced; a dict changes keys of its section."""
    values = copy.deepcopy(VALUES)
    for name, value in sections.items():
        if isinstance(value, dict):
            values[name] |= value
        else:
            values[name] = value
    return values


def parsed(**sections: Any) -> Params:
    """`changed` as a tree."""
    return parse_params(Params, changed(**sections))


PARAMS = parsed()


def failing(checks: list[Check]) -> str:
    return "\n".join(f"{c.name}: {c.found}; {c.do}" for c in checks if c.level == "fail")


def test_the_projects_parameters_are_right() -> None:
    assert [check.level for check in check_parameters(VALUES)] == ["ok"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(fpss=15), "unknown parameter 'fpss'; did you mean 'fps'?"),
        ({k: v for k, v in VALUES.items() if k != "crop"}, "'crop' is missing"),
        (changed(dataset="rhas"), "expected `mini` or `own`"),
        (changed(decode={"shortside": 3}), "did you mean 'short_side'?"),
        (changed(decode={"quality": 100}), "decode.quality"),
        (changed(ground={"policy": "mode"}), "ground.policy"),
        (changed(crop={"size": "big"}), "crop.size"),
        (changed(extract={"checkpoints": {"clip": "x"}}), "no checkpoint of this vlm"),
        (changed(extract={"checkpoints": None}), "no checkpoint of this vlm"),
        (changed(vlm="blip"), "expected `blip2` or `clip` or `siglip2`"),
        (changed(chunk={"fractions": [0.5, 0.1, 0.1]}), "sum to 1"),
        (changed(frame_len=10), "min_frames"),
        (changed(method="hopadif"), "did you mean 'hopadiff'?"),
        (changed(train={"preset": "big"}), "unknown preset"),
        (changed(train={"overrides": {"hopadiff": {"bcaa": True}}}), "did you mean 'bca'?"),
        (changed(train={"overrides": {"bca": True}}), "below their method"),
        (changed(train={"overrides": {"bca": {}}}), "no method 'bca'"),
        (changed(train={"epochs": 0}), "train.epochs"),
        (changed(evaluate={"readout": {"median": "x"}}), "median"),
        (changed(method="refatomnet"), "reads query tokens, and they are not kept"),
        (changed(mini=5), "not a section"),
        (changed(ground={"stride": 40}), "gaps of 30 are bridged"),
        (changed(dataset="own", ground={"backend": "truth"}), "only RHAS-mini has true boxes"),
    ],
)
def test_mistakes_in_parameters(values: dict[str, Any], message: str) -> None:
    assert message in failing(check_parameters(values))


def test_a_mistake_is_told_once() -> None:
    assert len(check_parameters(changed(train={"epochs": 0}))) == 1


def test_real_films_want_real_checkpoints() -> None:
    (check,) = check_parameters(changed(dataset="own"))
    assert check.level == "warn"
    assert "weights/grounding, weights/blip2" in check.found


# Data


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project with three films of 4 seconds, one named as people do."""
    films = tmp_path / "data" / "own" / "films"
    films.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c's [d] 料"):
        cells = rng.integers(0, 255, (120, 6, 8, 1)).repeat(3, 3).astype(np.uint8)
        pictures = [cell.repeat(8, 0).repeat(8, 1) for cell in cells]
        write_film(films / f"{name}.mkv", range(120), Fraction(1, 30), pictures=pictures)
    own = films.parent
    (own / "references.csv").write_text(
        "movie,person,reference\n" + "".join(f"{n},0,the man\n" for n in ("a", "b", "c's [d] 料"))
    )
    (own / "annotations.csv").write_text(
        "movie,person,action,start_s,end_s\n"
        + "".join(f"{n},0,walking,0,2\n" for n in ("a", "b", "c's [d] 料"))
    )
    return tmp_path


OWN = parsed(dataset="own")


def test_sound_films_of_ones_own(own: Path) -> None:
    told: list[tuple[int, int]] = []
    data = check_data(OWN, own, lambda done, of: told.append((done, of)))
    assert {check.level for check in data.checks} == {"ok"}
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [(f.movie, f.seconds, f.source_frames, f.persons) for f in data.films] == [
        ("a", 4.0, 120, 1), ("b", 4.0, 120, 1), ("c's [d] 料", 4.0, 120, 1),
    ]  # fmt: skip


def spoil_film(own: Path) -> None:
    film = own / "films" / "b.mkv"
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "level", "message"),
    [
        (lambda own: (own / "references.csv").unlink(), "fail", "no references"),
        (lambda own: (own / "films" / "b.mkv").unlink(), "fail", "are missing"),
        (lambda own: (own / "films" / "b.mkv").write_text("<html>"), "fail", "a text file"),
        (spoil_film, "fail", "pictures are lost"),
        (lambda own: (own / "annotations.csv").unlink(), "ok", "enough for features"),
        (lambda own: append(own, "a,0,wlking,0,1"), "fail", "did you mean 'walking'?"),
        (lambda own: append(own, "a,0,walking,0,2"), "warn", "duplicate"),
        (lambda own: append(own, "a,0,walking,1,3"), "warn", "overlap"),
        (lambda own: append(own, "../a,0,walking,1,3"), "fail", "is a path"),
        (lambda own: only(own, 2), "warn", "annotated films: 2; train, val and test want one each"),
    ],
)
def test_what_is_wrong_with_ones_own(
    own: Path, spoil: Callable[[Path], object], level: str, message: str
) -> None:
    spoil(own / "data" / "own")
    checks = check_data(OWN, own).checks
    assert worst_level(checks) == level
    assert any(message in f"{c.name} {c.found} {c.do}" for c in checks if c.level == level), checks


def append(own: Path, line: str) -> None:
    with (own / "annotations.csv").open("a") as file:
        file.write(line + "\n")


def only(own: Path, lines: int) -> None:
    path = own / "annotations.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: lines + 1]))


def test_a_damaged_film_may_be_kept_and_a_slow_one_is_told(own: Path) -> None:
    spoil_film(own / "data" / "own")
    params = parsed(dataset="own", fps=31, decode={"damaged": "keep"})
    checks = check_data(params, own).checks
    assert worst_level(checks) == "warn"
    assert {"film b.mkv", "frame rate"} <= {c.name for c in checks if c.level == "warn"}


def test_fixed_subsets_that_leave_a_side_empty(own: Path) -> None:
    table = own / "data" / "own" / "references.csv"
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},subset", *(f"{line},train" for line in lines)]) + "\n")
    (check,) = [c for c in check_data(OWN, own).checks if c.level == "warn"]
    assert check.found == "no annotated film is in val or test"


def test_films_that_show_the_same_on_two_sides(own: Path) -> None:
    films, table = own / "data" / "own" / "films", own / "data" / "own" / "references.csv"
    shutil.copy(films / "a.mkv", films / "b.mkv")

    def find_leaks(*subsets: str, **changes: Any) -> list[str]:
        lines = zip(("a", "b", "c's [d] 料"), subsets, strict=True)
        rows = "".join(f"{name},0,the man,{subset}\n" for name, subset in lines)
        table.write_text(f"movie,person,reference,subset\n{rows}")
        checks = check_data(parsed(dataset="own", **changes), own).checks
        return [check.found for check in checks if check.name == "leak"]

    (found,) = find_leaks("train", "test", "val")
    assert found.startswith("a and b are the same film: a 0.0 to 4.0 s, b 0.0 to 4.0 s; ")
    assert found.endswith("a in train and b in test")
    assert find_leaks("train", "train", "val") == []
    (found,) = find_leaks("train", "train", "val", split="random")
    assert "chance decides about a" in found


def test_a_film_with_windows_on_two_sides(data: Path) -> None:
    """Person 0 is in train, person 1 in val; with a random split that is meant."""
    (found,) = check_samples(data / "samples")
    assert found.level == "warn"
    assert "is on several sides, and the split is cross_movie" in found.found
    assert "train has person 0 frames 0 to 60; val has person 1 frames 0 to 60" in found.found
    info = data / "samples" / "info.json"
    info.write_text(info.read_text().replace("cross_movie", "random"))
    assert check_samples(data / "samples") == []
    info.write_text("[]")
    assert [one.level for one in check_samples(data / "samples")] == ["warn"]
    assert check_samples(data) == []


def test_mini_before_it_is_drawn(tmp_path: Path) -> None:
    data = check_data(PARAMS, tmp_path)
    assert worst_level(data.checks) == "ok"
    assert len(data.films) == 10
    assert sum(f.seconds for f in data.films) == pytest.approx(1554, abs=60)


def test_mini_as_drawn(data: Path) -> None:
    """The manifest says own, so RHAS-mini is to be drawn anew; then one whose film is absent."""
    root = data.parent
    assert "prepare draws them" in check_data(PARAMS, root).checks[0].found
    manifest = data / "raw" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"own"', '"mini"'))
    found = check_data(PARAMS, root)
    assert "the film is missing" in failing(found.checks)
    assert found.truth == data / "raw" / "truth"
    append(data / "raw", '"ein ""Film"" [bold]",7,walking,0,1')
    assert "1 annotations of persons without reference" in failing(check_data(PARAMS, root).checks)
    manifest.write_text("{")
    assert "cannot be read" in failing(check_data(PARAMS, root).checks)


def test_imported_features_need_no_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    published = write_published(tmp_path / "theirs", {"train": 2, "val": 1})
    runner = CliRunner()
    assert runner.invoke(app, ["import", "rhas133", *map(str, published)]).exit_code == 0
    result = runner.invoke(app, ["check"])
    assert result.exit_code == 0
    assert "3 imported samples of features (2 train, 1 val)" in result.output
    assert "none to test on" in result.output


# Weights and GPU


def test_built_in_checkpoints_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    checks = check_weights(PARAMS, load=True)
    assert [check.level for check in checks] == ["ok", "ok"]
    assert all(" M parameters" in check.found and " 0.0 M" not in check.found for check in checks)
    assert all("not loaded" in check.found for check in check_weights(PARAMS, load=False))


def test_checkpoints_that_do_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    params = parsed(ground={"checkpoint": "empty"}, extract={"checkpoints": {"blip2": "none/at"}})
    checks = check_weights(params, load=True)
    assert [check.level for check in checks] == ["fail", "fail"]
    assert all(check.do for check in checks)
    assert [c.level for c in check_weights(params, load=False)] == ["ok", "fail"]
    truth = check_weights(parsed(ground={"backend": "truth"}), load=False)
    assert truth[0].found == "not read: true boxes"


def test_published_weights_count_for_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = parsed(ground={"checkpoint": "ORG/NAME"})
    monkeypatch.setattr("rhas.check.weights.local_checkpoint", {"ORG/NAME": tmp_path}.get)
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5)}, tmp_path / "model.safetensors")
    assert _estimate_bytes(params, "ground") == 4 * (3 * 4 + 5)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert _estimate_bytes(params, "ground") == (tmp_path / "pytorch_model.bin").stat().st_size
    assert _estimate_bytes(parsed(ground={"checkpoint": "ORG/OTHER"}), "ground") == 0


def test_a_gpu_that_is_absent_full_or_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert check_gpu(PARAMS) == []
    params = parsed(extract={"device": "cuda"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch" in failing(check_gpu(params))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8_000_000_000, 9_000_000_000))
    (check,) = check_gpu(params)
    assert (check.level, "8.0 GB of 9.0 GB free" in check.found) == ("ok", True)
    with safe_open(ROOT / "weights" / "blip2" / "model.safetensors", "pt") as file:
        numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    assert f"{4 * numbers / 1e6:.1f} MB" in check.found
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1_000_000, 9_000_000_000))
    assert "a card" in failing(check_gpu(params))


# Disk and time

FILM = CheckedFilm("m", None, 200.0, 5000, (640, 360), (), 2)


def test_bytes_of_a_film() -> None:
    params = parsed(extract={"checkpoints": {"blip2": "elsewhere"}})
    need = needed_bytes([FILM], params)
    assert need["decode"] == pytest.approx(3000 * 320 * 180 * 0.25)
    assert need["crop"] == pytest.approx(3000 * 2 * PARAMS.crop.size**2 * 0.6)
    assert need["extract"] == 2 * 2 * 3000 * 768 * 2
    twice = needed_bytes([FILM, FILM], params, {"decode": 10.0})
    assert twice["decode"] == 2 * 3000 * 10.0  # by frames written, not by source pictures
    assert twice["crop"] == pytest.approx(2 * need["crop"])


def test_the_width_is_the_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blip2, clip = (
        json.loads((ROOT / "weights" / name / "config.json").read_text())
        for name in ("blip2", "clip")
    )
    assert feature_width(PARAMS) == blip2["qformer_config"]["hidden_size"]
    assert feature_width(parsed(vlm="clip")) == clip["projection_dim"]
    assert feature_width(parsed(vlm="clip", extract={"checkpoints": {"clip": "x"}})) == 512


def test_the_width_of_every_encoder_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SigLIP 2 before it is downloaded, a wider one, and an encoder that no list here names."""
    for vlm in get_args(Vlm):
        assert vlm in room._WIDTHS
    params = parsed(vlm="siglip2", extract={"checkpoints": {"siglip2": str(tmp_path)}})
    assert feature_width(params) == 768
    assert needed_bytes([FILM], params)["extract"] == 2 * 2 * 3000 * 768 * 2
    (tmp_path / "config.json").write_text('{"vision_config": {"hidden_size": 1152}}')
    assert feature_width(params) == 1152
    (tmp_path / "config.json").write_text("{")
    assert feature_width(params) == 768
    monkeypatch.setattr(room, "_WIDTHS", {})
    assert feature_width(params) == 768


def test_parameters_that_are_left_out_have_their_defaults(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of everything that a default is known of, to the end of the check."""
    monkeypatch.chdir(ROOT)
    extract = {"checkpoints": VALUES["extract"]["checkpoints"]}
    values = {
        **VALUES,
        "dataset": "own",
        "decode": {},
        "ground": {},
        "crop": {},
        "extract": extract,
    }
    params = parse_params(Params, values)
    (own / "params.yaml").write_text(yaml.safe_dump(values))
    checks = check_everything(own / "params.yaml", 1.0, load=False)
    assert failing(checks) == ""
    assert "time of ground" in [check.name for check in checks]
    assert "weights/grounding" in next(c.found for c in checks if c.name == "checkpoints")
    assert needed_bytes([FILM], params) == needed_bytes([FILM], PARAMS)
    assert units(FILM, "ground", params) == units(FILM, "ground", PARAMS)
    values["ground"] = {"stride": 31}
    assert "gaps of 30 are bridged" in failing(check_parameters(values))


def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "frames").mkdir(parents=True)
    (tmp_path / "data" / "frames" / "m.h5").write_bytes(b"x" * 600)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    check = check_room({"decode": 1000.0, "crop": 400.0}, tmp_path, "blip2")
    assert check.level == "ok"
    assert "800 B of it to come" in check.found
    assert check_room({"decode": 2000.0}, tmp_path, "blip2").level == "fail"


def test_folders_that_take_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    assert list(check_folders(tmp_path)) == []
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "data")
    (check,) = check_folders(tmp_path)
    assert (check.level, check.found) == ("fail", f"{tmp_path}/data: files cannot be written here")


def test_units_and_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [units(FILM, s, PARAMS) for s in ("decode", "ground", "crop", "extract")] == [
        5000, 600, 9000, 9000,
    ]  # fmt: skip
    monkeypatch.setenv("RHAS_WORKERS", "2")
    trial = {"decode": StageTrial(1.2, 1.0, 100.0, 0)}
    assert estimate(trial, [FILM], PARAMS) == {"decode": 50.0}
    assert estimate(trial, [FILM] * 4, PARAMS) == {"decode": 100.0}
    assert estimate(trial, [FILM] * 4, PARAMS, busy=True) == {"decode": 120.0}
    on_gpu = {"extract": StageTrial(2.0, 1.0, 9000.0, 0)}
    assert estimate(on_gpu, [FILM], parsed(extract={"device": "cuda"})) == {"extract": 2.0}
    total = check_trial(trial, FILM, Data([], [FILM] * 4), PARAMS)[-1]
    assert (total.level, "about 2 min for 4 films, 2 processes" in total.found) == ("ok", True)
    busy = {"decode": StageTrial(2.0, 1.0, 100.0, 0)}
    assert check_trial(busy, FILM, Data([], [FILM]), PARAMS)[-1].level == "warn"


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_an_excerpt_is_a_film(tmp_path: Path, ending: str) -> None:
    """With reordered pictures, from the key picture at or before the wanted moment."""
    options = {"g": "30", "bf": "2", "crf": "10", "sc_threshold": "0"}
    codec = "libx264"
    if ending == "avi":
        codec, options = "mpeg4", {"g": "30", "bf": "2", "b": "4M", "sc_threshold": "1000000000"}
    film = write_film(tmp_path / f"f.{ending}", range(120), codec=codec, options=options)
    info = cut_excerpt(film, tmp_path, begin=1.4, seconds=1.0)
    assert info.seconds == pytest.approx(1.0, abs=0.15)
    assert (info.missing, info.doubtful) == (0, ())
    shown = [number_of(p.rgb()) for p in read_pictures(info, "pyav", 64, 48) if p.rgb is not None]
    assert shown[0] == 30
    assert shown == list(range(30, 30 + len(shown)))
    assert len(shown) >= len(info.ticks) - 3


def test_an_excerpt_of_one_picture_a_second(tmp_path: Path) -> None:
    film = write_film(tmp_path / "f.mp4", range(9), Fraction(1), options={"g": "1"})
    info = cut_excerpt(film, tmp_path, begin=3.5, seconds=0.5)
    assert len(info.ticks) == 1
    assert info.seconds > 0


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("f.flv", "flv", "yuv420p"), ("f.gif", "gif", "rgb8"), ("f.mkv", "libsvtav1", "yuv420p")],
)
def test_an_excerpt_of_a_codec_that_is_rarely_written(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    """Matroska takes no GIF; AV1 is read by a decoder that has no encoder of its name."""
    if codec not in av.codecs_available:
        pytest.skip(f"no encoder {codec}")
    film = write_film(tmp_path / name, range(20), codec=codec, pixels=pixels)
    info = cut_excerpt(film, tmp_path, begin=0, seconds=10)
    assert info.path != film
    assert len(info.ticks) == 20


def test_a_film_that_cannot_be_cut_is_tried_as_a_whole(tmp_path: Path) -> None:
    still = Image.fromarray(numbered(3))
    still.save(tmp_path / "f.mp4", format="WEBP")
    assert cut_excerpt(tmp_path / "f.mp4", tmp_path, 0, 1).path == tmp_path / "f.mp4"


def test_an_excerpt_is_of_the_film_and_not_of_its_cover(tmp_path: Path) -> None:
    film = add_cover(write_film(tmp_path / "f.mkv", range(60), options={"g": "30"}))
    info = cut_excerpt(film, tmp_path, begin=0, seconds=1.0)
    assert len(info.ticks) in range(28, 33)


def test_no_excerpt_of_what_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(bytes(range(256)))
    with pytest.raises(RhasError, match="not a film"):
        cut_excerpt(tmp_path / "x.mp4", tmp_path, 0, 1)


def test_a_trial_runs_the_stages(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text().replace("dataset: mini", "dataset: own")
    )
    (own / "weights").symlink_to(ROOT / "weights")
    result = CliRunner().invoke(
        app, ["check", "--params", str(own / "params.yaml"), "--trial", "2", "--json"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    times = [c["name"] for c in found["checks"] if c["name"].startswith("time of")]
    assert times == [f"time of {s}" for s in ("decode", "ground", "crop", "extract", "all four")]
    assert found["level"] == "warn"  # of the built-in checkpoints
    assert sorted(p.name for p in (own / "data").iterdir()) == ["own"]


def test_a_trial_draws_mini_where_it_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    trials, excerpt = run_trial(check_data(PARAMS, tmp_path), PARAMS, 1.0, tmp_path)
    assert excerpt.seconds == 1.0
    assert len(excerpt.references) == excerpt.persons
    assert list(trials) == ["decode", "ground", "crop", "extract"]
    assert all(trial.seconds > 0 and trial.bytes > 0 for trial in trials.values())
    (tmp_path / "empty").mkdir()
    with pytest.raises(RhasError, match="no film to try"):
        run_trial(Data([], []), PARAMS, 1.0, tmp_path / "empty")


def test_wrong_parameters_stop_what_depends_on_them(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    for text, message in (
        ("fps: [", "cannot be read"),
        ("- 1", "no parameters: [1]"),
        ("fpss: 15\n", "not looked at"),
    ):
        params.write_text(text)
        result = CliRunner().invoke(app, ["check", "--params", str(params)])
        assert result.exit_code == 1
        assert message in result.output
    result = CliRunner().invoke(app, ["check", "--params", str(tmp_path / "none.yaml")])
    assert isinstance(result.exception, RhasError)
    assert CliRunner().invoke(app, ["check", "--quick", "--trial", "5"]).exit_code == 2
