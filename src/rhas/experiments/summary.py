"""A list's figures as Markdown, and what they cost as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, cast

from rhas.base.errors import RhasError
from rhas.base.files import read_json, replace_file
from rhas.experiments.records import Results, RunRecord
from rhas.metrics.names import SEGMENTATION_METRICS
from rhas.report.paper_tables.runs import find_figure
from rhas.report.paper_tables.text import format_aligned

COLUMNS = {
    metric.key: metric.label
    for metric in SEGMENTATION_METRICS
    if metric.key not in ("interval_f1_10", "interval_f1_25")
}
"""Clean figures of the test side."""
_ANSWERS = {
    "nothing": "saying nothing",
    "constant_class": "one class everywhere",
    "chance": "chance",
}

_MARKERS = "osD^vP*X"


class MethodCost(TypedDict, total=False):
    """Of a method: CPU seconds of a window."""

    window_cpu_s: float


class Costs(TypedDict):
    """Frames of a window, the preset, and the cost of each method by name, as
    ``benchmarks/method_cost.py --json`` prints them among others."""

    length: int
    preset: str
    methods: dict[str, MethodCost]


def format_markdown(results: Results) -> str:
    """Per table a line per row: mean over seeds and folds, ± standard deviation over seeds."""
    parts = [f"# {results.title}", "Clean figures of the test side, per cent (docs/METRICS.md)."]
    for name, title in results.tables.items():
        if records := results.select(name):
            parts += [f"## {title}", _format_table(records)]
    if earlier := len(results.earlier):
        parts.append(f"Of other code or data than the present: {earlier} runs, those of `earlier`.")
    if missing := len(results.missing):
        count = missing + len(results.experiments)
        parts.append(f"Not run: {missing} of {count}, those of `missing` in the JSON file.")
    return "\n\n".join(parts) + "\n"


def read_costs(path: Path) -> Costs:
    """What ``benchmarks/method_cost.py --json`` printed into a file.

    Raises:
        RhasError: the file cannot be read, or holds something else.
    """
    costs = read_json(path, do="print it again")
    if not isinstance(costs, dict) or not {"length", "preset", "methods"} <= set(costs):
        raise _refuse_costs(path, repr(costs)[:60])
    methods = costs["methods"]
    measured = isinstance(methods, dict) and all(
        isinstance(method, dict) and isinstance(method.get("window_cpu_s", 0), int | float)
        for method in methods.values()
    )
    if not measured:
        raise _refuse_costs(path, f"methods: {repr(methods)[:60]}")
    return cast(Costs, costs)


def _refuse_costs(path: Path, got: str) -> RhasError:
    return RhasError(
        "no costs", where=str(path), got=got,
        expected="what `python benchmarks/method_cost.py --json` printed, and nothing else",
    )  # fmt: skip


def draw_costs(results: Results, costs: Costs | None, path: Path) -> None:
    """The first table's frame mAP on test over each row's parameters, and over its time.

    Of cross-validation the folds that all rows have; where there is none, all.

    Args:
        results: of a list, with an experiment of the first table.
        costs: what `read_costs` read; without it there is no second panel.
        path: where the figure goes.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import ticker

    name, title = next(iter(results.tables.items()))
    rows, left_out = _share_folds(_group_rows(results.select(name)))
    sizes = {row: _count_parameters(records[0]) for row, records in rows.items()}
    panels = [("million parameters", {row: n and n / 1e6 for row, n in sizes.items()})]
    if costs:
        seconds = {
            row: costs["methods"].get(records[0].method, {}).get("window_cpu_s")
            for row, records in rows.items()
        }
        label = f"CPU seconds per window of {costs['length']} frames, preset {costs['preset']}"
        panels.append((label, seconds))
    width = 4.2 * len(panels) + 2.4
    figure, axes = plt.subplots(
        1, len(panels), figsize=(width, 4), sharey=True, layout="constrained"
    )
    for axis, (label, across) in zip([axes] if len(panels) == 1 else axes, panels, strict=True):
        for number, (row, records) in enumerate(rows.items()):
            if across[row] is None:
                continue
            values = _list_figures(records, "map")
            spread = statistics.stdev(values) if len(values) > 1 else 0
            axis.errorbar(
                across[row], statistics.mean(values), yerr=spread, capsize=3, label=row,
                fmt=_MARKERS[number % len(_MARKERS)], color=f"C{number % 10}",
            )  # fmt: skip
        axis.set(xscale="log", xlabel=label)
        axis.margins(x=0.1, y=0.12)
        least, most = axis.get_xlim()
        wide = most > 300 * least  # labels between the powers of ten would overlap
        axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1,) if wide else (1, 2, 3, 5)))
        axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel("frame mAP, test, %")
    note = "\n(the folds that all rows have)" if left_out else ""
    figure.suptitle(f"{results.title}: {title}{note}", fontsize=10)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as new:
        figure.savefig(new, dpi=120, metadata={"Software": None})
    plt.close(figure)


def _format_table(records: Sequence[RunRecord]) -> str:
    folds = {
        row: {r.settings.get("chunk.fold") for r in own}
        for row, own in _group_rows(records).items()
    }
    counted = any(own != {None} for own in folds.values())
    header = ["", "seeds", *(["folds"] if counted else []), *COLUMNS.values(), "val frame mAP"]
    lines = []
    for row, members in _group_rows(records).items():
        cells = [_format_cell(_list_figures(members, key)) for key in COLUMNS]
        val = _format_cell(_list_figures(members, "map", "val"))
        counts = [len({r.seed for r in members}), *([len(folds[row])] if counted else [])]
        lines.append([row, *map(str, counts), *cells, val])
    known = {r.settings.get("chunk.fold"): r.baselines for r in records if r.baselines}
    for key, answer in _ANSWERS.items():
        if all(find_figure(b, "test", key, "acc") is None for b in known.values()):  # older code
            continue
        cells = [_average_baselines(known.values(), "test", key, name) for name in COLUMNS]
        val = _average_baselines(known.values(), "val", key, "map")
        lines.append([f"*{answer}*", *[""] * (1 + counted), *cells, val])
    table = format_aligned(header, lines).rstrip("\n")
    if len(set(map(frozenset, folds.values()))) > 1:
        table += (
            "\n\nRows of other folds cannot be compared here; "
            "`benchmarks/paired.py` compares the films that all rows have."
        )
    return table


def _average_baselines(
    known: Iterable[Mapping[str, object]], subset: str, answer: str, name: str
) -> str:
    """The mean over folds of a metric of an answer that knows no film."""
    found = [find_figure(baselines, subset, answer, name) for baselines in known]
    figures = [figure for figure in found if figure is not None]
    return _format_cell([statistics.mean(figures)] if figures else [])


def _group_rows(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    rows: dict[str, list[RunRecord]] = {}
    for record in records:
        rows.setdefault(record.row, []).append(record)
    return rows


def _share_folds(
    rows: dict[str, list[RunRecord]],
) -> tuple[dict[str, list[RunRecord]], bool]:
    """The records of the folds that all rows have, and whether others are left out."""
    folds = [{record.settings.get("chunk.fold") for record in own} for own in rows.values()]
    shared = set.intersection(*folds)
    if not shared or shared == set.union(*folds):
        return rows, False
    chosen = {
        row: [record for record in own if record.settings.get("chunk.fold") in shared]
        for row, own in rows.items()
    }
    return chosen, True


def _list_figures(records: Sequence[RunRecord], key: str, subset: str = "test") -> list[float]:
    """The figure of each seed, the mean over its folds."""
    seeds: dict[int, list[float]] = {}
    for record in records:
        if (value := record.figure(key, subset)) is not None:
            seeds.setdefault(record.seed, []).append(value)
    return [statistics.mean(values) for values in seeds.values()]


def _count_parameters(record: RunRecord) -> float | None:
    return find_figure(record.model or {}, "parameters")


def _format_cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = f"{statistics.mean(known):.1f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):.1f}"
