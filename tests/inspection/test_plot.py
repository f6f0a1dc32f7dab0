"""Pictures: the mathematics against numpy's, and that something is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datafolder import FRAMES, MOVIE, features, write_scores, write_store
from PIL import Image

from rhas.base.errors import RhasError
from rhas.inspection.plot import draw_store, principal_components, self_similarity
from rhas.inspection.project import labels_near
from rhas.stores.features import Features


def test_components_are_the_singular_vectors() -> None:
    values = np.random.default_rng(0).normal(size=(50, 5)) * [5, 1, 3, 0.1, 2]
    used = np.arange(50) % 7 != 0
    found, shares = principal_components(values, used)
    rows = values[used] - values[used].mean(0)
    left, lengths, _ = np.linalg.svd(rows, full_matrices=False)
    np.testing.assert_allclose(np.abs(found[used]), np.abs(left * lengths)[:, :3], atol=1e-9)
    np.testing.assert_allclose(shares, (lengths**2 / (lengths**2).sum())[:3])
    assert np.isnan(found[~used]).all()


@pytest.mark.parametrize("used", [np.zeros(4, bool), np.eye(4, dtype=bool)[0]])
def test_components_of_next_to_nothing(used: np.ndarray) -> None:
    found, shares = principal_components(np.ones((4, 2)), used)
    assert np.isnan(found).all()
    assert (shares == 0).all()


def test_similarity_is_the_cosine_after_centring() -> None:
    values = np.random.default_rng(1).normal(size=(20, 4))
    found, frames = self_similarity(values, np.ones(20, bool))
    np.testing.assert_allclose(found, _cosine(values), atol=1e-12)
    assert frames.tolist() == list(range(20))


def _cosine(values: np.ndarray) -> np.ndarray:
    rows = values - values.mean(0)
    lengths = np.sqrt((rows**2).sum(1))
    return (rows @ rows.T) / lengths[:, None] / lengths[None]


def test_moments_without_a_frame_are_nan() -> None:
    used = np.ones(900, bool)
    used[300:400] = False
    found, frames = self_similarity(np.random.default_rng(2).normal(size=(900, 3)), used)
    assert found.shape == (300, 300)
    assert np.isnan(found[frames == 303]).all()
    assert np.isfinite(found[0, 0])


def test_labels_of_the_film(data: Path) -> None:
    found = labels_near(data / "features" / "blip2" / f"{MOVIE}.zarr", MOVIE, 0, FRAMES, 15.0)
    assert list(found) == ["walking"]
    assert np.flatnonzero(found["walking"]).tolist() == list(range(30))


@pytest.mark.parametrize("place", ["features/blip2/{}.zarr", "boxes/{}.h5", "tracks/{}.h5"])
def test_a_picture_of_a_store(data: Path, tmp_path: Path, place: str) -> None:
    out = tmp_path / "new" / "picture.png"
    draw_store(data / place.format(MOVIE), out, person=0)
    one = _pixels(out)
    assert len(np.unique(one.reshape(-1, 3), axis=0)) > 20
    draw_store(data / place.format(MOVIE), tmp_path / "both.png")
    assert _pixels(tmp_path / "both.png").shape[0] > one.shape[0]


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_store_outside_a_project_never_found_and_in_no_font(tmp_path: Path) -> None:
    made = features(0)
    none = Features(made.holistic, np.zeros_like(made.partial), np.zeros(FRAMES, bool), made.text)
    store = write_store(tmp_path / "映画 $x$.zarr", [none], references=["赤いコートの女性"])
    draw_store(store, tmp_path / "p.svg")
    assert (tmp_path / "p.svg").stat().st_size > 1000


def test_frames_samples_and_scores(data: Path, tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.zarr")
    for n, path in enumerate(
        [data / "frames" / f"{MOVIE}.h5", data / "samples", tmp_path / "scores.zarr"]
    ):
        draw_store(path, tmp_path / f"{n}.png")
        assert len(np.unique(_pixels(tmp_path / f"{n}.png").reshape(-1, 3), axis=0)) > 20
    both = _pixels(tmp_path / "2.png").shape[0]
    draw_store(tmp_path / "scores.zarr", tmp_path / "one.png", person=1)
    assert _pixels(tmp_path / "one.png").shape[0] < both


def test_what_has_no_picture(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no picture of film stores"):
        draw_store(data / "frames", tmp_path / "p.png")
    with pytest.raises(RhasError, match="name one store"):
        draw_store(data / "features" / "blip2", tmp_path / "p.png")
    store = data / "features" / "blip2" / f"{MOVIE}.zarr"
    with pytest.raises(RhasError, match="not a kind of picture"):
        draw_store(store, tmp_path / "p.bmp")
    with pytest.raises(RhasError, match="no such person"):
        draw_store(store, tmp_path / "p.png", person=2)
