"""Some frames of a store: shown as rows, or written as arrays."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
from rich.table import Table

from rhas.base.errors import RhasError
from rhas.inspection.films import SOURCES, persons_of
from rhas.inspection.kinds import kind_of
from rhas.stores import featurestore
from rhas.stores.jpegstore import JpegReader, person_group

_ROWS = 40
_VALUES = 4  # of a feature vector that are shown


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


def read(path: Path, start: int, stop: int, person: int | None) -> dict[str, np.ndarray]:
    """Arrays of frames ``[start, stop)`` by name; a person's as ``person_000.<array>``.

    Feature stores give holistic, partial, present and text; tracks give boxes, scores and source;
    frames give the pictures, uint8 (n, h, w, 3), and time. ``frame`` is always there.

    Args:
        person: this one alone; None is all.

    Raises:
        RhasError: a window outside the film, no such person, a store without frames.
    """
    kind = kind_of(path)
    frames = np.arange(start, stop)
    if kind == "feature store":
        found = {"frame": frames}
        for number in _chosen(featurestore.persons(path), person, path):
            own = featurestore.read_window(path, number, start, stop)
            for name in ("holistic", "partial", "present", "text"):
                found[f"{person_group(number)}.{name}"] = getattr(own, name)
        return found
    if kind not in ("frames", "tracks"):
        raise RhasError(
            f"a window of {kind}",
            where=str(path),
            expected="a feature store, a tracks file or a frames file",
        )
    with h5py.File(path) as file:
        groups = list(persons_of(file))
        total = len((groups[0] if groups else file)["offsets"]) - 1
        if stop > total:
            raise RhasError(
                "window outside the film",
                where=str(path),
                expected=f"0 <= start < stop <= {total}",
                got=f"{start}:{stop}",
            )
        if kind == "frames":
            reader = JpegReader(file)
            height, width = int(file.attrs["height"]), int(file.attrs["width"])
            pictures = np.zeros((stop - start, height, width, 3), np.uint8)
            for row, frame in enumerate(range(start, stop)):
                picture = reader[frame]
                if picture is not None:
                    pictures[row] = picture
            return {"frame": frames, "time": file["time"][start:stop], "pictures": pictures}
        found = {"frame": frames}
        for number in _chosen(len(groups), person, path):
            for name in ("boxes", "scores", "source"):
                found[f"{person_group(number)}.{name}"] = groups[number][name][start:stop]
        return found


def export(arrays: dict[str, np.ndarray], out: Path) -> None:
    """Writes ``out`` (.npz).

    Raises:
        RhasError: another ending, which numpy would change.
    """
    if out.suffix != ".npz":
        raise RhasError("not an .npz file", where="--out", got=str(out), do=f"write {out}.npz")
    np.savez(out, **arrays)  # type: ignore[arg-type]


def rows(arrays: dict[str, np.ndarray]) -> Table:
    """A row per frame, `_ROWS` at most."""
    frames = arrays["frame"]
    shown = frames[:_ROWS]
    title = f"frames {frames[0]} to {frames[-1]}"
    if len(frames) > _ROWS:
        title += f", the first {_ROWS} of {len(frames)}; --out FILE.npz writes them all"
    table = Table(title=title, title_justify="left")
    table.add_column("frame", justify="right")
    columns = {n: v for n, v in arrays.items() if len(v) == len(frames) and n != "frame"}
    columns = {n: v for n, v in columns.items() if not n.endswith(".text")}
    for name in columns:
        table.add_column(name.replace("person_", ""), overflow="fold")
    for row in range(len(shown)):
        table.add_row(str(frames[row]), *(_cell(n, v[row]) for n, v in columns.items()))
    return table


def _cell(name: str, value: np.ndarray) -> str:
    if name.endswith(".source"):
        return SOURCES[int(value)]
    if name == "pictures":
        return f"mean colour {', '.join(f'{c:.0f}' for c in value.mean((0, 1)))}"
    if value.ndim == 0:
        return f"{value:.4g}" if value.dtype.kind == "f" else str(value)
    if name.endswith(".boxes"):
        return ", ".join(f"{v:.1f}" for v in value)
    few = ", ".join(f"{v:.2f}" for v in value[:_VALUES])
    return f"{few}, … norm {np.linalg.norm(value):.2f}"


def _chosen(count: int, person: int | None, path: Path) -> list[int]:
    if person is None:
        return list(range(count))
    if person >= count:
        raise RhasError(
            "no such person", where=str(path), expected=f"0 to {count - 1}", got=str(person)
        )
    return [person]
