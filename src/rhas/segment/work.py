"""The folder ``.work`` of an output folder: for one run at a time, gone where it is of no use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rhas.engine.lock import only_one
from rhas.engine.stage import LOCK
from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK


@contextmanager
def only_run(out: Path) -> Iterator[Path]:
    """``out/.work``, made where missing, for this run alone; others wait until the block ends.

    Where the block fails before anything is worth keeping, the folders go again, ``out`` too if it
    is empty.
    """
    work = out / WORK
    with only_one(work / LOCK, "segment"):
        try:
            yield work
        except BaseException:
            if not any(WorkCache(work).entries()):
                with suppress(OSError):  # others' files stay
                    _remove(work)
                    out.rmdir()
            raise


def _remove(work: Path) -> None:
    """Removes the folder; the lock last, since from then on another run may fill it."""
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    (work / LOCK).unlink()
    work.rmdir()
