"""The folder ``.work`` of an output folder: for one run at a time, gone where it is of no use."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK

LOCK = ".lock"


@contextmanager
def only_run(out: Path) -> Iterator[Path]:
    """``out/.work``, made where missing, for this run alone; others wait until the block ends.

    Where the block fails before anything is worth keeping, the folders go again, ``out`` too if it
    is empty.
    """
    work = out / WORK
    with _locked(work / LOCK):
        try:
            yield work
        except BaseException:
            if not any(WorkCache(work).entries()):
                with suppress(OSError):  # others' files stay
                    _remove(work)
                    out.rmdir()
            raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the lock of this file, which whoever holds it may remove: then it is made anew."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except FileNotFoundError:  # removed between the two
            continue
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("segment: another run is still at work, waiting for it", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
            if _lies_at(path, file):
                yield
                return


def _lies_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove(work: Path) -> None:
    """Removes the folder; the lock last, since from then on another run may fill it."""
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    (work / LOCK).unlink()
    work.rmdir()
