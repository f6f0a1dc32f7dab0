"""The feature store: round trip, layout, same bytes, and every way to misuse it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from damage import edit_zarr
from factory import FEATURES, write_features

import rhas
from rhas.base.errors import RhasError
from rhas.inspection.describe import describe_path
from rhas.stores.features import Features, FeatureStore, FeatureStoreWriter


def made(frames: int = 2300, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    return Features(
        holistic=rng.normal(size=(frames, 6)).astype(np.float16),
        partial=rng.normal(size=(frames, 6)).astype(np.float16),
        present=rng.random(frames) < 0.7,
        text=rng.normal(size=9).astype(np.float32),
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "film.zarr"
    return write_features(path, [made(seed=0), made(seed=1)], ["he", "she"])


@pytest.mark.parametrize(("start", "stop"), [(0, 2300), (0, 1), (999, 1001), (1500, 2300)])
def test_a_window_is_what_was_written(store: Path, start: int, stop: int) -> None:
    got, want = FeatureStore(store).read_window(1, start, stop), made(seed=1)
    np.testing.assert_array_equal(got.holistic, want.holistic[start:stop].astype(np.float32))
    np.testing.assert_array_equal(got.partial, want.partial[start:stop].astype(np.float32))
    np.testing.assert_array_equal(got.present, want.present[start:stop])
    np.testing.assert_array_equal(got.text, want.text)
    assert got.holistic.dtype == got.partial.dtype == np.float32


def test_a_person_who_is_never_seen_is_read(tmp_path: Path) -> None:
    """Zarr stores no chunk of zeros: of such an array there is metadata alone."""
    rng = np.random.default_rng(0)
    absent = Features(
        holistic=rng.normal(size=(2000, 768)).astype(np.float16),
        partial=np.zeros((2000, 768), np.float16),
        present=np.zeros(2000, bool),
        text=np.ones(9, np.float32),
    )
    store = FeatureStore(write_features(tmp_path / "film.zarr", [absent], ["he"]))
    assert not store.read_window(0).partial.any()
    assert not store.read_stored(0, "partial", 0, None).any()


def test_a_stream_of_another_size_than_the_whole_frame_is_refused(store: Path) -> None:
    metadata = store / "partial/zarr.json"
    metadata.chmod(0o644)
    metadata.write_text(metadata.read_text().replace("2300", "230000000"))
    with pytest.raises(RhasError, match=r"film\.zarr, partial: the feature store is damaged"):
        FeatureStore(store).read_window(0, 0, 10)


@pytest.mark.parametrize(
    ("array", "shape"),
    [("present", (1, 2300)), ("present", (2, 2299)), ("text", (1, 9)), ("holistic", (2, 2300))],
)
def test_arrays_of_other_persons_or_frames_are_refused(
    store: Path, array: str, shape: tuple[int, ...]
) -> None:
    metadata = store / array / "zarr.json"
    values = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({**values, "shape": shape}))
    with pytest.raises(RhasError, match="the feature store is damaged"):
        FeatureStore(store).read_window(0, 0, 10)


def test_attributes_and_widths(store: Path) -> None:
    assert FeatureStore(store).read_info() == replace(
        FEATURES, movie="film", frames=2300, references=("he", "she"),
        statistics=tuple(made(seed=seed).measure_statistics() for seed in (0, 1)),
    )  # fmt: skip
    assert FeatureStore(store).read_widths() == (6, 9)
    assert FeatureStore(store).count_persons() == 2


def test_a_store_of_an_earlier_version_is_told(store: Path) -> None:
    (store / "person_000" / "holistic").mkdir(parents=True)
    for read in (FeatureStore(store).read_info, lambda: describe_path(store)):
        with pytest.raises(RhasError, match="earlier version"):
            read()


@pytest.mark.parametrize("change", [{"references": 3}, {"statistics": [{"holistic": 1}]}])
def test_other_attributes_are_refused(store: Path, change: dict[str, Any]) -> None:
    edit_zarr(store).attrs.update(change)
    with pytest.raises(RhasError, match="other attributes of features"):
        FeatureStore(store).read_info()


def test_few_files_in_zarr_3(store: Path) -> None:
    """A file per stream and person, one of ``present`` and ``text``: DVC looks at each."""
    files = sorted(str(p.relative_to(store)) for p in store.rglob("*") if p.is_file())
    shards = {"holistic": ["c.0.0.0", "c.1.0.0"], "partial": ["c.0.0.0", "c.1.0.0"],
              "present": ["c.0.0"], "text": ["c.0.0"]}  # fmt: skip
    inside = [f"{name}/{file}" for name in shards for file in (*shards[name], "zarr.json")]
    assert files == sorted([*inside, "zarr.json"])
    array = zarr.open_array(store / "holistic", mode="r")
    assert array.metadata.zarr_format == 3
    assert (array.chunks, array.shards) == ((1, 1000, 6), (1, 3000, 6))
    assert array.dtype == np.float16


def test_same_input_same_bytes(store: Path, tmp_path: Path) -> None:
    again = write_features(
        tmp_path / "again.zarr", [made(seed=0), made(seed=1)], ["he", "she"], movie="film"
    )
    for path in sorted(store.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(store)).read_bytes(), path


@pytest.mark.parametrize(("start", "stop"), [(-1, 10), (10, 10), (20, 10), (0, 2301)])
def test_a_window_outside_the_film_is_refused(store: Path, start: int, stop: int) -> None:
    with pytest.raises(RhasError, match="2300"):
        FeatureStore(store).read_window(0, start, stop)


def test_absent_things_are_named(store: Path, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no such person"):
        FeatureStore(store).read_window(2, 0, 1)
    with pytest.raises(RhasError, match="no feature store"):
        FeatureStore(tmp_path / "other.zarr").read_info()
    with pytest.raises(RhasError, match="no feature store"):
        FeatureStore(tmp_path / "other.zarr").count_persons()
    (store / "partial/zarr.json").unlink()
    with pytest.raises(RhasError, match="lacks 'partial'"):
        FeatureStore(store).read_window(0, 0, 1)


def test_a_damaged_shard_is_an_error(store: Path) -> None:
    shard = store / "holistic/c.0.0.0"
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(RhasError, match="damaged"):
        FeatureStore(store).read_window(0, 0, 2300)


def test_an_existing_store_is_not_overwritten(store: Path) -> None:
    with pytest.raises(RhasError, match="exists"):
        FeatureStoreWriter(store, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"partial": np.zeros((4, 3), np.float16)},
        {"partial": np.zeros((5, 2), np.float32)},
        {"present": np.ones(4, bool)},
        {"present": np.ones(5, np.uint8)},
        {"text": np.zeros((1, 2), np.float32)},
        {"text": np.zeros(2, np.float64)},
        {"holistic": np.zeros((5, 2), np.float64), "partial": np.zeros((5, 2), np.float64)},
        {"holistic": np.zeros(5, np.float16), "partial": np.zeros(5, np.float16)},
    ],
)
def test_wrong_features_die_where_they_are_made(change: dict[str, np.ndarray]) -> None:
    good = {
        "holistic": np.zeros((5, 2), np.float16),
        "partial": np.zeros((5, 2), np.float16),
        "present": np.ones(5, bool),
        "text": np.zeros(2, np.float32),
    }
    Features(**good)
    with pytest.raises(RhasError, match="wrong shape or type"):
        Features(**{**good, **change})


def token_store(path: Path, tokens: np.ndarray, steps: list[np.ndarray]) -> Path:
    """A store of one person whose partial tokens are put in several steps of frames."""
    writer = FeatureStoreWriter(path, 1)
    with writer.create_tokens(0, "partial", tokens.shape) as kept:
        for frames in steps:
            kept.put(frames, tokens[frames].astype(np.float32))
    writer.write([made(len(tokens))], FEATURES)
    return path


def test_tokens_are_what_was_put_and_zeros_elsewhere(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).normal(size=(2350, 3, 6)).astype(np.float16)
    steps = [np.arange(950), np.arange(990, 1010), np.array([1003, 2001]), np.arange(2340, 2350)]
    want = np.zeros_like(tokens)
    for frames in steps:
        want[frames] = tokens[frames]
    path = token_store(tmp_path / "a.zarr", tokens, steps)
    for start, stop in ((0, 2350), (985, 1015), (2349, 2350), (1500, 1600)):
        got = FeatureStore(path).read_tokens(0, "partial", start, stop)
        assert got.dtype == np.float16
        np.testing.assert_array_equal(got, want[start:stop])
    files = sorted(p.relative_to(path).as_posix() for p in path.rglob("partial_tokens/c.*"))
    assert files == [f"partial_tokens/c.0.{shard}.0.0" for shard in range(3)]
    sizes = [(path / file).stat().st_size for file in files]
    chunk = 100 * 3 * 6 * 2  # bytes; chunks without any frame cost none
    assert [size // chunk for size in sizes] == [10, 1, 2]
    assert FeatureStore(path).read_window(0, 0, 2350).present.shape == (2350,)
    again = token_store(tmp_path / "b.zarr", tokens, steps)
    for file in files:
        assert (path / file).read_bytes() == (again / file).read_bytes()


def test_tokens_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    writer = FeatureStoreWriter(tmp_path / "a.zarr", 1)
    with (
        pytest.raises(RhasError, match="person 0, holistic_tokens, frames 3 to 4"),
        writer.create_tokens(0, "holistic", (5, 1, 1)) as kept,
    ):
        kept.put(np.array([3, 4]), np.array([[[1.0]], [[1e5]]]))


def test_a_store_without_tokens_says_how_to_get_them(store: Path, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"keep_tokens"):
        FeatureStore(store).read_tokens(0, "partial", 0, 5)
    path = token_store(tmp_path / "a.zarr", np.zeros((5, 1, 1), np.float16), [np.arange(5)])
    with pytest.raises(RhasError, match="window outside"):
        FeatureStore(path).read_tokens(0, "partial", 0, 6)


@pytest.mark.parametrize(
    "other",
    [
        {"holistic": np.zeros((5, 2), np.float32), "partial": np.zeros((5, 2), np.float32)},
        {"holistic": np.zeros((5, 3), np.float16), "partial": np.zeros((5, 3), np.float16)},
        {"text": np.zeros(3, np.float32)},
        None,
    ],
)
def test_persons_of_one_film_have_one_shape_and_dtype(
    tmp_path: Path, other: dict[str, np.ndarray] | None
) -> None:
    row = np.zeros((5, 2), np.float16)
    first = Features(row, row, np.ones(5, np.bool_), np.zeros(2, np.float32))
    persons = [] if other is None else [first, replace(first, **other)]
    names = [f"person {number}" for number in range(len(persons))]
    with pytest.raises(RhasError, match="different shape or dtype"):
        rhas.write_features(tmp_path / "m.zarr", persons, names, fps=15, encoder="blip2")
    assert not list(tmp_path.iterdir())
