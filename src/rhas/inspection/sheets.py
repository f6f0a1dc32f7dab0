"""Pictures of frames, samples and scores: contact sheet, windows by class, scores over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rhas.base.formatting import format_minutes
from rhas.base.units import frame_to_seconds
from rhas.inspection.canvas import COLOURS, WIDTH_IN, add_heading, make_figure, set_time_axis
from rhas.stores.checking import choose_persons
from rhas.stores.frames import open_frames
from rhas.stores.manifest import SUBSETS
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import FilmScores

_ACROSS, _DOWN = 6, 4  # frames of a contact sheet
_CLASSES_SHOWN = 14
_MOMENTS = 1400  # of a score; more frames are averaged


def contact_sheet(path: Path, person: int | None) -> Figure:
    """Frames evenly spaced over the film, with their number and moment."""
    with open_frames(path) as store:
        info, total = store.info, len(store)
        shown = np.unique(np.linspace(0, total - 1, _ACROSS * _DOWN).astype(int))
        pictures = [store.images[frame] for frame in shown.tolist()]
    rows = -(-len(shown) // _ACROSS)
    wide = WIDTH_IN / _ACROSS
    tall = wide * info.height / info.width + 0.25
    figure = make_figure(rows * tall + 0.4)
    whole = rows * tall + 0.4
    add_heading(figure, 1 - 0.1 / whole, f"{info.movie}, {len(shown)} of {total} frames")
    for n, (frame, picture) in enumerate(zip(shown.tolist(), pictures, strict=True)):
        down, across = divmod(n, _ACROSS)
        place = (across / _ACROSS + 0.004, 1 - (0.4 + (down + 1) * tall - 0.22) / whole)
        axes = figure.add_axes((*place, 1 / _ACROSS - 0.008, (tall - 0.25) / whole))
        axes.set_axis_off()
        moment = format_minutes(frame_to_seconds(frame, info.fps))
        axes.text(0, -0.02, f"{frame}   {moment}", transform=axes.transAxes, fontsize=8, va="top")
        if picture is None:
            axes.text(0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center")
        else:
            axes.imshow(picture, aspect="auto")
    return figure


def samples_by_class(path: Path, person: int | None) -> Figure:
    """In how many windows' intervals each class occurs, by side of the split."""
    facts = SampleIndex.read(path).describe()
    counts = {name: [own[side] for side in SUBSETS] for name, own in facts["classes"].items()}
    ranked = sorted(counts, key=lambda name: (sum(counts[name]), name))
    height = 0.9 + 0.19 * max(len(ranked), 1)
    figure = make_figure(height)
    told = ", ".join(f"{own['samples']} {side}" for side, own in facts["sides"].items())
    add_heading(figure, 1 - 0.1 / height, f"{path}: samples {told}; intervals by class")
    axes = figure.add_axes((0.14, 0.45 / height, 0.84, (height - 0.9) / height))
    before = np.zeros(len(ranked))
    for n, side in enumerate(SUBSETS):
        own = np.array([counts[name][n] for name in ranked])
        axes.barh(np.arange(len(ranked)), own, 0.7, before, color=COLOURS[n], label=side)
        before += own
    axes.set_yticks(np.arange(len(ranked)), ranked, fontsize=7)
    axes.set_ylim(-0.5, max(len(ranked), 1) - 0.5)
    axes.set_xlabel("intervals in the windows", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False)
    return figure


def scores_over_time(path: Path, person: int | None) -> Figure:
    """The classes with the highest score, a line each, dark where it is high."""
    persons = FilmScores.read(path).persons
    shown = choose_persons(len(persons), person, path)
    tall = 0.4 + 0.19 * _CLASSES_SHOWN + 0.6
    whole = tall * len(shown)
    figure = make_figure(whole)
    for row, number in enumerate(shown):
        scores = persons[number]
        values = scores.scores.astype(np.float32)
        best = np.argsort(-values.max(0), kind="stable")[:_CLASSES_SHOWN]
        top = whole - row * tall
        add_heading(figure, (top - 0.1) / whole, f"person {number}: {scores.reference}")
        place = (0.14, (top - tall + 0.6) / whole, 0.84, (tall - 1.0) / whole)
        axes = figure.add_axes(place)
        seconds = frame_to_seconds(len(values), scores.fps)
        shades = _average_moments(values[:, best]).T
        axes.imshow(shades, vmin=0, vmax=1, cmap="Blues", aspect="auto", interpolation="nearest",
                    extent=(0, seconds, len(best), 0))  # fmt: skip
        names = [scores.classes[n] for n in best]
        axes.set_yticks(np.arange(len(best)) + 0.5, names)
        set_time_axis(axes, seconds, shown=True)
    return figure


def _average_moments(values: np.ndarray) -> np.ndarray:
    """Means over stretches of frames, at most `_MOMENTS` of them."""
    edges = np.unique(np.linspace(0, len(values), _MOMENTS + 1).astype(int))
    return np.add.reduceat(values, edges[:-1]) / np.diff(edges)[:, None]
