"""What the sections of a run's report show, from the files of ``results/``."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rhas.metrics.calibration import calibration_error
from rhas.metrics.names import (
    GROUNDING_METRICS,
    LOOKALIKE_GROUPS,
    LOOKALIKE_METRICS,
    METRIC_NAMES,
    Metric,
)
from rhas.report.results import Metrics, RunResults
from rhas.report.templates import format_number
from rhas.stores.manifest import SUBSETS

TILES = {
    "map": "true frames are ranked above others",
    "acc": "frames whose top class is right",
    "interval_f1_50": "intervals found, at half overlap",
    "label_set_iou": "of the labels predicted or true, those that are both",
}
"""Metrics at the top of the page, and what they measure."""


@dataclass(frozen=True)
class MetricRow:
    """A metric of the method and of answers that know no film.

    Args:
        label: its name.
        test, val: of the method.
        spread: mean and standard deviation over seeds; None for one run.
        nothing, constant, chance: of no class, a constant class and random scores, on test.
    """

    label: str
    test: float | None
    spread: str | None
    val: float | None
    nothing: float | None
    constant: float | None
    chance: float | None

    @property
    def floor(self) -> float:
        """The best of the answers that know no film."""
        return max(value or 0.0 for value in (self.nothing, self.constant, self.chance))


@dataclass(frozen=True)
class Tile:
    """A metric in large, and what it measures."""

    row: MetricRow
    meaning: str


def make_rows(
    metrics: Sequence[Metric], results: RunResults, seeds: Mapping[int, Metrics], part: str = ""
) -> list[MetricRow]:
    """A row per metric.

    Args:
        metrics: which.
        results: of the run.
        seeds: metrics on test by seed, this run's included; empty without other runs.
        part: prefix of the keys, ``as_published.``.
    """
    rows = []
    for metric in metrics:
        key = part + metric.key
        spread = None
        if len(seeds) > 1:
            spread = format_spread([values.get(key) for values in seeds.values()])
        rows.append(
            MetricRow(
                metric.label,
                results.test.get(key),
                spread,
                results.val.get(key),
                results.nothing.get(key),
                results.constant_class.get(key),
                results.chance.get(key),
            )
        )
    return rows


def make_tiles(results: RunResults) -> list[Tile]:
    """The metrics at the top of the page."""
    rows = make_rows([METRIC_NAMES[key] for key in TILES], results, {})
    return [Tile(row, meaning) for row, meaning in zip(rows, TILES.values(), strict=True)]


def format_spread(values: Sequence[float | None]) -> str:
    """Mean and standard deviation of the sample of the values that exist."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return format_number(known[0] if known else None)
    return f"{statistics.fmean(known):.1f} ± {statistics.stdev(known):.1f}"


@dataclass(frozen=True)
class ConfusionCell:
    """How many segments of a row have this predicted class."""

    count: int
    colour: str
    right: bool


@dataclass(frozen=True)
class ConfusionRow:
    """A true class."""

    name: str
    total: int
    cells: Sequence[ConfusionCell]


@dataclass(frozen=True)
class Confusion:
    """True classes by predicted ones, the most frequent true class first."""

    classes: Sequence[str]
    rows: Sequence[ConfusionRow]


def count_confusion(results: RunResults) -> Confusion:
    """Segments of test by true class and the class predicted in most of their frames."""
    pairs = Counter((row["actual"], row["predicted"]) for row in results.confusion)
    totals, predicted = Counter[str](), Counter[str]()
    for (actual, found), count in pairs.items():
        totals[actual] += count
        predicted[found] += count
    last = {"(other)": 1, "(nothing)": 2}
    order = sorted(totals.keys() | predicted.keys(), key=lambda c: (last.get(c, 0), -totals[c], c))
    rows = []
    for actual in order:
        if not totals[actual]:
            continue
        counts = [pairs.get((actual, label), 0) for label in order]
        cells = [
            ConfusionCell(count, mix_colour(count / totals[actual]), label == actual)
            for label, count in zip(order, counts, strict=True)
        ]
        rows.append(ConfusionRow(actual, totals[actual], cells))
    return Confusion(order, rows)


def mix_colour(share: float) -> str:
    """A colour from white to blue on which black text is readable, for a share in [0, 1]."""
    mixed = (255 + (part - 255) * 0.8 * share for part in (0, 114, 178))
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


@dataclass(frozen=True)
class Tick:
    """A place on both axes."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class PlotPoint:
    """A bin's place and the height of the bar that shows its count."""

    x: float
    y: float
    bar: float


@dataclass(frozen=True)
class Plot:
    """Places of the reliability diagram, in pixels."""

    ticks: Sequence[Tick]
    points: Sequence[PlotPoint]
    left: int = 58
    top: int = 14
    right: int = 428
    base: int = 384
    floor: int = 526
    width: int = 450
    height: int = 554
    middle: float = 243.0


@dataclass(frozen=True)
class Reliability:
    """How often scores are true.

    Args:
        points: mean score, share of true ones and number of scores of each bin.
        error: the expected calibration error, 0-1.
        error_above: of the bins whose mean score is 0.1 or more; NaN without one.
        plot: the points on the page.
    """

    points: Sequence[tuple[float, float, int]]
    error: float
    error_above: float
    plot: Plot


def read_reliability(results: RunResults) -> Reliability:
    """The bins of ``plots/reliability.csv``."""
    points = [
        (float(row["score"]), float(row["true"]), int(row["count"])) for row in results.reliability
    ]
    return Reliability(
        points, calibration_error(points), calibration_error(points, 0.1), place_points(points)
    )


def place_points(points: Sequence[tuple[float, float, int]]) -> Plot:
    """The reliability diagram of bins as `Reliability` has them."""
    left, side, base, bar_height = Plot.left, Plot.right - Plot.left, Plot.base, 90
    most = max((math.log10(count + 1) for *_, count in points), default=1.0) or 1.0
    ticks = [
        Tick(round(left + side * n / 5, 1), round(base - side * n / 5, 1), f"{n / 5:.1f}")
        for n in range(6)
    ]
    placed = [
        PlotPoint(
            round(left + side * score, 1),
            round(base - side * share, 1),
            round(bar_height * math.log10(count + 1) / most, 1),
        )
        for score, share, count in points
    ]
    return Plot(ticks, placed)


@dataclass(frozen=True)
class GroundingView:
    """Grounding by subset and by film; empty without true boxes."""

    truth: bool
    subsets: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    films: Sequence[Mapping[str, object]]


def show_grounding(results: RunResults) -> GroundingView:
    """The rows of the grounding section."""
    found = results.grounding
    subsets = [name for name in SUBSETS if name in found.subsets]
    rows = [
        (label, [found.subsets[name].get(key) for name in subsets]) for key, label in _list_rows()
    ]
    return GroundingView(found.truth, subsets, rows, found.films)


def _list_rows() -> Iterator[tuple[str, str]]:
    for metric in GROUNDING_METRICS:
        yield metric.key, metric.label
    for group, name in LOOKALIKE_GROUPS.items():
        for metric in LOOKALIKE_METRICS:
            yield f"{group}.{metric.key}", f"{name}: {metric.label}"


def list_parameters(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names and values of nested parameters, in their order."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += list_parameters(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", _format_value(value)))
    return rows


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(_format_value(item) for item in value)
    return str(value)
