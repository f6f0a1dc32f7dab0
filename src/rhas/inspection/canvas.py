"""What all pictures of stores are drawn on: sheets, rows, headings, axes of time."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rhas.base.formatting import format_minutes

COLOURS = ("#0072B2", "#D55E00", "#009E73")  # Okabe and Ito: apart for every colour vision
WIDTH_IN = 14.0
_DPI = 100


def make_figure(height: float) -> Figure:
    """An empty picture of this height, inches."""
    figure = Figure(figsize=(WIDTH_IN, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_panel(figure: Figure, row: int, rows: int, title: str) -> Axes:
    """The axes of one of ``rows`` rows below each other, under its title."""
    height = 1 / rows
    add_heading(figure, 1 - row * height - 0.05 * height, title)
    return figure.add_axes((0.06, 1 - (row + 1) * height + 0.24 * height, 0.92, 0.58 * height))


def add_heading(figure: Figure, y: float, title: str) -> None:
    """A title at the left, its upper edge at ``y`` of the figure."""
    figure.text(0.02, y, textwrap.shorten(title, 150, placeholder=" …"), fontsize=10,
                weight="bold", va="top", parse_math=False)  # fmt: skip


def set_time_axis(axes: Axes, seconds: float, shown: bool) -> None:
    """Minutes and seconds from 0 on, told where ``shown``."""
    axes.set_xlim(0, seconds)
    set_minute_ticks(axes)
    axes.tick_params(labelsize=7, labelbottom=shown)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if shown:
        axes.set_xlabel("time, min:s", fontsize=8)


def set_minute_ticks(axes: Axes) -> None:
    """Round moments as minutes and seconds along x."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 1.5, 2, 3, 6, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: format_minutes(at)))
