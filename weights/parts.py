"""Folders of rendered pictures, drawn in parts by several processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

PARTS = 16  # each with a seed of its own, so that workers do not change the pictures


def draw_parts(folder: Path, draw: Callable[[Path, int], None], workers: int) -> None:
    """Makes ``folder`` whole or not at all.

    Args:
        folder: to make.
        draw: writes the files of a part, by its number, into a folder; can be pickled.
        workers: processes, spawned: forked ones hang where torch has threads.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with ProcessPoolExecutor(min(PARTS, workers), get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(partial(draw, temporary), range(PARTS)), start=1):
            print(f"rendered {done} of {PARTS} parts", flush=True)
    temporary.rename(folder)
