from __future__ import annotations

import importlib.util
import re
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.published import evaluate_as_published, make_constant_scores

PAGE = Path(__file__).parents[2] / "docs" / "METRICS.md"


def in_words(truths: list[NDArray], scores: list[NDArray]) -> list[float]:
    """The published evaluator as the page describes it: one frame, segment and pair at a time."""

    def right(labels: NDArray, score: NDArray) -> bool:
        return int(np.argpartition(score, -1)[-1]) in set(np.flatnonzero(labels).tolist())

    def segments(values: NDArray) -> list[tuple[NDArray, int, int]]:
        starts = [0] + [i for i in range(1, len(values)) if list(values[i]) != list(values[i - 1])]
        ends = [*starts[1:], len(values)]
        return [(values[s], s, e) for s, e in zip(starts, ends, strict=True)]

    def distance(said: list, true: list) -> int:
        before = list(range(len(true) + 1))
        for i, p in enumerate(said, start=1):
            now = [i]
            for j, y in enumerate(true, start=1):
                same = right(y[0], p[0])
                now.append(min(before[j - 1] + (not same), before[j] + 1, now[-1] + 1))
            before = now
        return before[-1]

    frames = correct = 0
    edit = 0.0
    tp, fp, fn = [0] * 3, [0] * 3, [0] * 3
    for truth, score in zip(truths, scores, strict=True):
        correct += sum(right(t, s) for t, s in zip(truth, score, strict=True))
        frames += len(truth)
        said, true = segments(score), segments(truth)
        edit += (1 - distance(said, true) / max(len(said), len(true))) * 100
        for k, overlap in enumerate((0.1, 0.25, 0.5)):
            hit = set()
            for vector, start, stop in said:
                ratios = [
                    abs(min(stop, e) - max(start, s)) / (max(stop, e) - min(start, s))
                    * right(labels, vector)
                    for labels, s, e in true
                ]  # fmt: skip
                best = ratios.index(max(ratios))
                if ratios[best] >= overlap:
                    tp[k] += 1
                    hit.add(best)
                else:
                    fp[k] += 1
            fn[k] += len(true) - len(hit)
    f1 = []
    for t, p, n in zip(tp, fp, fn, strict=True):
        precision, recall = t / (t + p), t / max(t + n, 1)
        f1.append(2.0 * (precision * recall) / (precision + recall) * 100 if t else 0.0)
    return [100 * correct / frames, edit / 2, *f1]


@st.composite
def truth_and_scores(draw: st.DrawFn) -> tuple[NDArray, NDArray]:
    runs, classes = draw(st.integers(1, 8)), 4
    truth = draw(hnp.arrays(np.float32, (runs, classes), elements=st.sampled_from((0, 0, 1))))
    scores = draw(
        hnp.arrays(
            draw(st.sampled_from((np.float32, np.float64))),
            (runs, classes),
            elements=st.sampled_from((0, 0.25, 0.5, 1)),  # many ties
        )
    )
    lengths = [draw(hnp.arrays(np.int64, runs, elements=st.integers(1, 5))) for _ in range(2)]
    truth, scores = (np.repeat(v, n, axis=0) for v, n in zip((truth, scores), lengths, strict=True))
    frames = min(len(truth), len(scores))
    return truth[:frames], scores[:frames]


@given(st.lists(truth_and_scores(), min_size=1, max_size=3))
@settings(max_examples=80)
def test_the_arrays_give_the_bits_of_the_loops(pairs: list[tuple[NDArray, NDArray]]) -> None:
    truths, scores = [t for t, _ in pairs], [s for _, s in pairs]
    assert list(astuple(evaluate_as_published(truths, scores))) == in_words(truths, scores)


def test_the_arrays_give_the_bits_of_the_loops_on_continuous_scores() -> None:
    rng = np.random.default_rng(3)
    truths = [np.repeat(rng.random((6, 9)) < 0.2, 12, axis=0).astype(np.float32) for _ in range(2)]
    scores = [rng.random(t.shape, np.float32) for t in truths]
    assert list(astuple(evaluate_as_published(truths, scores))) == in_words(truths, scores)
    # more segments than one block of comparisons holds
    truth = np.repeat(rng.random((40, 3)) < 0.4, 30, axis=0).astype(np.float32)
    many = rng.random(truth.shape, np.float32)
    assert list(astuple(evaluate_as_published([truth], [many]))) == in_words([truth], [many])


def test_label_sets_of_no_one_and_two_labels() -> None:
    score = np.array([[0.1, 0.9, 0.5]])
    for labels, right in (((0, 0, 0), 0), ((0, 1, 0), 100), ((1, 0, 0), 0), ((0, 1, 1), 100)):
        figures = evaluate_as_published([np.array([labels])], [score])
        assert figures.acc == right
        assert figures.edit == right / 2
        assert figures.f1_50 == right


def test_a_gap_counts_as_overlap_and_a_true_segment_is_hit_many_times() -> None:
    truth = np.zeros((20, 2))
    truth[0, 0] = truth[1:, 1] = 1
    scores = np.zeros((20, 2))
    scores[:, 0] = 1 + np.arange(20)  # class 0 everywhere, each frame its own segment
    # frame 0 hits; frame 1 touches (gap 0); frame n has a gap of n - 1 in a span of n + 1
    ratios = [1.0] + [(n - 1) / (n + 1) for n in range(1, 20)]
    tp = sum(r >= 0.5 for r in ratios)
    precision, recall = tp / 20, tp / (tp + 1)
    assert evaluate_as_published([truth], [scores]).f1_50 == pytest.approx(
        200 * precision * recall / (precision + recall)
    )


def test_edit_grows_with_the_number_of_samples() -> None:
    truth = np.repeat(np.eye(3), 4, axis=0)
    figures = [evaluate_as_published([truth] * n, [truth] * n).edit for n in (1, 2, 6)]
    assert figures == [50, 100, 300]


def test_the_table_of_the_page() -> None:
    spec = importlib.util.spec_from_file_location(
        "published_table", Path(__file__).with_name("published_table.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = re.findall(r"^\| ([^|]+) \| (.+ / .+) \| (.+ / .+) \|$", PAGE.read_text("utf-8"), re.M)
    noted = {name: [cell.replace("*", "") for cell in cells] for name, *cells in rows}
    assert noted == {name: module.cells(values) for name, values in module.table().items()}


def test_the_constant_class_is_the_most_frequent_one() -> None:
    truths = [np.repeat(np.eye(4)[[2, 1, 2, 3]], 6, axis=0) for _ in range(2)]
    label, scores = make_constant_scores(truths)
    assert label == 2
    assert all((s.argmax(axis=1) == 2).all() and s.dtype == np.float32 for s in scores)
    assert all(len(np.unique(s, axis=0)) == len(s) for s in scores)  # the noise tells frames apart
    assert evaluate_as_published(truths, scores).acc == 50


def test_what_does_not_fit_is_refused() -> None:
    truth, scores = np.ones((3, 2)), np.ones((3, 2))
    with pytest.raises(RhasError, match="one score array per truth"):
        evaluate_as_published([], [])
    for bad in (scores[:2], np.full((3, 2), np.nan)):
        with pytest.raises(RhasError, match="sample 1"):
            evaluate_as_published([truth, truth], [scores, bad])
    with pytest.raises(RhasError, match="sample 0"):
        evaluate_as_published([truth[:0]], [scores[:0]])
