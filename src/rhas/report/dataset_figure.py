"""The statistics of a data set as a picture, after the paper's Figures 2 and 4."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rhas.base.errors import RhasError
from rhas.base.files import replace_file
from rhas.report.dataset import Statistics

SUFFIXES = (".png", ".pdf", ".svg")
WORDS, PAIRED = 25, 16
"""Words, and classes of the matrix, that are shown."""
_BLUE, _ORANGE, _GREEN = "#0072B2", "#E69F00", "#009E73"  # Okabe and Ito's palette


def draw_statistics(found: Statistics, out: Path) -> None:
    """Writes the picture.

    Raises:
        RhasError: another kind of file.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise RhasError(
            "not a kind of picture", where="--plot", expected=", ".join(SUFFIXES), got=str(out)
        )
    with matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter of a film's name that no font has
        with replace_file(out) as new:
            _draw_panels(found).savefig(new)


def _draw_panels(found: Statistics) -> Figure:
    figure = Figure(figsize=(16, 13.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 3, height_ratios=(1.15, 1, 1.35))
    films = f"{len(found.persons)} films, {sum(found.persons.values())} persons"
    figure.suptitle(f"{found.dataset}: {films}, {len(found.classes)} classes", parse_math=False,
                    weight="bold")  # fmt: skip
    _draw_bars(
        figure.add_subplot(grid[0, :]), [item.name for item in found.classes],
        [item.frames for item in found.classes],
        f"frames per class, at {found.fps:g} per second, logarithmic", _BLUE, log=True,
    )  # fmt: skip
    movies = sorted(found.persons.items(), key=lambda item: (-item[1], item[0]))
    _draw_bars(
        figure.add_subplot(grid[1, :2]), [movie for movie, _ in movies],
        [count for _, count in movies], "persons per film", _GREEN,
    )  # fmt: skip
    _draw_bars(
        figure.add_subplot(grid[1, 2]), [str(n) for n in range(len(found.labels_per_frame))],
        found.labels_per_frame, "frames by their number of labels", _BLUE,
    )  # fmt: skip
    _draw_words(figure.add_subplot(grid[2, 0]), found)
    _draw_together(figure, figure.add_subplot(grid[2, 1]), found)
    _draw_lengths(figure.add_subplot(grid[2, 2]), found)
    return figure


def _draw_bars(
    axes: Axes, names: Sequence[str], values: Sequence[int], title: str, colour: str,
    log: bool = False,
) -> None:  # fmt: skip
    axes.set_title(title, loc="left", fontsize=11)
    axes.bar(range(len(values)), values, color=colour, width=0.8)
    if log and any(values):
        axes.set_yscale("log")
    axes.set_xlim(-0.6, max(len(values), 1) - 0.4)
    size = 9 if len(names) <= 40 else 7 if len(names) <= 90 else 5.5
    turned = 90 if max((len(name) for name in names), default=0) > 3 else 0
    shown = [name if len(name) <= 24 else f"{name[:23]}…" for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=turned, fontsize=size, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_words(axes: Axes, found: Statistics) -> None:
    words = found.words[:WORDS]
    axes.set_title("words of the references", loc="left", fontsize=11)
    axes.barh(range(len(words)), [count for _, count in words], color=_ORANGE)
    axes.set_yticks(range(len(words)), [word for word, _ in words], fontsize=9, parse_math=False)
    axes.set_ylim(max(len(words), 1) - 0.4, -0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_together(figure: Figure, axes: Axes, found: Statistics) -> None:
    """Of the frames of the row's class, the share in which the column's is done, too."""
    names = [item.name for item in found.classes[:PAIRED]]
    ids = [found.names.ids[name] for name in names]
    counts = found.together[np.ix_(ids, ids)]
    share = counts / np.maximum(np.diag(counts), 1)[:, None] if names else np.zeros((1, 1))
    image = axes.imshow(100 * share, cmap="cividis", vmin=0, vmax=100)
    axes.set_title("of the row's frames, also the column's, %", loc="left", fontsize=11)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.8)


def _draw_lengths(axes: Axes, found: Statistics) -> None:
    axes.set_title("length of the intervals, s", loc="left", fontsize=11)
    lengths = [length for length in found.lengths_s if length > 0]
    if lengths:
        edges = np.geomspace(min(lengths), max(max(lengths), min(lengths) * 1.01), 30)
        axes.hist(lengths, bins=edges.tolist(), color=_BLUE)
        axes.set_xscale("log")
    axes.set_ylabel("intervals")
    axes.spines[["top", "right"]].set_visible(False)
