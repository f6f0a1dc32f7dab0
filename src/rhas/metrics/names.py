"""Keys and names of the metrics, in the order in which they are shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of one frame set.

    Args:
        key: in JSON files and records.
        label: for people.
        short: for the head of a narrow column; the label where it is empty.
        unit: ``%``, or empty for a number of events.
    """

    key: str
    label: str
    short: str = ""
    unit: str = "%"

    @property
    def heading(self) -> str:
        """The label of a narrow column."""
        return self.short or self.label


PAPER_METRICS = (
    Metric("acc", "ACC"),
    Metric("edit", "EDIT"),
    Metric("f1_10", "F1@10"),
    Metric("f1_25", "F1@25"),
    Metric("f1_50", "F1@50"),
)
"""The paper's: those of the published evaluator, too."""

FRAME_MAP = Metric("map", "frame mAP", "mAP")

FURTHER_METRICS = (
    FRAME_MAP,
    Metric("interval_f1_10", "interval F1@10", "iF1@10"),
    Metric("interval_f1_25", "interval F1@25", "iF1@25"),
    Metric("interval_f1_50", "interval F1@50", "iF1@50"),
    Metric("label_set_iou", "label-set IoU", "IoU"),
)
"""Multi-label metrics, which the paper does not have."""

SEGMENTATION_METRICS = (*PAPER_METRICS, *FURTHER_METRICS)

SCREEN_METRICS = (*PAPER_METRICS, FRAME_MAP)
"""Those of ``results/metrics.json``, which ``dvc metrics show`` and ``dvc exp show`` print."""

GROUNDING_METRICS = (
    Metric("recall_50", "track on the right person"),
    Metric("track_iou", "IoU of the track"),
    Metric("wrong_person", "box on another person"),
    Metric("on_nobody", "box on nobody"),
    Metric("false_presence", "box while the person is out of view"),
    Metric("detector_top", "detector's best box right"),
    Metric("chance", "chance"),
    Metric("id_switches", "identity switches", unit=""),
    Metric("cut_crossings", "cuts crossed", unit=""),
    Metric("persons_not_found", "persons never found", unit=""),
)

LOOKALIKE_METRICS = (
    Metric("recall_50", "right person"),
    Metric("wrong_person", "another person"),
)
"""Of each group of LOOKALIKE_GROUPS."""

LOOKALIKE_GROUPS = {
    "lookalike_place": "look-alikes, by place",
    "lookalike_garment": "look-alikes, by garment",
}
"""Groups of persons by ``lookalike`` of the truth file, from 1; 0 is in none."""

PROBE_METRICS = (
    Metric("partial", "partial"),
    Metric("holistic", "holistic"),
    Metric("holistic_other_reference", "holistic, another person's reference"),
    Metric("holistic_without_reference", "holistic, without a reference"),
    Metric("chance", "chance"),
)
"""Frame mAP of a linear probe, by the features it reads."""

METRIC_NAMES = {metric.key: metric for metric in SEGMENTATION_METRICS}
