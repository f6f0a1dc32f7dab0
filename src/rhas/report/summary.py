"""The figures of ``results/`` as tables: the method beside a constant answer and chance, grounding,
features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from rhas.base.files import read_json
from rhas.stores.manifest import SUBSETS

NAMES = {
    "acc": "ACC",
    "edit": "EDIT",
    "f1_10": "F1@10",
    "f1_25": "F1@25",
    "f1_50": "F1@50",
    "map": "frame mAP",
    "interval_f1_10": "interval F1@10",
    "interval_f1_25": "interval F1@25",
    "interval_f1_50": "interval F1@50",
    "label_set_iou": "label-set IoU",
}
GROUNDING = {
    "recall_50": "track on the right person",
    "track_iou": "IoU of the track",
    "wrong_person": "box on somebody else",
    "on_nobody": "box on nobody",
    "false_presence": "box without the person",
    "detector_top": "detector's best box right",
    "chance": "chance",
    "id_switches": "identity switches",
    "cut_crossings": "cuts crossed",
    "persons_not_found": "persons never found",
}
LOOKALIKES = {
    "lookalike_place": "look-alikes, by place",
    "lookalike_garment": "look-alikes, by garment",
}
FEATURES = {
    "partial": "partial",
    "holistic": "holistic",
    "holistic_other_reference": "holistic, another's reference",
    "holistic_without_reference": "holistic, without reference",
    "chance": "chance",
}
PUBLISHED = ("acc", "edit", "f1_10", "f1_25", "f1_50")


def summary(folder: Path) -> Group:
    """The tables of an evaluation (docs/METRICS.md): the method's figures with the baselines, and
    those of grounding and features, where true boxes and films of several persons exist.

    Args:
        folder: ``results/``, with ``evaluation.json``, ``baselines.json``, ``grounding.json`` and
            ``features.json``.

    Raises:
        RhasError: one of them is absent.
    """
    metrics, baselines, grounding, features = (
        read_json(folder / f"{name}.json")
        for name in ("evaluation", "baselines", "grounding", "features")
    )
    tables = [_method(metrics, baselines)]
    if grounding["truth"]:
        tables.append(_grounding(grounding))
    if features["chance"] is not None:
        tables.append(_features(features))
    return Group(*tables)


def _method(metrics: dict[str, Any], baselines: dict[str, Any]) -> Table:
    columns = {
        "val": metrics["val"],
        "test": metrics["test"],
        "constant class": baselines["test"]["constant_class"],
        "chance": baselines["test"]["chance"],
    }
    table = Table(title="Figures, %; the last two are of test", title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", style="bold" if name == "test" else "")
    for key, name in NAMES.items():
        table.add_row(name, *(_figure(values, key) for values in columns.values()))
    table.add_section()
    for key in PUBLISHED:
        published = [values.get("as_published", {}) for values in columns.values()]
        table.add_row(f"published {NAMES[key]}", *(_figure(values, key) for values in published))
    return table


def _grounding(values: dict[str, Any]) -> Table:
    sides = {side: values[side] for side in SUBSETS if side in values}
    table = Table(title="Grounding against true boxes, %; then numbers", title_justify="left")
    table.add_column("")
    for side in sides:
        table.add_column(side, justify="right", style="bold" if side == "test" else "")
    for key, name in GROUNDING.items():
        table.add_row(name, *(_figure(of, key) for of in sides.values()))
    table.add_section()
    for key, name in LOOKALIKES.items():
        for figure in ("recall_50", "wrong_person"):
            said = {"recall_50": "right", "wrong_person": "somebody else"}[figure]
            table.add_row(f"{name}: {said}", *(_figure(of[key], figure) for of in sides.values()))
    return table


def _features(values: dict[str, Any]) -> Table:
    table = Table(title="Frame mAP of linear probes on features, test, %", title_justify="left")
    table.add_column("features")
    table.add_column("mAP", justify="right")
    for key, name in FEATURES.items():
        table.add_row(name, _figure(values, key))
    return table


def _figure(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
