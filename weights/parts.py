"""Folders of rendered pictures, drawn in parts by several processes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rhas.base.errors import RhasError

PARTS = 16  # each with a seed of its own, so that workers do not change the pictures


def draw_parts(
    folder: Path, draw: Callable[[Path, int], None], workers: int, made_with: dict[str, int]
) -> None:
    """Fills ``folder`` with a folder per part ("00" to "15"); parts that are there stay.

    Args:
        folder: of the parts.
        draw: writes the files of a part, by its number, into a folder; can be pickled.
        workers: processes, spawned: forked ones hang where torch has threads.
        made_with: what the pictures depend on, kept beside them.

    Raises:
        RhasError: the folder's parts were made with something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "made_with.json"
    if not told.is_file():
        told.write_text(json.dumps(made_with), "utf-8")
    if (before := json.loads(told.read_text("utf-8"))) != made_with:
        raise RhasError(
            "these pictures were made with other options",
            where=str(folder),
            expected=str(made_with),
            got=str(before),
            do="delete the folder, or name another with --cache",
        )
    waiting = [part for part in range(PARTS) if not part_of(folder, part).is_dir()]
    if not waiting:
        return
    with ProcessPoolExecutor(min(len(waiting), workers), get_context("spawn")) as pool:
        done = PARTS - len(waiting)
        for _ in pool.map(partial(_draw, folder, draw), waiting):
            done += 1
            print(f"rendered {done} of {PARTS} parts", flush=True)


def part_of(folder: Path, part: int) -> Path:
    """The folder of a part."""
    return folder / f"{part:02d}"


def _draw(folder: Path, draw: Callable[[Path, int], None], part: int) -> None:
    temporary = folder / f".{part:02d}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    draw(temporary, part)
    temporary.rename(part_of(folder, part))
