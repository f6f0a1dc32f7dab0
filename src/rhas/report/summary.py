"""The metrics of ``results/`` as tables for a terminal: beside answers that know no film,
grounding, features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group
from rich.table import Table

from rhas.metrics.names import PAPER_METRICS, PROBE_METRICS, SEGMENTATION_METRICS
from rhas.report.results import RunResults
from rhas.report.views import make_rows, show_grounding


def make_summary(folder: Path) -> Group:
    """The tables of an evaluation (docs/METRICS.md): the method's metrics with the baselines, and
    those of grounding and features, where true boxes and films of several persons exist.

    Args:
        folder: ``results/``, with ``evaluation.json``, ``baselines.json``, ``grounding.json`` and
            ``features.json``.

    Raises:
        RhasError: one of them is absent, or not what the stage writes.
    """
    results = RunResults.read(folder)
    tables = [_list_metrics(results)]
    if results.grounding.truth:
        tables.append(_list_grounding(results))
    if results.features.get("chance") is not None:
        tables.append(_list_probes(results))
    return Group(*tables)


def _make_table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", style="bold" if name == "test" else "")
    return table


def _list_metrics(results: RunResults) -> Table:
    columns = ["val", "test", "nothing", "constant class", "chance"]
    table = _make_table("Metrics, %; the last three are of test", columns)
    parts = (("", "", SEGMENTATION_METRICS), ("published ", "as_published.", PAPER_METRICS))
    for prefix, part, metrics in parts:
        for row in make_rows(metrics, results, {}, part):
            values = (row.val, row.test, row.nothing, row.constant, row.chance)
            table.add_row(prefix + row.label, *map(_format_cell, values))
        table.add_section()
    return table


def _list_grounding(results: RunResults) -> Table:
    view = show_grounding(results)
    table = _make_table("Grounding against true boxes, %; then numbers", view.subsets)
    for label, values in view.rows:
        table.add_row(label, *map(_format_cell, values))
    return table


def _list_probes(results: RunResults) -> Table:
    table = Table(title="Frame mAP of linear probes on features, test, %", title_justify="left")
    table.add_column("features")
    table.add_column("mAP", justify="right")
    for metric in PROBE_METRICS:
        table.add_row(metric.label, _format_cell(results.features.get(metric.key)))
    return table


def _format_cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
