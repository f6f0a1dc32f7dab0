"""Timelines: one person's truth over the prediction, a row per class, as a PNG.

T frames from ``start`` on, C classes.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.base.formatting import format_minutes
from rhas.base.units import frame_to_seconds
from rhas.metrics.segments import find_runs

# Okabe and Ito's palette: apart for every kind of colour vision, and in grey
TRUTH, PREDICTION = "#0072B2", "#E69F00"
ABSENT, NOT_COVERED = "#D0D0D0", "#F4F4F4"
FALSE_ALARMS = 8
"""Rows of classes that are predicted and never true; further ones are counted below the axis."""

_WIDTH_IN, _ROW_IN, _DPI = 13.0, 0.34, 110


@dataclass(frozen=True)
class PersonTimeline:
    """One person of one movie.

    Args:
        truth: bool (T, C).
        predicted: bool (T, C).
        present: bool (T,), a crop exists.
        covered: bool (T,), the frame lies in a window of this subset.
        start: the first frame's number in the movie.
    """

    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    present: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    start: int

    def __post_init__(self) -> None:
        frames = len(self.truth)
        if (
            self.truth.shape != self.predicted.shape
            or not self.present.shape == self.covered.shape == (frames,)
            or frames == 0
        ):
            raise RhasError(
                "a timeline's arrays do not fit each other",
                expected="truth and predicted (T, C), present and covered (T,), T at least 1",
                got=f"{self.truth.shape}, {self.predicted.shape}, {self.present.shape}, "
                f"{self.covered.shape}",
            )


def draw_timeline(
    timeline: PersonTimeline, names: Sequence[str], fps: float, title: str, path: Path
) -> None:
    """Writes the picture; equal arguments give equal bytes.

    Each class that occurs in the truth has a row, those with most true frames first, and below
    them, named in grey, the FALSE_ALARMS most predicted of the others: truth in the row's upper
    half, prediction in its lower half; on the right, in percent, the frames that both name of
    those that either names. Frames without a crop are shaded.

    Args:
        names: the C class names.
        fps: frames per second; the axis shows minutes and seconds of the movie.
        title: the reference.
        path: a PNG.
    """
    with matplotlib.style.context("default"), warnings.catch_warnings():  # not the user's style
        warnings.filterwarnings("ignore", "Glyph")  # a letter of a film's name that no font has
        _draw_figure(timeline, names, fps, title).savefig(path, metadata={"Software": None})


def _draw_figure(timeline: PersonTimeline, names: Sequence[str], fps: float, title: str) -> Figure:
    truth, predicted = timeline.truth, timeline.predicted
    true, false = _rank_classes(truth, predicted)
    shown, unshown = np.concatenate((true, false[:FALSE_ALARMS])), false[FALSE_ALARMS:]
    rows = max(len(shown), 1)
    heading = textwrap.fill(title, 105)
    above = 0.55 + 0.22 * heading.count("\n")  # inches for title and legend
    height = above + 0.62 + _ROW_IN * rows
    figure = Figure(figsize=(_WIDTH_IN, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.52 / height, 0.82, _ROW_IN * rows / height))
    _shade_absence(axes, timeline, fps)
    for row, label in enumerate(shown):
        _draw_bars(axes, truth[:, label], timeline.start, fps, (row + 0.1, 0.38), TRUTH)
        _draw_bars(axes, predicted[:, label], timeline.start, fps, (row + 0.52, 0.38), PREDICTION)
        shared = (truth & predicted)[:, label].sum() / (truth | predicted)[:, label].sum()
        axes.text(
            1.005, row + 0.5, f"{100 * shared:.0f} %", transform=axes.get_yaxis_transform(),
            va="center", fontsize=8, color="#404040",
        )  # fmt: skip
        axes.axhline(row, color="#B0B0B0", linewidth=0.5)
    if len(shown):
        axes.text(1.005, 1, " both /\n either", transform=axes.transAxes, va="bottom", fontsize=7,
                  color="#404040")  # fmt: skip
    else:
        axes.text(0.5, 0.5, "nothing annotated, nothing predicted", transform=axes.transAxes,
                  ha="center", va="center", color="#404040")  # fmt: skip
    axes.set_ylim(rows, 0)
    axes.set_yticks(np.arange(len(shown)) + 0.5, [names[int(label)] for label in shown], fontsize=9)
    for name in axes.get_yticklabels()[len(true) :]:
        name.set_color("#808080")
    axes.tick_params(axis="y", length=0)
    first, last = timeline.start, timeline.start + len(truth)
    axes.set_xlim(frame_to_seconds(first, fps), frame_to_seconds(last, fps))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=14, steps=[1, 1.5, 2, 3, 6, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: format_minutes(at)))
    axes.set_xlabel("time in the film, min:s", fontsize=9)
    if len(unshown):
        figure.text(0.95, 0.1 / height, f"{len(unshown)} more classes predicted, none ever true",
                    fontsize=8, color="#808080", ha="right")  # fmt: skip
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.text(0.13, 1 - 0.1 / height, heading, fontsize=11, weight="bold", va="top",
                parse_math=False)  # fmt: skip
    figure.legend(
        handles=[
            Patch(color=TRUTH, label="truth"),
            Patch(color=PREDICTION, label="prediction"),
            Patch(color=ABSENT, label="person not found"),
            Patch(
                facecolor=NOT_COVERED, edgecolor="#909090", hatch="///", label="not in this subset"
            ),
        ],
        loc="upper right", bbox_to_anchor=(0.955, 1 - (above - 0.3) / height), ncols=4,
        frameon=False, fontsize=8, borderaxespad=0, handlelength=1.4, columnspacing=1.4,
    )  # fmt: skip
    return figure


def _rank_classes(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The true classes, and those predicted but never true; most frames first."""
    true, false = truth.sum(axis=0), predicted.sum(axis=0)
    order = np.lexsort((-false, -true))
    return order[true[order] > 0], order[(true[order] == 0) & (false[order] > 0)]


def _draw_bars(
    axes: Axes,
    active: NDArray[np.bool_],
    start: int,
    fps: float,
    rows: tuple[float, float],
    colour: str,
) -> None:
    axes.broken_barh(
        _list_spans(active, start, fps), rows, facecolors=colour, linewidth=0, zorder=3
    )


def _list_spans(active: NDArray[np.bool_], start: int, fps: float) -> list[tuple[float, float]]:
    """(start, width) in seconds of every run of active frames."""
    return [
        (frame_to_seconds(start + first, fps), frame_to_seconds(last - first, fps))
        for first, last in zip(*find_runs(active), strict=True)
        if active[first]
    ]


def _shade_absence(axes: Axes, timeline: PersonTimeline, fps: float) -> None:
    for at, width in _list_spans(timeline.covered & ~timeline.present, timeline.start, fps):
        axes.axvspan(at, at + width, facecolor=ABSENT, linewidth=0, zorder=1)
    for at, width in _list_spans(~timeline.covered, timeline.start, fps):
        axes.axvspan(
            at, at + width, facecolor=NOT_COVERED, edgecolor="#C0C0C0", hatch="///",
            linewidth=0, zorder=2,
        )  # fmt: skip
