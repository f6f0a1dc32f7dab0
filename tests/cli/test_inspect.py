"""``rhas inspect`` and ``rhas diff`` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from datafolder import FRAMES, MOVIE, features, picture, write_data, write_store
from typer.testing import CliRunner, Result

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
    zarr.open_group(store / "person_000", mode="a")["holistic"][0] = 7
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--window", "5"), "not a window"),
        (("--window", "5:5"), "not a window"),
        (("--window", f"5:{FRAMES + 1}"), "window outside the film"),
        (("--window", "5:6", "--person", "2"), "no such person"),
        (("--window", "5:6", "--out", "a.csv"), "not an .npz file"),
    ],
)
def test_mistakes(data: Path, words: tuple[str, ...], message: str) -> None:
    for place in ("features/blip2/{}.zarr", "tracks/{}.h5"):
        result = rhas("inspect", data / place.format(MOVIE), *words)
        assert isinstance(result.exception, RhasError)
        assert message in str(result.exception)


def test_out_needs_a_window(data: Path) -> None:
    assert rhas("inspect", data / "samples", "--out", "a.npz").exit_code == 2


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
    assert "/person_000" in other.output
    assert "two different things" in trouble.output
    listed = json.loads(rhas("diff", a, b, "--json").output)
    assert not listed["equal"]
    assert {one["what"] for one in listed["differences"]} == {"attribute", "values"}
