"""Pictures of stores: features as principal components over time above the labels, and how alike
the moments are; best scores of boxes; boxes of tracks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rhas.base.errors import RhasError
from rhas.base.files import replace_file
from rhas.base.formatting import format_minutes
from rhas.base.units import frame_to_seconds
from rhas.inspection.canvas import (
    COLOURS,
    WIDTH_IN,
    add_heading,
    add_panel,
    make_figure,
    set_minute_ticks,
    set_time_axis,
)
from rhas.inspection.project import find_data_folder, labels_near, read_tracks_near
from rhas.inspection.sheets import contact_sheet, samples_by_class, scores_over_time
from rhas.stores.boxes import FilmBoxes
from rhas.stores.checking import choose_persons, guard_reading
from rhas.stores.features import Features, FeatureStore
from rhas.stores.kinds import Kind, find_kind
from rhas.stores.tracks import BoxSource, FilmTracks

SUFFIXES = (".png", ".pdf", ".svg")
MOMENTS = 300
"""Rows of a self-similarity matrix at most; more frames are averaged."""
COMPONENTS = 3
CLASSES_SHOWN = 14

_LABEL = "#0072B2"
_SOURCE = {
    BoxSource.MISSING: "#D0D0D0",
    BoxSource.DETECTED: "#009E73",
    BoxSource.INTERPOLATED: "#A8DCC8",
}


def draw_store(path: Path, out: Path, person: int | None = None) -> None:
    """Writes the picture of a store, of scores, or of the samples.

    Args:
        person: this one alone; None draws all, one below the other.

    Raises:
        RhasError: another kind of store or picture, no such person, or a person of a kind whose
            picture is of nobody alone.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise RhasError(
            "not a kind of picture", where="--plot", expected=", ".join(SUFFIXES), got=str(out)
        )
    kind = find_kind(path)
    if kind not in _DRAWERS:
        raise RhasError(
            f"there is no picture of {kind}",
            where=str(path),
            expected=", ".join(_DRAWERS),
            do="name one store of the folder" if "stores" in kind else "",
        )
    if person is not None and kind in _OF_NOBODY:
        raise RhasError(
            f"a picture of {kind} is of no person", where=str(path), do="leave out --person"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a title's letter that no font has
        with guard_reading(path):
            figure = _DRAWERS[kind](path, person)
            figure.canvas.draw()
        with replace_file(out) as new:
            figure.savefig(new)


def principal_components(values: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first `COMPONENTS` principal components over time, and their shares of the variance.

    Args:
        values: (T, D).
        used: bool (T,), frames that count; the others become NaN.

    Returns:
        float (T, COMPONENTS), NaN also where there are fewer components; shares (COMPONENTS,).
    """
    found = np.full((len(values), COMPONENTS), np.nan)
    shares = np.zeros(COMPONENTS)
    rows = values[used].astype(np.float64)
    if len(rows) < 2 or not np.isfinite(rows).all():
        return found, shares
    rows -= rows.mean(0)
    variances, axes = np.linalg.eigh(rows.T @ rows / len(rows))
    count = min(COMPONENTS, len(variances))
    best = axes[:, ::-1][:, :count]
    best *= np.where(best[np.abs(best).argmax(0), np.arange(count)] < 0, -1, 1)  # a fixed sign
    found[np.flatnonzero(used)[:, None], np.arange(count)] = rows @ best
    total = variances.sum()
    shares[:count] = variances[::-1][:count] / total if total > 0 else 0
    return found, shares


def self_similarity(values: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of every pair of moments, after the mean over time is taken off.

    Args:
        values: (T, D).
        used: bool (T,), frames that count.

    Returns:
        (n, n) in [-1, 1], n at most `MOMENTS`, NaN for moments without a frame that counts; and
        the first frame of each moment (n,).
    """
    edges = np.unique(np.linspace(0, len(values), MOMENTS + 1).astype(int))
    rows = values.astype(np.float64)
    mean = rows[used].mean(0) if used.any() else 0.0
    moments = np.full((len(edges) - 1, values.shape[1]), np.nan)
    for n, (first, last) in enumerate(pairwise(edges)):
        own = rows[first:last][used[first:last]]
        if len(own):
            moments[n] = own.mean(0) - mean
    length = np.linalg.norm(moments, axis=1, keepdims=True)
    unit = np.divide(moments, length, out=np.full_like(moments, np.nan), where=length > 0)
    return np.clip(unit @ unit.T, -1, 1), edges[:-1]


def _draw_features(path: Path, person: int | None) -> Figure:
    store = FeatureStore(path)
    info = store.read_info()
    blocks = []
    for number in choose_persons(store.count_persons(), person, path):
        features = store.read_window(number)
        labels = labels_near(path, info.movie, number, info.frames, info.fps)
        blocks.append((number, features, _most_frames(labels)))
    heights = [3.5 + 0.19 * max(len(labels), 1) + 0.55 for *_, labels in blocks]
    figure = make_figure(sum(heights))
    top = sum(heights)
    for (number, features, labels), height in zip(blocks, heights, strict=True):
        title = f"{info.movie}, person {number}: {info.references[number]}"
        _draw_person(figure, (top, sum(heights)), title, path, number, features,
                       labels, info.fps)  # fmt: skip
        top -= height
    return figure


def _draw_person(
    figure: Figure, place: tuple[float, float], title: str, path: Path, number: int,
    features: Features, labels: dict[str, np.ndarray], fps: float,
) -> None:  # fmt: skip
    top, whole = place
    frames = len(features.present)
    seconds = frame_to_seconds(frames, fps)
    label_in = 0.19 * max(len(labels), 1)
    y = top - 0.4

    def axes(left: float, width: float, height: float) -> Axes:
        return figure.add_axes((left, (y - height) / whole, width, height / whole))

    add_heading(figure, (top - 0.12) / whole, title)
    everywhere = np.ones(frames, bool)
    streams = (("holistic", features.holistic, everywhere),
               ("partial", features.partial, features.present))  # fmt: skip
    left, width = 0.12, 0.52
    for name, values, used in streams:
        graph = axes(left, width, 1.15)
        found, shares = principal_components(values, used)
        for n in range(COMPONENTS):
            graph.plot(np.arange(frames) / fps, found[:, n], color=COLOURS[n], linewidth=0.6,
                       label=f"{shares[n]:.0%} of the variance")  # fmt: skip
        graph.set_ylabel(f"{name}\ncomponents", fontsize=8)
        graph.legend(loc="lower right", bbox_to_anchor=(1, 0.96), ncols=COMPONENTS, fontsize=7,
                     frameon=False, borderaxespad=0)  # fmt: skip
        set_time_axis(graph, seconds, shown=False)
        y -= 1.32
    strip = axes(left, width, 0.14)
    _draw_strip(strip, _read_sources(path, number, features.present), fps)
    set_time_axis(strip, seconds, shown=False)
    y -= 0.2
    rows = axes(left, width, label_in)
    _draw_labels(rows, labels, fps, find_data_folder(path) is not None)
    set_time_axis(rows, seconds, shown=True)
    y = top - 0.4
    side = 2.44 / WIDTH_IN
    for n, (name, values, used) in enumerate(streams):
        square = axes(0.67 + n * (side - 0.01), side - 0.02, 2.3)
        similarity, _ = self_similarity(values, used)
        square.imshow(similarity, vmin=-1, vmax=1, cmap="RdBu_r", extent=(0, seconds, seconds, 0),
                      aspect="auto", interpolation="nearest")  # fmt: skip
        square.set_facecolor("#E8E8E8")
        square.set_title(f"{name}: alike (red), opposite (blue)", fontsize=8)
        set_minute_ticks(square)
        square.tick_params(labelsize=7)
        if n:
            square.set_yticklabels([])
        else:
            square.yaxis.set_major_formatter(FuncFormatter(lambda at, _: format_minutes(at)))


def _draw_boxes(path: Path, person: int | None) -> Figure:
    store = FilmBoxes.read(path)
    shown = choose_persons(len(store.persons), person, path)
    figure = make_figure(1.9 * len(shown))
    for row, number in enumerate(shown):
        boxes = store.persons[number]
        title = f"{store.info.movie}, person {number}: {boxes.reference}"
        graph = add_panel(figure, row, len(shown), title)
        at = np.repeat(store.frames, boxes.counts)
        first = np.zeros(len(boxes.scores), bool)
        first[boxes.offsets[:-1][boxes.counts > 0]] = True
        graph.scatter(
            at[~first], boxes.scores[~first], s=2, color="#B0B0B0", label="other candidates"
        )
        graph.scatter(at[first], boxes.scores[first], s=3, color=COLOURS[0], label="the best")
        graph.set_xlim(0, max(int(store.frames[-1]), 1))
        graph.set_ylim(0, 1)
        graph.set_ylabel("score", fontsize=8)
        graph.set_xlabel("frame", fontsize=8)
        graph.legend(loc="upper right", fontsize=7, ncols=2)
    return figure


def _draw_tracks(path: Path, person: int | None) -> Figure:
    store = FilmTracks.read(path)
    shown = choose_persons(len(store.persons), person, path)
    figure = make_figure(1.9 * len(shown))
    frames = np.arange(len(store))
    for row, number in enumerate(shown):
        track = store.persons[number]
        title = f"{store.info.movie}, person {number}: {track.reference}"
        graph = add_panel(figure, row, len(shown), title)
        for n, (name, low, high) in enumerate((("x", 0, 2), ("y", 1, 3))):
            graph.fill_between(frames, track.boxes[:, low], track.boxes[:, high], color=COLOURS[n],
                               alpha=0.35, linewidth=0, label=f"{name} from, to")  # fmt: skip
        for cut in store.cuts:
            graph.axvline(cut, color="#404040", linewidth=0.5, linestyle=":")
        _draw_strip(graph, track.source, 1.0, below=True)
        graph.set_xlim(0, len(store))
        graph.set_ylabel("pixels", fontsize=8)
        graph.set_xlabel("frame; dotted lines are cuts", fontsize=8)
        graph.legend(loc="upper right", fontsize=7, ncols=5)
    return figure


_DRAWERS: dict[Kind, Callable[[Path, int | None], Figure]] = {
    "feature store": _draw_features,
    "boxes": _draw_boxes,
    "tracks": _draw_tracks,
    "frames": contact_sheet,
    "samples": samples_by_class,
    "scores": scores_over_time,
}
_OF_NOBODY: frozenset[Kind] = frozenset({"frames", "samples"})


def _read_sources(path: Path, person: int, present: np.ndarray) -> np.ndarray:
    """Source of every frame as the tracks file says, else detected where present."""
    tracks = read_tracks_near(path)
    if tracks is not None and person < len(tracks.persons):
        track = tracks.persons[person]
        if np.array_equal(track.present, present):
            return track.source
    return present.astype(np.uint8)


def _draw_strip(axes: Axes, source: np.ndarray, fps: float, below: bool = False) -> None:
    edges = np.flatnonzero(np.diff(source, prepend=-1.0, append=-1.0))
    low, high = axes.get_ylim() if below else (0.0, 1.0)
    thick = (high - low) * 0.08 if below else 1.0
    base = low - thick if below else 0.0
    for kind, colour in _SOURCE.items():
        spans: list[Any] = [
            (first / fps, (last - first) / fps)
            for first, last in pairwise(edges)
            if source[first] == kind
        ]
        if spans:
            axes.broken_barh(spans, (base, thick), facecolors=colour, linewidth=0,
                             label=kind.label)  # fmt: skip
    axes.set_ylim(base, high)
    if not below:
        axes.set_yticks([])
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=7, frameon=False,
                    handlelength=1, labelspacing=0.2, borderpad=0)  # fmt: skip


def _draw_labels(axes: Axes, labels: dict[str, np.ndarray], fps: float, in_project: bool) -> None:
    axes.set_ylim(max(len(labels), 1), 0)
    axes.set_yticks(np.arange(len(labels)) + 0.5, list(labels), fontsize=7)
    axes.tick_params(axis="y", length=0)
    if not labels:
        why = "this person is not annotated" if in_project else "no annotations beside the store"
        axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=8,
                  color="#808080")  # fmt: skip
        axes.set_yticks([])
    for row, active in enumerate(labels.values()):
        edges = np.flatnonzero(np.diff(active.astype(int), prepend=0, append=0))
        spans = [(a / fps, (b - a) / fps) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        axes.broken_barh(spans, (row + 0.15, 0.7), facecolors=_LABEL, linewidth=0)


def _most_frames(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The `CLASSES_SHOWN` classes with most frames; the others together as "others (n)"."""
    ranked = sorted(labels.items(), key=lambda item: -int(item[1].sum()))
    shown = dict(ranked[:CLASSES_SHOWN])
    rest = [active for _, active in ranked[CLASSES_SHOWN:]]
    return {**shown, f"others ({len(rest)})": np.any(rest, axis=0)} if rest else shown
