"""Metrics from arrays of labels and scores.

T frames, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.published import PublishedMetrics
from rhas.metrics.readout import make_prediction
from rhas.metrics.segmentation import Evaluation, SegmentationMetrics, evaluate_predictions

_PLAIN = ReadoutConfig(median=1, min_frames=1)


@dataclass(frozen=True)
class MethodMetrics(SegmentationMetrics):
    """The metrics of a method on a set of samples, and those of the published evaluator.

    Args:
        as_published: of the method's raw scores.
    """

    as_published: PublishedMetrics

    @staticmethod
    def combine(metrics: SegmentationMetrics, as_published: PublishedMetrics) -> MethodMetrics:
        """Both in one record."""
        return MethodMetrics(**asdict(metrics), as_published=as_published)


def evaluate(
    truth: Any, scores: Any, *, thresholds: Any = 0.5, config: ReadoutConfig | None = None
) -> Evaluation:
    """Segmentation metrics of scores, as docs/METRICS.md defines them.

    A class is predicted in a frame where its score reaches its threshold.

    Args:
        truth: labels of a sample, (T, C), non-zero where a class is annotated; or a sequence of
            such arrays, one per sample, which may differ in T.
        scores: of the same shapes, probabilities in [0, 1].
        thresholds: one number, or one per class, (C,). `fit_thresholds` fits them on other data.
        config: smoothing over time and minimum duration of what is predicted; None: neither.

    Returns:
        ``metrics`` (ACC, EDIT, F1, mAP and others, 0-100), and per class ``ap``, ``interval_f1``,
        ``support`` and ``instances``.

    Raises:
        RhasError: no sample, arrays of a wrong or another shape, scores or thresholds outside
            [0, 1] or not finite.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])  # two classes, four frames
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.3], [0.6, 0.4], [0.1, 0.7]])
        >>> found = evaluate(truth, scores)
        >>> found.metrics.acc, found.metrics.map
        (75.0, 100.0)
        >>> found.ap
        array([100., 100.])
    """
    truths = [_check_array(item, "truth", n) for n, item in enumerate(_list_samples(truth))]
    arrays = [_check_array(item, "scores", n) for n, item in enumerate(_list_samples(scores))]
    if not truths or len(truths) != len(arrays):
        raise RhasError(
            "metrics need one score array per truth array",
            expected=f"{max(len(truths), 1)} score arrays",
            got=str(len(arrays)),
        )
    for number, (labels, score) in enumerate(zip(truths, arrays, strict=True)):
        if labels.shape != score.shape or labels.shape[1] != truths[0].shape[1]:
            raise RhasError(
                "truth and scores have different shapes",
                where=f"sample {number}",
                expected=f"(T, C) with C = {truths[0].shape[1]} in both",
                got=f"truth {labels.shape}, scores {score.shape}",
            )
        _check_range(score, f"scores, sample {number}")
    wanted = np.asarray(thresholds, np.float64)
    classes = truths[0].shape[1]
    if wanted.shape not in ((), (classes,)):
        raise RhasError(
            "thresholds of a wrong shape",
            expected=f"one number, or ({classes},)",
            got=str(wanted.shape),
        )
    _check_range(wanted, "thresholds")
    each = np.broadcast_to(wanted, (classes,))
    predictions = [make_prediction(score, each, config or _PLAIN) for score in arrays]
    return evaluate_predictions(truths, predictions)


def _list_samples(value: Any) -> Sequence[Any]:
    """A sequence of samples; one array is one sample, as is a list of rows of numbers."""
    if isinstance(value, np.ndarray) or not isinstance(value, Sequence):
        return [value]
    is_rows = bool(value) and all(np.ndim(item) == 1 for item in value)
    return [value] if is_rows else value


def _check_array(value: Any, name: str, sample: int) -> NDArray:
    """The value as an array (T, C) of numbers, T at least 1."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.ndim != 2 or 0 in array.shape:
        raise RhasError(
            f"{name} of a wrong shape or type",
            where=f"sample {sample}",
            expected="numbers (T, C), T frames and C classes, at least one each",
            got=f"{array.dtype} {array.shape}",
        )
    return array if name == "truth" or array.dtype.kind == "f" else array.astype(np.float64)


def _check_range(values: NDArray, where: str) -> None:
    if not (np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all()):
        raise RhasError(
            "not probabilities",
            where=where,
            expected="finite numbers in [0, 1]",
            got=f"{np.nanmin(values)} to {np.nanmax(values)}, "
            f"{int((~np.isfinite(values)).sum())} not finite",
            do="apply a sigmoid to logits first",
        )
