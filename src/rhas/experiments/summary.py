"""A list's figures as Markdown, and what they cost as a picture."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.report.summary import NAMES
from rhas.table.text import aligned

COLUMNS = {
    key: name for key, name in NAMES.items() if key not in ("interval_f1_10", "interval_f1_25")
}
"""Clean figures of the test side."""
_ANSWERS = {"constant_class": "best constant answer", "chance": "chance"}

Records = Sequence[Mapping[str, Any]]
_MARKERS = "osD^vP*X"


def markdown(said: Mapping[str, Any]) -> str:
    """Per table a line per row: mean ± standard deviation of the sample over seeds.

    Args:
        said: what ``write_records`` wrote.
    """
    parts = [f"# {said['title']}", "Clean figures of the test side, per cent (docs/METRICS.md)."]
    for name, title in said["tables"].items():
        records = [r for r in said["experiments"] if r["table"] == name]
        if records:
            parts += [f"## {title}", _table(records)]
    if said["missing"]:
        count = len(said["missing"]) + len(said["experiments"])
        parts.append(
            f"Not run: {len(said['missing'])} of {count}, those of `missing` in the JSON file."
        )
    return "\n\n".join(parts) + "\n"


def read_costs(path: Path) -> dict[str, Any]:
    """What ``benchmarks/methods.py --json`` printed into a file.

    Raises:
        RhasError: the file cannot be read, or holds something else.
    """
    try:
        costs = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _no_costs(path, str(error)) from error
    if not isinstance(costs, dict) or not {"length", "preset", "methods"} <= set(costs):
        raise _no_costs(path, repr(costs)[:60])
    methods = costs["methods"]
    measured = isinstance(methods, dict) and all(
        isinstance(method, dict) and isinstance(method.get("window_cpu_s", 0), int | float)
        for method in methods.values()
    )
    if not measured:
        raise _no_costs(path, f"methods: {repr(methods)[:60]}")
    return costs


def _no_costs(path: Path, got: str) -> RhasError:
    return RhasError(
        "no costs", where=str(path), got=got,
        expected="what `python benchmarks/methods.py --json` printed, and nothing else",
    )  # fmt: skip


def draw(said: Mapping[str, Any], costs: Mapping[str, Any] | None, path: Path) -> None:
    """The first table's frame mAP on test over each row's parameters, and over its time.

    Args:
        said: what ``write_records`` wrote, with an experiment of the first table.
        costs: what `read_costs` read; without it there is no second panel.
        path: where the picture goes.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import ticker

    name, title = next(iter(said["tables"].items()))
    rows = _rows([r for r in said["experiments"] if r["table"] == name])
    sizes = {row: _parameters(records) for row, records in rows.items()}
    panels = [("million parameters", {row: n and n / 1e6 for row, n in sizes.items()})]
    if costs:
        seconds = {
            row: costs["methods"].get(records[0]["method"], {}).get("window_cpu_s")
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
            values = _figures(records, "map")
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
    figure.suptitle(f"{said['title']}: {title}", fontsize=10)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


def _table(records: Records) -> str:
    header = ["", "seeds", *COLUMNS.values(), "val frame mAP"]
    lines = []
    for row, own in _rows(records).items():
        cells = [_cell(_figures(own, key)) for key in COLUMNS]
        lines.append([row, str(len(own)), *cells, _cell(_figures(own, "map", "val"))])
    for key, answer in _ANSWERS.items():
        known = [r["baselines"] for r in records if r["baselines"]]
        if known:
            cells = [_cell([known[0]["test"][key].get(name)]) for name in COLUMNS]
            val = (known[0].get("val") or {}).get(key, {})
            lines.append([f"*{answer}*", "", *cells, _cell([val.get("map")])])
    return aligned(header, lines).rstrip("\n")


def _rows(records: Records) -> dict[str, list[Mapping[str, Any]]]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault(record["row"], []).append(record)
    return rows


def _figures(records: Records, key: str, side: str = "test") -> list[float]:
    found = [(r["metrics"].get(side) or {}).get(key) for r in records]
    return [value for value in found if value is not None]


def _parameters(records: Records) -> float | None:
    return (records[0]["model"] or {}).get("parameters")


def _cell(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return "–"
    mean = f"{statistics.mean(there):.1f}"
    return mean if len(there) == 1 else f"{mean} ± {statistics.stdev(there):.1f}"
