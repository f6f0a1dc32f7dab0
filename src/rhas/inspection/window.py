"""Some frames of a store, or samples of an index: shown as rows, or written as arrays.

A window is the numbers [start, stop): of frames, or, of ``data/samples``, of the index's lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from rhas.base.errors import RhasError
from rhas.base.files import replace_file
from rhas.inspection.describe import open_film_store
from rhas.stores.checking import Arrays, guard_reading
from rhas.stores.features import FeatureStore
from rhas.stores.kinds import find_kind
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import FilmScores
from rhas.stores.tracks import BoxSource

_ROWS = 40
_VALUES = 2  # of a feature vector that are shown: a person's row fits 80 columns
_HIGHEST = 3  # scores of a frame that are shown
_ACTIONS = 3  # of a sample that are shown
_NOT_SHOWN = ("text", "classes", "all_boxes", "all_scores", "movie")  # the sample's name has it


def parse_window(text: str) -> tuple[int, int]:
    """``START:STOP`` as two frames, STOP exclusive.

    Raises:
        RhasError: not that, or nothing in between.
    """
    found = re.fullmatch(r"\s*(\d{1,99})\s*:\s*(\d{1,99})\s*", text)
    if not found or int(found[1]) >= int(found[2]):
        raise RhasError(
            "not a window", where="--window", expected="START:STOP, e.g. 300:310", got=text
        )
    return int(found[1]), int(found[2])


def read_window(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    """Arrays of frames ``[start, stop)`` by name; a person's as ``person_000.<array>``.

    | store | arrays beside ``frame`` |
    |---|---|
    | features | of each person holistic, partial, present, text |
    | tracks | of each person boxes, scores, source |
    | boxes | of each person candidates (how many), boxes and scores (the best), all_boxes, \
all_scores; ``frame`` holds the sampled ones |
    | frames | time, and pictures uint8 (n, h, w, 3) |
    | scores | classes (C,), and of each person scores (n, C) |
    | samples | ``sample`` in place of ``frame``; name, movie, person, split, start, stop, actions |

    Args:
        person: this one alone; None is all.

    Raises:
        RhasError: a window outside the store, no such person, a person of a store without any, a
            store without frames.
    """
    with guard_reading(path):
        kind = find_kind(path)
        if kind == "feature store":
            return FeatureStore(path).read_windows(start, stop, person)
        if kind == "samples":
            return SampleIndex.read(path).read_window(start, stop, person)
        if kind == "scores":
            return FilmScores.read(path).read_window(start, stop, person)
        if kind == "frames" and person is not None:
            raise RhasError("frames are of no person", where=str(path), do="leave out --person")
        if kind in ("frames", "boxes", "tracks"):
            with open_film_store(path, kind) as store:
                return store.read_window(start, stop, person)
    raise RhasError(
        f"a window of {kind}",
        where=str(path),
        expected="feature store, frames, boxes, tracks, scores, samples",
        do="name one store of the folder" if "stores" in kind else "",
    )


def write_window(arrays: Arrays, out: Path) -> None:
    """Writes ``out`` (.npz), whole or not at all.

    Raises:
        RhasError: another ending, which numpy would change.
    """
    if out.suffix != ".npz":
        raise RhasError("not an .npz file", where="--out", got=str(out), do=f"write {out}.npz")
    with replace_file(out) as new, new.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def format_window(arrays: Arrays) -> Iterator[Table]:
    """A table per person, or one; a row per frame or sample, `_ROWS` at most."""
    unit = next(iter(arrays))
    persons = sorted({name.split(".")[0] for name in arrays if "." in name})
    common = {n: v for n, v in arrays.items() if "." not in n and n not in _NOT_SHOWN}
    for person in persons or [""]:
        own = {
            inner: values
            for name, values in arrays.items()
            for owner, _, inner in [name.partition(".")]
            if owner == person and inner and inner not in _NOT_SHOWN
        }
        title = _make_title(unit, arrays[unit], person)
        yield _make_table(title, {**common, **own}, arrays.get("classes"))


def _make_title(unit: str, numbers: np.ndarray, person: str) -> str:
    title = f"{unit}s {numbers[0]} to {numbers[-1]}"
    if person:
        title += f", person {int(person.removeprefix('person_'))}"
    if len(numbers) > _ROWS:
        title += f", the first {_ROWS} of {len(numbers)}; --out FILE.npz writes them all"
    return title


def _make_table(title: str, columns: Arrays, classes: np.ndarray | None) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, overflow="fold", justify="left" if number else "right")
    for row in range(min(_ROWS, len(next(iter(columns.values()))))):
        table.add_row(
            *(_format_cell(name, values[row], classes) for name, values in columns.items())
        )
    return table


def _format_cell(name: str, value: np.ndarray, classes: np.ndarray | None) -> Text:
    if name == "source":
        return Text(BoxSource(int(value)).label)
    if name == "actions":
        actions = str(value).split(", ") if value else []
        more = ", …" if len(actions) > _ACTIONS else ""
        return Text(f"{len(actions)}: {', '.join(actions[:_ACTIONS])}{more}")
    if name == "pictures":
        return Text(f"mean colour {', '.join(f'{c:.0f}' for c in value.mean((0, 1)))}")
    if value.dtype.kind == "f" and np.isnan(value).all():
        return Text("-")
    if value.ndim == 0:
        return Text(f"{value:.4g}" if value.dtype.kind == "f" else str(value))
    if name == "boxes":
        return Text(", ".join(f"{v:.1f}" for v in value))
    if classes is not None:
        highest = np.argsort(-value, kind="stable")[:_HIGHEST]
        return Text(", ".join(f"{classes[n]} {value[n]:.2f}" for n in highest))
    few = ", ".join(f"{v:.2f}" for v in value[:_VALUES])
    return Text(f"{few}, … norm {np.linalg.norm(value):.2f}")
