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

PARTS = 16  # each has its seed, so that the number of workers does not change the pictures


def draw_parts(
    folder: Path, draw: Callable[[Path, int], None], workers: int, options: dict[str, int]
) -> None:
    """Fill ``folder`` with a folder per part ("00" to "15"); finished parts stay.

    Args:
        folder: of the parts.
        draw: writes the files of a part, by its number, into a folder; can be pickled.
        workers: processes, spawned: forked ones hang where torch has threads.
        options: what the pictures depend on, written beside them.

    Raises:
        RhasError: the folder's parts were drawn with other options.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "made_with.json"
    if not record.is_file():
        record.write_text(json.dumps(options), "utf-8")
    if (before := json.loads(record.read_text("utf-8"))) != options:
        raise RhasError(
            "these pictures were made with other options",
            where=str(folder),
            expected=str(options),
            got=str(before),
            do="delete the folder, or name another with --cache",
        )
    waiting = [part for part in range(PARTS) if not part_folder(folder, part).is_dir()]
    if not waiting:
        return
    with ProcessPoolExecutor(min(len(waiting), workers), get_context("spawn")) as pool:
        done = PARTS - len(waiting)
        for _ in pool.map(partial(_draw_part, folder, draw), waiting):
            done += 1
            print(f"rendered {done} of {PARTS} parts", flush=True)


def part_folder(folder: Path, part: int) -> Path:
    """The folder of a part."""
    return folder / f"{part:02d}"


def _draw_part(folder: Path, draw: Callable[[Path, int], None], part: int) -> None:
    temporary = folder / f".{part:02d}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    draw(temporary, part)
    temporary.rename(part_folder(folder, part))
