"""``rhas inspect`` and ``rhas diff`` as a user calls them."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from damage import edit_zarr
from datafolder import (
    FRAMES,
    MOVIE,
    features,
    picture,
    write_data,
    write_scores,
    write_store,
)
from typer.testing import CliRunner, Result

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.cli import app


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("project"))


def rhas(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_tables_and_json(data: Path) -> None:
    store = data / "features" / "blip2" / f"{MOVIE}.zarr"
    assert MOVIE in rhas("inspect", store).output
    facts = json.loads(rhas("inspect", store, "--json", "--verify").output)
    assert facts["kind"] == "feature store"
    assert {check["level"] for check in facts["checks"]} == {"ok", "warn"}


def test_verify_decides_the_exit_status(data: Path, tmp_path: Path) -> None:
    assert rhas("inspect", data / "frames", "--verify").exit_code == 0
    store = write_store(tmp_path / "m.zarr", [features(0)])
    edit_zarr(store)["holistic"][0, 0] = 7
    result = rhas("inspect", store, "--verify")
    assert result.exit_code == 1
    assert "fail" in result.output


def test_a_window_on_the_screen_and_in_a_file(data: Path, tmp_path: Path) -> None:
    store = data / "features" / "blip2" / f"{MOVIE}.zarr"
    out = tmp_path / "w.npz"
    assert "10" in rhas("inspect", store, "--window", "10:12").output
    assert rhas("inspect", store, "--window", "10:50", "--out", out).exit_code == 0
    with np.load(out) as arrays:
        np.testing.assert_array_equal(
            arrays["person_001.partial"], features(1).partial[10:50].astype(np.float32)
        )
        np.testing.assert_array_equal(arrays["frame"], np.arange(10, 50))
    tracks = data / "tracks" / f"{MOVIE}.h5"
    one = json.loads(rhas("inspect", tracks, "--window", "38:42", "--person", 0, "--json").output)
    assert one["person_000.source"] == [2, 2, 0, 0]
    assert "person_001.source" not in one
    assert "interpolated" in rhas("inspect", tracks, "--window", "8:9").output
    rhas("inspect", data / "frames" / f"{MOVIE}.h5", "--window", "3:5", "--out", out)
    with np.load(out) as arrays:
        np.testing.assert_allclose(arrays["pictures"][1], picture(4), atol=2)


def test_a_window_of_boxes_is_that_of_the_sampled_frames(data: Path, tmp_path: Path) -> None:
    boxes, out = data / "boxes" / f"{MOVIE}.h5", tmp_path / "b.npz"
    shown = rhas("inspect", boxes, "--window", "3:11", "--person", 1).output
    assert "frames 5 to 10, person 1" in shown
    assert "0.75" in shown
    rhas("inspect", boxes, "--window", "3:11", "--out", out)
    with np.load(out) as arrays:
        assert arrays["frame"].tolist() == [5, 10]
        assert arrays["person_000.candidates"].tolist() == [0, 2]
        assert arrays["person_000.scores"].tolist()[1] == 0.75
        assert np.isnan(arrays["person_000.boxes"][0]).all()
        assert arrays["person_000.all_scores"].tolist() == [0.75, 0.25]
    assert "every 5th" in str(rhas("inspect", boxes, "--window", "1:5").exception)


def test_a_window_of_samples_is_one_of_the_index(data: Path) -> None:
    samples = data / "samples"
    found = json.loads(rhas("inspect", samples, "--window", "0:2", "--json").output)
    assert found["name"] == ["s0", "s1"]
    assert found["actions"] == ["walking", "standing"]
    assert json.loads(
        rhas("inspect", samples, "--window", "0:2", "--person", 1, "--json").output
    )["sample"] == [1]  # fmt: skip
    assert "samples 0 to 1" in rhas("inspect", samples, "--window", "0:2").output
    assert "outside samples" in str(rhas("inspect", samples, "--window", "0:3").exception)


def test_scores_of_segment(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    scores = write_scores(folder / "scores.zarr")
    shown = rhas("inspect", scores).output
    assert "60 = 0:04 at 15 fps" in shown
    assert f"{CLASSES[0]} 0.90" in shown
    assert f"{CLASSES[1]} 0.79" in rhas("inspect", scores, "--window", "5:7", "--person", 1).output
    assert rhas("inspect", scores, "--verify").exit_code == 0
    assert f"look into {scores}" in str(rhas("inspect", folder).exception)
    other = write_scores(tmp_path / "other.zarr")
    assert rhas("diff", scores, other).exit_code == 0
    edit_zarr(other)["person_001/scores"][3, 4] = 2
    assert rhas("inspect", other, "--verify").exit_code == 1
    assert "/person_001/scores" in rhas("diff", scores, other).output


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize(
    "place", ["features/blip2/{}.zarr", "tracks/{}.h5", "boxes/{}.h5", "frames/{}.h5"]
)
def test_a_window_fits_the_screen(
    data: Path, monkeypatch: pytest.MonkeyPatch, width: int, place: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = rhas("inspect", data / place.format(MOVIE), "--window", "5:12").output.splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("│")]
    assert all(line.split("│")[1].strip() for line in rows), "a row goes on in the next line"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--window", "5"), "not a window"),
        (("--window", "5:5"), "not a window"),
        (("--window", f"5:{FRAMES + 1}"), "window outside the film"),
        (("--window", f"0:{10**15}"), "window outside the film"),
        (("--window", f"0:{10**30}"), "window outside the film"),
        (("--window", f"0:{'9' * 5000}"), "not a window"),
        (("--window", "5:6", "--person", "2"), "no such person"),
        (("--window", "5:6", "--out", "a.csv"), "not an .npz file"),
    ],
)
def test_mistakes(data: Path, words: tuple[str, ...], message: str) -> None:
    for place in ("features/blip2/{}.zarr", "tracks/{}.h5"):
        result = rhas("inspect", data / place.format(MOVIE), *words)
        assert isinstance(result.exception, RhasError)
        assert message in str(result.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "a.npz"), "--out goes with --window"),
        (("--window", "0:2", "--verify"), "give --verify in a command of its own"),
        (("--window", "0:2", "--plot", "a.png"), "give --plot in a command of its own"),
        (("--person", "0"), "--person goes with --window or --plot"),
        (("--person", "0", "--verify"), "--person goes with --window or --plot"),
    ],
)
def test_an_option_without_effect_is_a_usage_error(
    data: Path, options: tuple[str, ...], message: str
) -> None:
    result = rhas("inspect", data / "tracks" / f"{MOVIE}.h5", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
    assert not Path("a.png").exists()


@pytest.mark.parametrize(
    ("place", "options", "message"),
    [
        (f"frames/{MOVIE}.h5", ("--window", "0:2"), "frames are of no person"),
        (f"frames/{MOVIE}.h5", ("--plot", "a.png"), "a picture of frames is of no person"),
        ("samples", ("--plot", "a.png"), "a picture of samples is of no person"),
    ],
)
def test_a_person_of_what_has_none(
    data: Path, place: str, options: tuple[str, ...], message: str
) -> None:
    result = rhas("inspect", data / place, "--person", 0, *options)
    assert isinstance(result.exception, RhasError)
    assert message in str(result.exception)
    assert not Path("a.png").exists()


def test_a_full_disk_leaves_the_file_as_it_was(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_disk(file: BinaryIO, **arrays: object) -> None:
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.savez", fill_disk)
    tracks, out = data / "tracks" / f"{MOVIE}.h5", tmp_path / "w.npz"
    assert rhas("inspect", tracks, "--window", "0:2", "--out", out).exit_code == 1
    assert list(tmp_path.iterdir()) == []
    out.write_text("mine")
    assert rhas("inspect", tracks, "--window", "0:2", "--out", out).exit_code == 1
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_plot(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.png"
    result = rhas("inspect", data / "tracks" / f"{MOVIE}.h5", "--plot", out)
    assert result.exit_code == 0
    assert out.stat().st_size > 1000


def test_diff_exits_like_diff(data: Path, tmp_path: Path) -> None:
    a = write_store(tmp_path / "a.zarr", [features(0)], movie="m")
    b = write_store(tmp_path / "b.zarr", [features(1)], movie="m")
    same, other, trouble = rhas("diff", a, a), rhas("diff", a, b), rhas("diff", a, data / "samples")
    assert (same.exit_code, other.exit_code, trouble.exit_code) == (0, 1, 2)
    assert "equal" in same.output
    assert "/holistic" in other.output
    assert "two different things" in trouble.output
    samples = tmp_path / "samples"
    for spoil, message in (
        (lambda: (samples / "intervals.csv").unlink(), "intervals.csv: no such file"),
        (lambda: (samples / "index.csv").write_bytes(b"\xff"), "index.csv: not UTF-8"),
        (lambda: (samples / "index.csv").write_text("a\n1\n"), "KeyError: 'sample'"),
    ):
        shutil.copytree(data / "samples", samples, dirs_exist_ok=True)
        spoil()
        broken = rhas("diff", data / "samples", samples)
        assert broken.exit_code == 2
        assert message in broken.output
    tracks, torn = data / "tracks" / f"{MOVIE}.h5", tmp_path / "torn.h5"
    torn.write_bytes(tracks.read_bytes().replace(b"OHDR", b"OHXR"))  # HDF5's own parts of it
    assert rhas("diff", tracks, torn).exit_code == 2
    listed = json.loads(rhas("diff", a, b, "--json").output)
    assert not listed["equal"]
    assert {one["what"] for one in listed["differences"]} == {"attribute", "values"}
