"""Some frames of a store, or samples of an index: shown as rows, or written as arrays.

A window is the numbers [start, stop): of frames, or, of ``data/samples``, of the index's lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from rich.table import Table
from rich.text import Text

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.inspection.films import SOURCES, chosen, persons_of
from rhas.inspection.kinds import Kind, kind_of
from rhas.inspection.scores import score_groups
from rhas.stores.features import FeatureStore
from rhas.stores.hdf5 import person_group
from rhas.stores.jpeg import JpegReader

Arrays = dict[str, np.ndarray]

_ROWS = 40
_VALUES = 2  # of a feature vector that are shown: a person's row fits 80 columns
_HIGHEST = 3  # scores of a frame that are shown
_ACTIONS = 3  # of a sample that are shown
_NOT_SHOWN = ("text", "classes", "all_boxes", "all_scores", "movie")  # the sample's name has it


def parse(text: str) -> tuple[int, int]:
    """``START:STOP`` as two frames, STOP exclusive.

    Raises:
        RhasError: not that, or nothing in between.
    """
    found = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text)
    if not found or int(found[1]) >= int(found[2]):
        raise RhasError(
            "not a window", where="--window", expected="START:STOP, e.g. 300:310", got=text
        )
    return int(found[1]), int(found[2])


def read(path: Path, start: int, stop: int, person: int | None) -> Arrays:
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
        RhasError: a window outside the store, no such person, a store without frames.
    """
    kind = kind_of(path)
    if kind not in _READERS:
        raise RhasError(
            f"a window of {kind}",
            where=str(path),
            expected=", ".join(_READERS),
            do="name one store of the folder" if "stores" in kind else "",
        )
    return _READERS[kind](path, start, stop, person)


def _feature_store(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    found: Arrays = {}
    for number in chosen(FeatureStore(path).count_persons(), person, path):
        own = FeatureStore(path).read_window(number, start, stop)
        for name in ("holistic", "partial", "present", "text"):
            found[f"{person_group(number)}.{name}"] = getattr(own, name)
    return {"frame": np.arange(start, stop), **found}


def _frames(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    with h5py.File(path) as file:
        reader = JpegReader(file)
        _check(path, start, stop, len(reader))
        height, width = int(file.attrs["height"]), int(file.attrs["width"])
        pictures = np.zeros((stop - start, height, width, 3), np.uint8)
        for row, frame in enumerate(range(start, stop)):
            picture = reader[frame]
            if picture is not None:
                pictures[row] = picture
        time = file["time"][start:stop]
    return {"frame": np.arange(start, stop), "time": time, "pictures": pictures}


def _tracks(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    with h5py.File(path) as file:
        groups = list(persons_of(file))
        _check(path, start, stop, len(groups[0]["source"]))
        found = {"frame": np.arange(start, stop)}
        for number in chosen(len(groups), person, path):
            for name in ("boxes", "scores", "source"):
                found[f"{person_group(number)}.{name}"] = groups[number][name][start:stop]
    return found


def _boxes(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    with h5py.File(path) as file:
        sampled = file["frames"][:]
        first, last = np.searchsorted(sampled, (start, stop)).tolist()
        if first == last:
            raise RhasError(
                "no sampled frame in the window",
                where=str(path),
                expected=f"every {file.attrs['stride']}th from 0 to {int(sampled[-1])}",
                got=f"{start}:{stop}",
            )
        found = {"frame": sampled[first:last]}
        groups = list(persons_of(file))
        for number in chosen(len(groups), person, path):
            own = _candidates(groups[number], first, last)
            found |= {f"{person_group(number)}.{name}": values for name, values in own.items()}
    return found


def _candidates(group: h5py.Group, first: int, last: int) -> Arrays:
    """How many, the best, and all of the sampled frames ``[first, last)``."""
    offsets = group["offsets"][first : last + 1]
    boxes, scores = (group[name][offsets[0] : offsets[-1]] for name in ("boxes", "scores"))
    counts = np.diff(offsets)
    best_boxes = np.full((len(counts), 4), np.nan, np.float32)
    best_scores = np.full(len(counts), np.nan, np.float32)
    for row, begin in enumerate(offsets[:-1] - offsets[0]):
        if counts[row]:
            best = begin + int(scores[begin : begin + counts[row]].argmax())
            best_boxes[row], best_scores[row] = boxes[best], scores[best]
    return {
        "candidates": counts,
        "boxes": best_boxes,
        "scores": best_scores,
        "all_boxes": boxes,
        "all_scores": scores,
    }


def _scores(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    groups = score_groups(path)
    _check(path, start, stop, groups[0]["scores"].shape[0])
    found = {"frame": np.arange(start, stop), "classes": np.array(groups[0].attrs["classes"])}
    for number in chosen(len(groups), person, path):
        found[f"{person_group(number)}.scores"] = np.asarray(groups[number]["scores"][start:stop])
    return found


def _samples(path: Path, start: int, stop: int, person: int | None) -> Arrays:
    with (path / "index.csv").open(newline="", encoding="utf-8") as file:
        index = list(csv.DictReader(file))
    with (path / "intervals.csv").open(newline="", encoding="utf-8") as file:
        intervals = list(csv.DictReader(file))
    _check(path, start, stop, len(index), "samples")
    numbered = [(n, row) for n, row in enumerate(index) if start <= n < stop]
    rows = [(n, r) for n, r in numbered if person is None or int(r["person"]) == person]
    if not rows:
        raise RhasError("no sample of this person in the window", where=str(path), got=str(person))
    found = {"sample": np.array([n for n, _ in rows])}
    for name, column in (("name", "sample"), ("movie", "movie"), ("split", "split")):
        found[name] = np.array([row[column] for _, row in rows])
    for name in ("person", "start", "stop"):
        found[name] = np.array([int(row[name]) for _, row in rows])
    found["actions"] = np.array([", ".join(_actions(row, intervals)) for _, row in rows])
    return found


def _actions(sample: dict[str, str], intervals: list[dict[str, str]]) -> list[str]:
    start, stop = int(sample["start"]), int(sample["stop"])
    there = {
        int(row["class_id"])
        for row in intervals
        if (row["movie"], row["person"]) == (sample["movie"], sample["person"])
        and int(row["start"]) < stop
        and int(row["stop"]) > start
    }
    return [CLASSES[number] for number in sorted(there)]


def _check(path: Path, start: int, stop: int, total: int, what: str = "the film") -> None:
    if stop > total:
        raise RhasError(
            f"window outside {what}",
            where=str(path),
            expected=f"0 <= start < stop <= {total}",
            got=f"{start}:{stop}",
        )


_READERS: dict[Kind, Callable[[Path, int, int, int | None], Arrays]] = {
    "feature store": _feature_store,
    "frames": _frames,
    "boxes": _boxes,
    "tracks": _tracks,
    "scores": _scores,
    "samples": _samples,
}


def export(arrays: Arrays, out: Path) -> None:
    """Writes ``out`` (.npz).

    Raises:
        RhasError: another ending, which numpy would change.
    """
    if out.suffix != ".npz":
        raise RhasError("not an .npz file", where="--out", got=str(out), do=f"write {out}.npz")
    np.savez(out, **arrays)  # type: ignore[arg-type]


def rows(arrays: Arrays) -> Iterator[Table]:
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
        title = _title(unit, arrays[unit], person)
        yield _table(title, {**common, **own}, arrays.get("classes"))


def _title(unit: str, numbers: np.ndarray, person: str) -> str:
    title = f"{unit}s {numbers[0]} to {numbers[-1]}"
    if person:
        title += f", person {int(person.removeprefix('person_'))}"
    if len(numbers) > _ROWS:
        title += f", the first {_ROWS} of {len(numbers)}; --out FILE.npz writes them all"
    return title


def _table(title: str, columns: Arrays, classes: np.ndarray | None) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, overflow="fold", justify="left" if number else "right")
    for row in range(min(_ROWS, len(next(iter(columns.values()))))):
        table.add_row(*(_cell(name, values[row], classes) for name, values in columns.items()))
    return table


def _cell(name: str, value: np.ndarray, classes: np.ndarray | None) -> Text:
    if name == "source":
        return Text(SOURCES[int(value)])
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
