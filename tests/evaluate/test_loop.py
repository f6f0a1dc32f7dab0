"""benchmarks/loop.py: edits are counted as the page counts them, and the films are used up."""

from __future__ import annotations

import itertools
import runpy
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
Span = tuple[int, int, int]  # class, start, stop


@pytest.fixture(scope="module")
def loop() -> SimpleNamespace:
    sys.path.append(str(BENCHMARKS))
    try:
        return SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "loop.py")))
    finally:
        sys.path.remove(str(BENCHMARKS))


def paint(spans: list[Span], frames: int = 100, classes: int = 3) -> np.ndarray:
    labels = np.zeros((frames, classes), bool)
    for label, start, stop in spans:
        labels[start:stop, label] = True
    return labels


@pytest.mark.parametrize(
    ("predicted", "true", "edits"),
    [
        ([], [(0, 10, 30), (1, 5, 9)], {"add": 2}),
        ([(0, 10, 30), (1, 5, 9)], [], {"delete": 2}),
        ([(0, 10, 30)], [(0, 12, 28)], {}),  # within the slack
        ([(0, 10, 30)], [(0, 10, 50)], {"drag": 1}),
        ([(0, 10, 30)], [(0, 2, 50)], {"drag": 2}),
        ([(0, 10, 30)], [(0, 20, 40)], {"move": 1}),
        ([(0, 10, 30)], [(2, 10, 30)], {"rename": 1}),
        ([(0, 10, 30)], [(2, 10, 60)], {"rename": 1, "drag": 1}),
        ([(0, 10, 80)], [(0, 10, 30), (0, 40, 80)], {"drag": 1, "add": 1}),
        ([(0, 10, 30), (0, 40, 80)], [(0, 10, 80)], {"drag": 1, "delete": 1}),
        ([(0, 10, 20)], [(0, 60, 70)], {"add": 1, "delete": 1}),
    ],
)
def test_edits_are_those_of_the_page(
    loop: SimpleNamespace, predicted: list[Span], true: list[Span], edits: dict[str, int]
) -> None:
    found = loop.mend(paint(predicted), paint(true), 3)
    assert {kind: n for kind, n in found.edits.items() if n} == edits


def test_what_is_within_the_slack_stays_as_predicted(loop: SimpleNamespace) -> None:
    found = loop.mend(paint([(0, 10, 30)]), paint([(0, 12, 60)]), 3)
    np.testing.assert_array_equal(found.labels, paint([(0, 10, 60)]))


def test_where_an_added_interval_costs_three_others_are_changed_first(
    loop: SimpleNamespace,
) -> None:
    predicted, true = paint([(0, 10, 30)]), paint([(1, 20, 50), (1, 70, 80)])
    assert loop.mend(predicted, true, 0, add=3).edits == Counter(rename=1, drag=2, move=0, add=3)


spans = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 9)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(first=spans, second=spans)
def test_no_other_way_has_fewer_edits(
    loop: SimpleNamespace, first: list[Span], second: list[Span]
) -> None:
    """Against all ways to pair the intervals; without slack the labels are the true ones."""
    predicted, true = (
        paint([(c, s, s + n) for c, s, n in x], 40) for x in (first, second)
    )  # fmt: skip
    found = loop.mend(predicted, true, 0)
    np.testing.assert_array_equal(found.labels, true)
    assert sum(found.edits.values()) == count_slowly(list_spans(predicted), list_spans(true))


def list_spans(labels: np.ndarray) -> list[Span]:
    found = []
    for label in range(labels.shape[1]):
        column = enumerate(labels[:, label].tolist())
        for active, run in itertools.groupby(column, lambda pair: pair[1]):
            frames = [frame for frame, _ in run]
            if active:
                found.append((label, frames[0], frames[-1] + 1))
    return found


def count_slowly(old: list[Span], new: list[Span]) -> int:
    if not old:
        return len(new)
    (label, start, stop), rest = old[0], old[1:]
    least = 1 + count_slowly(rest, new)
    for n, (other, first, last) in enumerate(new):
        if start < last and first < stop:
            ends = (start != first) + (stop != last)
            moved = ends == 2 and stop - start == last - first
            cost = (label != other) + (1 if moved else ends)
            least = min(least, cost + count_slowly(rest, new[:n] + new[n + 1 :]))
    return least


def test_rounds_use_up_the_films_and_count_all_edits(
    loop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that knows everything leaves nothing to mend after the first round, and one that is
    least certain of the last film asks for it first."""

    class Oracle:
        def __init__(self, seen: int) -> None:
            self.seen = seen

        @classmethod
        def train(cls, method, batches, val, readout):
            return cls(len(batches))

        def segment(self, film):
            return film.truths

        def measure(self, subset):
            return dict.fromkeys(loop.FIGURES, float(self.seen))

        def find_uncertainty(self, film):
            asked.append(film.movie)
            return float(film.movie)

    import torch

    asked: list[str] = []
    run = loop.run_loop
    monkeypatch.setitem(run.__globals__, "Model", Oracle)
    labels = torch.from_numpy(paint([(0, 10, 30), (1, 40, 50)]).astype(np.float32))
    batch = {"labels": labels, "mask": torch.ones(100, dtype=torch.bool)}
    window = SimpleNamespace(start=0, stop=100)
    films = [loop.PooledFilm(str(n), [window], [batch]) for n in range(4)]
    setting = loop.Setting("any", None, None, None, 10.0, 2, 1)
    corrected = run(films, setting, True, False)
    assert [p.edits for p in corrected] == [2, 2, 2, 2]
    assert [p.figures["map"] for p in corrected] == [1, 2, 3, 4]
    assert not asked
    nothing = run(films, setting, False, False)
    assert [p.edits for p in nothing] == [2, 4, 6, 8]
    assert nothing[0].round_edits == Counter(add=2)
    run(films, setting, True, True)
    assert asked[:3] == ["1", "2", "3"]
    tables = loop.describe_runs({"a": [corrected, corrected], "b": [nothing, nothing]})
    assert tables["rounds"]["b"][1]["edits"] == (4, 0)
    assert "after as many edits" in loop.format_tables(tables)


def test_edits_of_a_trained_model_are_counted_per_minute(loop: SimpleNamespace) -> None:
    """100 frames are a sixth of a minute; the model has one of two intervals."""
    import torch

    labels = torch.from_numpy(paint([(0, 10, 30), (1, 40, 50)]).astype(np.float32))
    batch = {"labels": labels, "mask": torch.ones(100, dtype=torch.bool)}
    film = loop.PooledFilm("a", [SimpleNamespace(start=0, stop=100)], [batch])
    model = SimpleNamespace(segment=lambda film: [paint([(0, 10, 30)])])
    rates = loop.count_edits([film], model, 2, 10.0)
    assert [round(mean, 6) for mean, _ in rates.values()] == [12, 36, 6, 18]
