from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from factory import FEATURES
from hypothesis import given
from hypothesis import strategies as st

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.chunk import Samples, make_boundary, make_labels, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.data.annotations import TimedAction
from rhas.stores.features import Features, FeatureStoreWriter
from rhas.stores.manifest import Film
from rhas.stores.samples import SampleInfo

WALK, WAVE = CLASS_ID["walking"], CLASS_ID["waving"]


def config(**changes: object) -> ChunkConfig:
    base = {
        "fps": 10.0, "frame_len": 100, "split": "cross_movie", "seed": 0,
        "fractions": (0.8, 0.1, 0.1), "min_frames": 20, "boundary_sigma": 2.0,
    }  # fmt: skip
    return ChunkConfig(**{**base, **changes})


def film(movie: str, persons: int = 1, subset: str | None = "train") -> Film:
    return Film(
        movie, f"films/{movie}.mp4", "", tuple(f"person {p}" for p in range(persons)), subset
    )


def store(
    folder: Path, made: Film, frames: int, fps: float = 10.0, encoder: str = "blip2",
    queries: int = 0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Returns the query tokens of the last person, by stream."""
    tokens = {}
    persons = len(made.references)
    writer = FeatureStoreWriter(folder / f"{made.movie}.zarr", persons)
    rng = np.random.default_rng(len(made.movie))
    everyone = []
    for person in range(persons):
        present = rng.random(frames) < 0.8
        partial = rng.normal(size=(frames, 4)).astype(np.float16) * present[:, None]
        holistic = rng.normal(size=(frames, 4)).astype(np.float16)
        everyone.append(Features(holistic, partial, present, np.ones(3, np.float32)))
        for name in ("holistic", "partial") if queries else ():
            tokens[name] = rng.normal(size=(frames, queries, 4)).astype(np.float16)
            with writer.create_tokens(person, name, (frames, queries, 4)) as sink:
                sink.put(np.arange(frames), tokens[name])
    info = replace(
        FEATURES, movie=made.movie, references=made.references, fps=fps, encoder=encoder,
        frames=frames,
    )  # fmt: skip
    writer.write(everyone, info)
    return tokens


def chunk(
    folder: Path,
    films: Sequence[Film],
    rows: list[TimedAction],
    frames: int = 250,
    **changes: object,
) -> SampleInfo:
    for made in films:
        if not (folder / "f" / f"{made.movie}.zarr").exists():
            store(folder / "f", made, frames)
    out = folder / "samples"
    out.mkdir(exist_ok=True)
    return write_samples(films, rows, folder / "f", config(**changes), out)


def walks(*films: Film) -> list[TimedAction]:
    return [
        TimedAction(f.movie, person, "walking", 1.0, 3.0)
        for f in films
        for person in range(len(f.references))
    ]


def test_a_sample_holds_the_window_and_is_padded(tmp_path: Path) -> None:
    made = film("a")
    rows = [*walks(made), TimedAction("a", 0, "waving", 2.0, 21.0)]
    info = chunk(tmp_path, [made], rows)
    assert info.samples == {"train": 3, "val": 0, "test": 0}
    samples = Samples(tmp_path / "samples", "train")
    assert [(s.start, s.stop) for s in samples.samples] == [(0, 100), (100, 200), (200, 250)]
    assert samples.reference(samples.samples[0]) == "person 0"
    first, last = samples[0], samples[2]
    shapes = {key: tuple(value.shape) for key, value in first.items()}
    assert shapes == {
        "holistic": (100, 4), "partial": (100, 4), "present": (100,), "mask": (100,),
        "labels": (100, 137), "boundary": (100,), "text": (3,),
    }  # fmt: skip
    assert first["labels"][:, WALK].nonzero().flatten().tolist() == list(range(10, 30))
    assert first["labels"][:, WAVE].nonzero().flatten().tolist() == list(range(20, 100))
    assert last["labels"][:, WAVE].nonzero().flatten().tolist() == list(range(10))
    assert last["mask"].tolist() == [True] * 50 + [False] * 50
    assert last["holistic"][50:].abs().sum() == 0
    assert last["holistic"][:50].abs().sum() > 0
    assert {key: value.dtype for key, value in first.items()} == {
        "holistic": torch.float32, "partial": torch.float32, "present": torch.bool,
        "mask": torch.bool, "labels": torch.float32, "boundary": torch.float32,
        "text": torch.float32,
    }  # fmt: skip


def test_frame_len_changes_the_number_of_samples(tmp_path: Path) -> None:
    made = film("a")
    assert chunk(tmp_path, [made], walks(made)).samples["train"] == 3
    assert chunk(tmp_path, [made], walks(made), frame_len=200).samples["train"] == 2


def test_drops_are_counted_and_named(tmp_path: Path) -> None:
    films = [film("a", 2)]
    rows = [
        TimedAction("a", 0, "walking", 1, 2), TimedAction("a", 0, "waving", 30, 31),
        TimedAction("a", 0, "waving", 20, 40),
    ]  # fmt: skip
    info = chunk(tmp_path, films, rows, frames=210)
    assert info.dropped == {
        "tail_windows": 1, "tail_frames": 10,
        "intervals_outside_film": 1, "intervals_cut_at_end": 1,
    }  # fmt: skip
    assert info.persons_without_annotation == ["a person 1"]
    assert info.count_dropped() == {**info.dropped, "persons_without_annotation": 1}


def test_a_film_shorter_than_min_frames_is_kept(tmp_path: Path) -> None:
    made = film("a")
    assert chunk(tmp_path, [made], walks(made), frames=15).samples["train"] == 1


def test_query_tokens_where_they_are_asked_for(tmp_path: Path) -> None:
    made = film("a")
    chunk(tmp_path, [made], walks(made))
    shutil.rmtree(tmp_path / "f" / "a.zarr")
    tokens = store(tmp_path / "f", made, 250, queries=3)
    samples = Samples(tmp_path / "samples", "train", tokens=True)
    for name, all_of_them in tokens.items():
        for sample, (start, stop) in enumerate([(0, 100), (100, 200), (200, 250)]):
            read = samples[sample][f"{name}_tokens"].numpy()
            assert read.shape == (100, 3, 4)
            assert read.dtype == np.float16
            np.testing.assert_array_equal(read[: stop - start], all_of_them[start:stop])
            assert not read[stop - start :].any()
    assert "partial_tokens" not in Samples(tmp_path / "samples", "train")[0]


def test_query_tokens_that_were_not_kept(tmp_path: Path) -> None:
    made = film("a")
    chunk(tmp_path, [made], walks(made))
    samples = Samples(tmp_path / "samples", "train", tokens=True)
    with pytest.raises(RhasError, match=r"(?s)lacks 'holistic_tokens'.*extract.keep_tokens"):
        samples[0]


def test_the_only_token_of_clip_is_its_feature(tmp_path: Path) -> None:
    made = film("a")
    store(tmp_path / "f", made, 250, encoder="clip")
    chunk(tmp_path, [made], walks(made))
    first = Samples(tmp_path / "samples", "train", tokens=True)[0]
    for name in ("holistic", "partial"):
        np.testing.assert_array_equal(first[f"{name}_tokens"][:, 0].float(), first[name])


def test_cross_movie_keeps_films_whole_and_fixed_subsets(tmp_path: Path) -> None:
    films = [film(f"m{n}", subset=None) for n in range(10)] + [film("fixed", subset="test")]
    chunk(tmp_path, films, walks(*films))
    sides = {
        side: {s.movie for s in Samples(tmp_path / "samples", side).samples}
        for side in ("train", "val", "test")
    }
    assert "fixed" in sides["test"]
    assert [len(sides[side]) for side in ("train", "val", "test")] == [8, 1, 2]
    assert not sides["train"] & sides["test"]


def test_random_split_has_exact_shares_and_follows_the_seed(tmp_path: Path) -> None:
    films = [film(f"m{n}") for n in range(10)]
    first = chunk(tmp_path, films, walks(*films), split="random")
    assert first.samples == {"train": 24, "val": 3, "test": 3}
    index = (tmp_path / "samples" / "index.csv").read_text()
    chunk(tmp_path, films, walks(*films), split="random")
    assert (tmp_path / "samples" / "index.csv").read_text() == index
    chunk(tmp_path, films, walks(*films), split="random", seed=1)
    assert (tmp_path / "samples" / "index.csv").read_text() != index


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (TimedAction("b", 0, "walking", 0, 1), "movie b, person 0"),
        (TimedAction("a", 3, "walking", 0, 1), "movie a, person 3"),
    ],
)
def test_annotations_of_unknown_persons(tmp_path: Path, row: TimedAction, message: str) -> None:
    with pytest.raises(RhasError, match=message):
        chunk(tmp_path, [film("a")], [row])


def test_no_annotation_at_all(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no sample"):
        chunk(tmp_path, [film("a")], [])


def test_stores_of_another_rate_are_refused(tmp_path: Path) -> None:
    made = film("a")
    store(tmp_path / "f", made, 250, fps=25.0)
    with pytest.raises(RhasError, match="another fps"):
        chunk(tmp_path, [made], walks(made))


def test_config_checks() -> None:
    with pytest.raises(RhasError, match="min_frames"):
        config(min_frames=101)
    with pytest.raises(RhasError, match="sum to 1"):
        config(fractions=(0.8, 0.1, 0.2))
    with pytest.raises(RhasError, match=r"fractions\[0\]"):
        config(fractions=(1.2, -0.1, -0.1))
    with pytest.raises(RhasError, match="boundary_sigma"):
        config(boundary_sigma=0.0)


def test_equal_input_equal_bytes(tmp_path: Path) -> None:
    made = film("a", 2)
    chunk(tmp_path, [made], walks(made))
    first = {p.name: p.read_bytes() for p in (tmp_path / "samples").iterdir()}
    chunk(tmp_path, [made], walks(made)[::-1])
    assert {p.name: p.read_bytes() for p in (tmp_path / "samples").iterdir()} == first
    assert json.loads(first["info.json"])["D"] == 4


@given(
    st.lists(st.tuples(st.integers(0, 136), st.integers(0, 60), st.integers(1, 30)), max_size=8),
    st.integers(0, 50),
    st.integers(1, 40),
)
def test_labels_against_a_loop(spans: list[tuple[int, int, int]], start: int, length: int) -> None:
    intervals = [(c, first, first + n) for c, first, n in spans]
    labels = make_labels(intervals, start, start + length)
    for frame in range(length):
        wanted = Counter(c for c, first, end in intervals if first <= start + frame < end)
        assert set(np.flatnonzero(labels[frame])) == set(wanted)
    assert labels.max(initial=0) <= 1


def test_boundary_of_one_change_peaks_at_one_beside_it() -> None:
    labels = np.zeros((60, 3), np.float32)
    labels[30:, 1] = 1
    boundary = make_boundary(labels, 2.0)
    assert boundary[29] == pytest.approx(1)
    assert boundary[30] == pytest.approx(1)
    assert np.array_equal(boundary, boundary[::-1])
    assert boundary[:15].max() == 0
    expected = np.exp(-((np.arange(60) - 29) ** 2) / 8) + np.exp(-((np.arange(60) - 30) ** 2) / 8)
    assert np.allclose(boundary[22:38], (expected / expected.max())[22:38], atol=1e-3)


def test_boundary_of_constant_labels_is_zero() -> None:
    assert make_boundary(np.ones((20, 2), np.float32), 3.0).max() == 0


@pytest.mark.parametrize("sigma", [0.01, 1.0, 7.0, 1e6])
@pytest.mark.parametrize("frames", [1, 2, 30])
def test_boundary_of_any_width_and_length(sigma: float, frames: int) -> None:
    """As with the whole kernel, whose tails lie beyond a short window."""
    labels = np.zeros((frames, 3), np.float32)
    labels[frames // 2 :] = 1
    boundary = make_boundary(labels, sigma)
    assert boundary.shape == (frames,)
    assert np.isfinite(boundary).all()
    changes = np.flatnonzero((labels[1:] != labels[:-1]).any(1)) + 1
    for change in changes.tolist():
        distance = np.arange(frames)[:, None] - [change - 1, change]
        weights = np.exp(-0.5 * (distance / sigma) ** 2).sum(1)
        expected = weights / (1 + np.exp(-0.5 / sigma**2))
        assert boundary == pytest.approx(expected, abs=2e-3)  # the kernel ends at 4 sigma
