"""Locks of files: one process at a time is at work, and a killed one holds up nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def only_one(path: Path, who: str) -> Iterator[None]:
    """Holds the lock of a file, made with its folder where missing; says so if it has to wait.

    Whoever holds it may remove the file and the folder.
    """
    lock, waits = FileLock(path), False
    while not lock.is_locked:
        try:
            lock.acquire(blocking=waits)
        except Timeout:
            print(f"{who}: another run is still at work, waiting for it", file=sys.stderr)
            waits = True
        except (FileNotFoundError, FileExistsError):  # removed while it was made
            if path.parent.is_file():
                raise
    try:
        yield
    finally:
        lock.release()


@contextmanager
def if_idle(path: Path) -> Iterator[bool]:
    """Holds the lock of a file unless another does: whether it does."""
    try:
        held = FileLock(path).acquire(blocking=False)
    except Timeout:
        yield False
    else:
        with held:
            yield True
