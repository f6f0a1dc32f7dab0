"""Pictures of frames, samples and scores: contact sheet, windows by class, scores over time."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rhas.base.formatting import format_minutes
from rhas.base.units import frame_to_seconds
from rhas.inspection.canvas import COLOURS, WIDTH_IN, heading, sheet, time_axis
from rhas.inspection.films import chosen
from rhas.inspection.samples import describe_samples
from rhas.inspection.scores import score_groups
from rhas.stores.jpeg import JpegReader
from rhas.stores.manifest import SUBSETS

_ACROSS, _DOWN = 6, 4  # frames of a contact sheet
_CLASSES_SHOWN = 14
_MOMENTS = 1400  # of a score; more frames are averaged


def contact_sheet(path: Path, person: int | None) -> Figure:
    """Frames evenly spaced over the film, with their number and moment."""
    with h5py.File(path) as file:
        reader = JpegReader(file)
        fps, movie = float(file.attrs["fps"]), file.attrs["movie"]
        shown = np.unique(np.linspace(0, len(reader) - 1, _ACROSS * _DOWN).astype(int))
        pictures = [reader[frame] for frame in shown.tolist()]
        ratio = int(file.attrs["height"]) / int(file.attrs["width"])
    rows = -(-len(shown) // _ACROSS)
    wide = WIDTH_IN / _ACROSS
    tall = wide * ratio + 0.25
    figure = sheet(rows * tall + 0.4)
    whole = rows * tall + 0.4
    heading(figure, 1 - 0.1 / whole, f"{movie}, {len(shown)} of {len(reader)} frames")
    for n, (frame, picture) in enumerate(zip(shown.tolist(), pictures, strict=True)):
        down, across = divmod(n, _ACROSS)
        place = (across / _ACROSS + 0.004, 1 - (0.4 + (down + 1) * tall - 0.22) / whole)
        axes = figure.add_axes((*place, 1 / _ACROSS - 0.008, (tall - 0.25) / whole))
        axes.set_axis_off()
        moment = format_minutes(frame_to_seconds(frame, fps))
        axes.text(0, -0.02, f"{frame}   {moment}", transform=axes.transAxes, fontsize=8, va="top")
        if picture is None:
            axes.text(0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center")
        else:
            axes.imshow(picture, aspect="auto")
    return figure


def samples_by_class(path: Path, person: int | None) -> Figure:
    """In how many windows' intervals each class occurs, by side of the split."""
    facts = describe_samples(path)
    counts = {name: [own[side] for side in SUBSETS] for name, own in facts["classes"].items()}
    ranked = sorted(counts, key=lambda name: (sum(counts[name]), name))
    height = 0.9 + 0.19 * max(len(ranked), 1)
    figure = sheet(height)
    told = ", ".join(f"{own['samples']} {side}" for side, own in facts["sides"].items())
    heading(figure, 1 - 0.1 / height, f"{path}: samples {told}; intervals by class")
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
    groups = score_groups(path)
    shown = chosen(len(groups), person, path)
    tall = 0.4 + 0.19 * _CLASSES_SHOWN + 0.6
    whole = tall * len(shown)
    figure = sheet(whole)
    for row, number in enumerate(shown):
        group = groups[number]
        values = np.asarray(group["scores"][:], np.float32)
        best = np.argsort(-values.max(0), kind="stable")[:_CLASSES_SHOWN]
        top = whole - row * tall
        heading(figure, (top - 0.1) / whole, f"person {number}: {group.attrs['reference']}")
        place = (0.14, (top - tall + 0.6) / whole, 0.84, (tall - 1.0) / whole)
        axes = figure.add_axes(place)
        seconds = frame_to_seconds(len(values), float(group.attrs["fps"]))
        axes.imshow(_moments(values[:, best]).T, vmin=0, vmax=1, cmap="Blues", aspect="auto",
                    interpolation="nearest", extent=(0, seconds, len(best), 0))  # fmt: skip
        names = [group.attrs["classes"][n] for n in best]
        axes.set_yticks(np.arange(len(best)) + 0.5, names)
        time_axis(axes, seconds, shown=True)
    return figure


def _moments(values: np.ndarray) -> np.ndarray:
    """Means over stretches of frames, at most `_MOMENTS` of them."""
    edges = np.unique(np.linspace(0, len(values), _MOMENTS + 1).astype(int))
    return np.add.reduceat(values, edges[:-1]) / np.diff(edges)[:, None]
