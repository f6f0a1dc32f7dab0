from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.readout import find_top_class
from rhas.metrics.segmentation import (
    Prediction,
    average_precision,
    choose_single_labels,
    evaluate_predictions,
    mark_correct_frames,
)
from rhas.metrics.segments import BACKGROUND

C = 4
ARGMAX_FIGURES = ("acc", "edit", "f1_10", "f1_25", "f1_50")
SET_FIGURES = ("acc", "interval_f1_10", "interval_f1_25", "interval_f1_50", "label_set_iou")


def multi_hot(*sets: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.array([[c in labels for c in range(C)] for labels in sets])


def predict(scores: NDArray, active: NDArray[np.bool_]) -> Prediction:
    return Prediction(scores, active, find_top_class(scores, active))


def perfect(truth: NDArray[np.bool_]) -> Prediction:
    return predict(truth.astype(np.float32), truth)


@st.composite
def multi_label(draw: st.DrawFn) -> NDArray[np.bool_]:
    sets = draw(hnp.arrays(bool, st.tuples(st.integers(1, 6), st.just(C))))
    lengths = draw(hnp.arrays(np.int64, len(sets), elements=st.integers(1, 5)))
    return np.repeat(sets, lengths, axis=0)


@st.composite
def single_labels(draw: st.DrawFn) -> NDArray[np.bool_]:
    labels = draw(hnp.arrays(np.int64, st.integers(1, 25), elements=st.integers(BACKGROUND, C - 1)))
    return labels[:, None] == np.arange(C)


@st.composite
def truth_and_prediction(draw: st.DrawFn) -> tuple[NDArray[np.bool_], Prediction]:
    truth = draw(multi_label())
    scores = draw(hnp.arrays(np.float32, truth.shape, elements=st.floats(0, 1, width=16)))
    return truth, predict(scores, scores > 0.5)


def test_all_figures_of_a_sample_by_hand() -> None:
    truth = multi_hot((0,), (0,), (0, 1), (0, 1), (), (), (2,), (2,), (2,), (2,))
    active = multi_hot((0,), (0,), (0,), (3,), (3,), (), (2,), (2,), (2,), ())
    figures = evaluate_predictions([truth], [predict(active.astype(float), active)])
    # right: 0 0 0 - - background 2 2 2 -
    assert figures.metrics.acc == pytest.approx(70)
    # truth 0 (0-4: of {0, 1} the prediction names 0), 2 (6-10); said 0 (0-3), 3 (3-5), 2 (6-9)
    assert figures.metrics.edit == pytest.approx(200 / 3)
    assert figures.metrics.f1_50 == pytest.approx(80)
    # true intervals 0 (0-4), 1 (2-4), 2 (6-10); said 0 (0-3), 2 (6-9), 3 (3-5)
    assert figures.metrics.interval_f1_50 == pytest.approx(200 / 3)
    assert figures.other_means.interval_f1_50_class_mean == pytest.approx(200 / 3)
    # 1 1 1/2 0 0 1 1 1 1 0
    assert figures.metrics.label_set_iou == pytest.approx(65)
    assert figures.support.tolist() == [4, 2, 4, 0]
    assert figures.instances.tolist() == [1, 1, 1, 0]
    # 0: ranks TTT, then all others with one T of 7; 1: no score; 2: TTT, then one T of 7
    assert figures.ap[:3] == pytest.approx([75 + 25 * 0.4, 20, 75 + 25 * 0.4])
    assert np.isnan(figures.ap[3])
    assert figures.metrics.map == pytest.approx((85 + 20 + 85) / 3)


def test_pooled_and_mean_figures_differ() -> None:
    long, short = multi_hot(*[(0,), (1,), (2,)] * 3), multi_hot((0,))
    wrong = predict(multi_hot((1,)).astype(float), multi_hot((1,)))
    figures = evaluate_predictions([long, short], [perfect(long), wrong])
    assert figures.metrics.edit == pytest.approx(50)
    assert figures.other_means.edit_pooled == pytest.approx(90)
    assert figures.metrics.f1_50 == pytest.approx(90)
    assert figures.other_means.f1_50_sample_mean == pytest.approx(50)


def test_background_counts_in_accuracy_and_in_no_segment() -> None:
    empty = multi_hot((), (), (), ())
    figures = asdict(evaluate_predictions([empty], [perfect(empty)]).metrics)
    assert np.isnan(figures.pop("map"))
    assert set(figures.values()) == {100}
    said = perfect(multi_hot((), (1,), (), ()))
    figures = asdict(evaluate_predictions([empty], [said]).metrics)
    assert (figures["acc"], figures["edit"], figures["f1_10"]) == (75, 0, 0)
    assert mark_correct_frames(multi_hot((1,), ()), np.array([BACKGROUND, 1])).tolist() == [
        False,
        False,
    ]


def test_the_single_label_truth_follows_the_prediction_within_a_run() -> None:
    walk, wave = 0, 1
    truth = multi_hot(*[(walk,)] * 4, *[(walk, wave)] * 4, *[(wave,)] * 2)

    def made(*top: int) -> list[int]:
        return choose_single_labels(truth, np.array(top)).tolist()

    assert made(*[walk] * 4, *[wave] * 6) == [walk] * 4 + [wave] * 6
    assert made(*[walk] * 10) == [walk] * 8 + [wave] * 2
    assert made(*[2] * 10) == [walk] * 8 + [wave] * 2  # never named: the lowest id
    assert made(*[walk] * 4, walk, wave, wave, wave, wave, wave) == [walk] * 4 + [wave] * 6


def test_flickering_between_two_true_labels_is_over_segmentation() -> None:
    truth = multi_hot(*[(0, 1)] * 10)
    active = multi_hot(*[(0,), (1,)] * 5)
    figures = asdict(evaluate_predictions([truth], [predict(active.astype(float), active)]).metrics)
    assert figures["acc"] == 100
    assert figures["edit"] == pytest.approx(10)
    assert figures["f1_10"] == pytest.approx(200 / 11)


@given(st.lists(single_labels(), min_size=1, max_size=3))
def test_a_perfect_single_label_prediction_has_100_everywhere(truths: list[NDArray]) -> None:
    figures = asdict(evaluate_predictions(truths, [perfect(truth) for truth in truths]).metrics)
    assert {k: v for k, v in figures.items() if not np.isnan(v)} == {
        k: pytest.approx(100) for k, v in figures.items() if not np.isnan(v)
    }


@given(st.lists(multi_label(), min_size=1, max_size=3))
def test_a_perfect_multi_label_prediction_has_100_everywhere(truths: list[NDArray]) -> None:
    figures = asdict(evaluate_predictions(truths, [perfect(truth) for truth in truths]).metrics)
    assert [figures[name] for name in (*ARGMAX_FIGURES, *SET_FIGURES)] == pytest.approx([100] * 10)


@given(multi_label(), st.data())
def test_naming_any_one_true_label_per_run_is_perfect_too(
    truth: NDArray, data: st.DataObject
) -> None:
    """Arg-max figures do not depend on which of simultaneous actions has the higher score."""
    scores = truth * data.draw(
        hnp.arrays(np.float64, C, elements=st.floats(0.5, 1), fill=st.nothing())
    )
    figures = asdict(evaluate_predictions([truth], [predict(scores, truth)]).metrics)
    assert [figures[name] for name in ARGMAX_FIGURES] == pytest.approx([100] * 5)


@given(st.lists(truth_and_prediction(), min_size=1, max_size=4), st.randoms())
@settings(max_examples=50)
def test_the_order_of_samples_changes_nothing(
    pairs: list[tuple[NDArray, Prediction]], random: object
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        evaluate_predictions([t for t, _ in p], [said for _, said in p]) for p in (pairs, shuffled)
    )
    assert repr(one.metrics) == repr(other.metrics)
    assert repr(one.other_means) == repr(other.other_means)


Plain = list[tuple[int, int, int]]  # class, start, end


def plain_segments(labels: list[int]) -> Plain:
    found: Plain = []
    for t, label in enumerate(labels):
        if t and label == labels[t - 1]:
            found[-1] = (label, found[-1][1], t + 1)
        else:
            found.append((label, t, t + 1))
    return [segment for segment in found if segment[0] != BACKGROUND]


def plain_distance(one: list[int], other: list[int]) -> int:
    if not one or not other:
        return len(one) + len(other)
    return min(
        plain_distance(one[1:], other[1:]) + (one[0] != other[0]),
        plain_distance(one[1:], other) + 1,
        plain_distance(one, other[1:]) + 1,
    )


def plain_matches(said: Plain, true: Plain, overlap: float) -> int:
    """True positives: in order, each takes the true segment of its class it overlaps best."""
    taken: set[tuple[int, int, int]] = set()
    for label, start, stop in said:
        frames, ious = set(range(start, stop)), {}
        for other in true:
            if other[0] == label:
                its = set(range(*other[1:]))
                ious[other] = len(frames & its) / len(frames | its)
        best = max(ious, key=lambda segment: ious[segment], default=None)
        if best is not None and ious[best] >= overlap:
            taken.add(best)
    return len(taken)


def plain_figures(pairs: list[tuple[NDArray, Prediction]]) -> dict[str, float]:
    """One frame, run, segment and class at a time."""
    right = frames = 0
    edits, ious = [], []
    segments: list[tuple[Plain, Plain]] = []
    intervals: list[tuple[Plain, Plain]] = []
    for truth, prediction in pairs:
        sets = [frozenset(np.flatnonzero(row).tolist()) for row in truth]
        said = [frozenset(np.flatnonzero(row).tolist()) for row in prediction.active]
        top = prediction.top.tolist()
        frames += len(top)
        for true, mine, first in zip(sets, said, top, strict=True):
            right += first in true or (first == BACKGROUND and not true)
            ious.append(len(true & mine) / len(true | mine) if true | mine else 1.0)
        single: list[int] = []
        while len(single) < len(sets):
            start = len(single)
            members = sets[start]
            stop = next((t for t in range(start, len(sets)) if sets[t] != members), len(sets))
            named = {label: top[start:stop].count(label) for label in sorted(members)}
            single += [max(named, key=lambda c: (named[c], -c), default=BACKGROUND)] * (
                stop - start
            )
        pair = plain_segments(top), plain_segments(single)
        segments.append(pair)
        distance = plain_distance(*([label for label, *_ in side] for side in pair))
        longest = max(map(len, pair))
        edits.append(100 * (1 - distance / longest) if longest else 100.0)
        intervals.append(
            tuple(
                [i for c in range(C) for i in plain_segments([c if c in s else -1 for s in side])]
                for side in (said, sets)
            )
        )
    figures = {
        "acc": 100 * right / frames,
        "edit": sum(edits) / len(edits),
        "label_set_iou": 100 * sum(ious) / frames,
    }
    for name, sides in (("f1", segments), ("interval_f1", intervals)):
        both = sum(len(mine) + len(true) for mine, true in sides)
        for overlap in (0.1, 0.25, 0.5):
            tp = sum(plain_matches(mine, true, overlap) for mine, true in sides)
            figures[f"{name}_{round(100 * overlap)}"] = 200 * tp / both if both else 100.0
    return figures


@st.composite
def short_pairs(draw: st.DrawFn) -> tuple[NDArray[np.bool_], Prediction]:
    """Few enough segments for a distance without a table."""
    runs = draw(st.integers(1, 5))
    sets = st.frozensets(st.integers(0, C - 1), max_size=2)
    made = []
    for _ in range(2):
        lengths = draw(st.lists(st.integers(1, 4), min_size=runs, max_size=runs))
        made.append(
            np.repeat(multi_hot(*(tuple(draw(sets)) for _ in range(runs))), lengths, axis=0)
        )
    frames = min(map(len, made))
    truth, active = made[0][:frames], made[1][:frames]
    return truth, predict(
        active * draw(hnp.arrays(np.float64, C, elements=st.floats(0.5, 1))), active
    )


@given(st.lists(short_pairs(), min_size=1, max_size=3))
@settings(max_examples=100)
def test_all_figures_equal_the_plain_form(pairs: list[tuple[NDArray, Prediction]]) -> None:
    figures = asdict(
        evaluate_predictions([t for t, _ in pairs], [said for _, said in pairs]).metrics
    )
    del figures["map"]
    assert figures == pytest.approx(plain_figures(pairs))


def slow_average_precision(true: NDArray, score: NDArray) -> float:
    """Precision and recall at every threshold, one at a time."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        passed = score >= threshold
        precision = (passed & true).sum() / passed.sum()
        recall = (passed & true).sum() / true.sum()
        total += (recall - recall_before) * precision
        recall_before = recall
    return 100 * total


@given(
    hnp.arrays(bool, 20),
    hnp.arrays(np.float64, 20, elements=st.sampled_from((0, 0.1, 0.25, 0.5, 0.9, 1))),
    st.integers(1, 19),
)
def test_average_precision_equals_the_definition(true: NDArray, score: NDArray, cut: int) -> None:
    two = (
        [a[:, None] for a in (true[:cut], true[cut:])],
        [a[:, None] for a in np.split(score, [cut])],
    )
    [ap] = average_precision(*two)
    if true.any():
        assert ap == pytest.approx(slow_average_precision(true, score))
    else:
        assert np.isnan(ap)


def test_average_precision_of_a_published_example() -> None:
    """scikit-learn's documentation: average_precision_score gives 0.83."""
    [ap] = average_precision(
        [np.array([[0], [0], [1], [1]])], [np.array([[0.1], [0.4], [0.35], [0.8]])]
    )
    assert ap == pytest.approx(100 * (0.5 + 0.5 * 2 / 3))


def test_what_does_not_fit_is_refused() -> None:
    truth = multi_hot((0,), (1,))
    with pytest.raises(RhasError, match="sample"):
        evaluate_predictions([], [])
    with pytest.raises(RhasError, match="sample 0"):
        evaluate_predictions([truth[:1]], [perfect(truth)])
    scores = truth.astype(float)
    with pytest.raises(RhasError, match="do not fit"):
        Prediction(scores[:1], truth, np.array([0, 1]))
    for top in ([0, 0], [0, BACKGROUND]):
        with pytest.raises(RhasError, match="not in the predicted label set"):
            Prediction(scores, truth, np.array(top))
