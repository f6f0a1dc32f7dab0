"""Which side a film or window is on."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.chunk.split import assign_subsets, split_films
from rhas.config.chunk import ChunkConfig
from rhas.stores.manifest import SUBSETS, Film


def config(
    fractions: tuple[float, ...] = (0.8, 0.1, 0.1), seed: int = 0, split: str = "cross_movie",
    folds: int = 5, fold: int = 0,
) -> ChunkConfig:  # fmt: skip
    return ChunkConfig(
        fps=15.0,
        frame_len=3000,
        split=split,
        folds=folds,
        fold=fold,
        seed=seed,
        fractions=fractions,
        min_frames=300,
        boundary_sigma=5.0,
    )


def film(number: int, subset: str | None = None) -> Film:
    return Film(f"film_{number}", f"films/film_{number}.mp4", "", ("she",), subset)


@pytest.mark.parametrize(
    ("films", "counts"),
    [
        (1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (5, (3, 1, 1)), (7, (5, 1, 1)),
        (10, (8, 1, 1)), (20, (16, 2, 2)), (133, (106, 14, 13)),
    ],
)  # fmt: skip
def test_few_films_have_a_test_side_too(films: int, counts: tuple[int, ...]) -> None:
    sides = Counter(assign_subsets([f"film_{n}" for n in range(films)], config()).values())
    assert tuple(sides[side] for side in SUBSETS) == counts


def test_a_side_without_a_share_stays_empty() -> None:
    sides = assign_subsets([str(n) for n in range(5)], config((1.0, 0.0, 0.0)))
    assert set(sides.values()) == {"train"}


def test_films_nobody_annotated_take_no_place() -> None:
    films = [film(n) for n in range(20)]
    annotated = {f"film_{n}" for n in range(0, 20, 4)}
    for seed in range(20):
        sides = split_films(films, annotated, config(seed=seed))
        assert set(sides) == annotated
        assert Counter(sides.values()) == {"train": 3, "val": 1, "test": 1}


def test_what_is_fixed_stays_and_counts() -> None:
    films = [film(0, "test"), film(1, "train"), film(2), film(3)]
    sides = split_films(films, {f.movie for f in films}, config())
    assert (sides["film_0"], sides["film_1"]) == ("test", "train")
    assert sorted(sides.values()) == ["test", "train", "train", "val"]


@pytest.mark.parametrize("count", [5, 12, 36])
def test_each_film_is_test_in_one_fold_and_val_in_another(count: int) -> None:
    films = [film(n, "train") for n in range(count)]  # what the data set fixes does not count
    annotated = {f.movie for f in films}
    seen: dict[str, list[str]] = {name: [] for name in annotated}
    for fold in range(5):
        sides = split_films(films, annotated, config(split="folds", fold=fold))
        numbers = Counter(sides.values())
        assert numbers["test"] in (count // 5, -(-count // 5))
        for name, side in sides.items():
            seen[name].append(side)
    assert all(sorted(sides) == ["test", "train", "train", "train", "val"]
               for sides in seen.values())  # fmt: skip


def test_folds_that_films_cannot_fill_are_refused() -> None:
    with pytest.raises(RhasError, match="fewer films than folds"):
        split_films([film(0), film(1)], {"film_0", "film_1"}, config(split="folds"))
    with pytest.raises(RhasError, match="no such fold"):
        config(split="folds", folds=4, fold=4)


@given(
    st.lists(st.integers(), min_size=1, max_size=60, unique=True),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.integers(0, 5),
)
def test_shares_are_exact_but_for_empty_sides(
    names: list[int], parts: tuple[int, int], seed: int
) -> None:
    fractions = (1 - sum(parts) / 40, parts[0] / 40, parts[1] / 40)
    sides = assign_subsets([str(name) for name in names], config(fractions, seed))
    counts = Counter(sides.values())
    assert sides.keys() == {str(name) for name in names}
    for side, fraction in zip(SUBSETS, fractions, strict=True):
        assert abs(counts[side] - fraction * len(names)) <= 2
        if fraction == 0:
            assert counts[side] == 0
        elif len(names) >= 3:
            assert counts[side] > 0
