"""``rhas score``: any system's intervals against annotations."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from rhas.cli.numbers import check_finite
from rhas.cli.output import make_console, print_json

if TYPE_CHECKING:
    from rhas.evaluate.intervals import IntervalScore

_SHOWN_NAMES = 5


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="Intervals of any system: CSV with the columns movie, person, action, start_s, "
            "end_s and optionally score (as results/intervals.csv), or ActivityNet's JSON.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(help="Annotated intervals, in one of these forms.", show_default=False),
    ],
    fps: Annotated[
        float,
        typer.Option(
            min=0.01, max=1000, callback=check_finite, help="Frames per second of the comparison."
        ),
    ] = 15.0,
    min_score: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            callback=check_finite,
            help="Intervals of a lower score only rank frames (frame mAP).",
        ),
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score the intervals of any system with the metrics of this project, beside answers that know no film.

    Example: rhas score answer.csv --truth data/raw/annotations.csv
    """  # noqa: E501
    from rhas.data.intervals import read_intervals
    from rhas.evaluate.intervals import score_intervals

    found = score_intervals(
        read_intervals(predictions), read_intervals(truth), fps=fps, min_score=min_score
    )
    if as_json:
        print_json(asdict(found))
        return
    console = make_console()
    console.print(_make_table(found))
    for kind, names in found.findings.items():
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        console.print(Text(f"{len(names)} {kind}: {', '.join(names[:_SHOWN_NAMES])}{more}"))


def _make_table(found: IntervalScore) -> Table:
    from rhas.metrics.names import SEGMENTATION_METRICS

    title = (
        f"{found.persons} persons, {found.frames:,} frames, {found.classes} actions; metrics in %"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("answer", *found.floors):
        table.add_column(name, justify="right", style="bold" if name == "answer" else "")
    for metric in SEGMENTATION_METRICS:
        values = [getattr(one, metric.key) for one in (found.metrics, *found.floors.values())]
        table.add_row(metric.label, *(f"{value:.1f}" for value in values))
    return table
