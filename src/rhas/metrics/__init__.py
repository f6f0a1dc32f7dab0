"""How good a segmentation is, from arrays; NumPy and SciPy alone, no torch (docs/METRICS.md).

`evaluate` gives all metrics of labels and scores. `evaluate_as_published` gives those of the
evaluator of the paper, for comparison. `fit_thresholds` and `make_prediction` turn scores into
label sets.
"""

from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.evaluation import MethodMetrics, evaluate
from rhas.metrics.prediction import Prediction
from rhas.metrics.published import PublishedMetrics, evaluate_as_published
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import Evaluation, SegmentationMetrics, evaluate_predictions

__all__ = [
    "Evaluation",
    "MethodMetrics",
    "Prediction",
    "PublishedMetrics",
    "ReadoutConfig",
    "SegmentationMetrics",
    "evaluate",
    "evaluate_as_published",
    "evaluate_predictions",
    "fit_thresholds",
    "make_prediction",
]
