"""The figures of ``results/`` as a table: the method beside a constant answer and chance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

_NAMES = {
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
_PUBLISHED = ("acc", "edit", "f1_10", "f1_25", "f1_50")


def summary(folder: Path) -> Table:
    """Figures of val and test, 0-100, with the two baselines of test (docs/METRICS.md).

    Args:
        folder: ``results/``, with ``metrics.json`` and ``baselines.json``.
    """
    metrics, baselines = (
        json.loads((folder / name).read_text("utf-8"))
        for name in ("metrics.json", "baselines.json")
    )
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
    for key, name in _NAMES.items():
        table.add_row(name, *(_figure(values, key) for values in columns.values()))
    table.add_section()
    for key in _PUBLISHED:
        published = [values.get("as_published", {}) for values in columns.values()]
        table.add_row(f"published {_NAMES[key]}", *(_figure(values, key) for values in published))
    return table


def _figure(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return "-" if value is None else f"{value:.1f}"
