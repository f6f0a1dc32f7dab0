"""The folder ``.work`` of an output folder, for one run at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rhas.engine.lock import exclusive_lock
from rhas.engine.stage import LOCK
from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK


@contextmanager
def exclusive_work_folder(out: Path) -> Iterator[Path]:
    """``out/.work``, created where missing, for this run alone; others wait until the block ends.

    Where the block fails before an entry is complete, the folder is removed, and ``out`` too if it
    is empty.
    """
    work = out / WORK
    with exclusive_lock(work / LOCK, "segment"):
        try:
            yield work
        except BaseException:
            if not any(WorkCache(work).list_entries()):
                with suppress(OSError):  # a folder with other files stays
                    _remove_work(work)
                    out.rmdir()
            raise


def _remove_work(work: Path) -> None:
    """Removes the folder; the lock last, since from then on another run may fill it."""
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    (work / LOCK).unlink()
    work.rmdir()
