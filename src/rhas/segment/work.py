"""The folder ``.work`` of an output folder, for one run at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rhas.engine.leases import exclusive_lease
from rhas.engine.stage import LOCK
from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK


@contextmanager
def exclusive_work_folder(out: Path) -> Iterator[Path]:
    """``out/.work``, created where missing, for this run alone; others wait until the block ends.

    Where the block fails before an entry is complete, the folder is removed, and ``out`` too if it
    is empty.
    """
    work, failed = out / WORK, False
    try:
        with exclusive_lease(work / LOCK, "segment"):
            try:
                yield work
            except BaseException:
                failed = not any(WorkCache(work).list_entries())
                if failed:
                    _remove_contents(work)
                raise
    finally:
        if failed:
            with suppress(OSError):  # a folder with other files, or that another run uses, stays
                work.rmdir()
                out.rmdir()


def _remove_contents(work: Path) -> None:
    """Removes all but leases."""
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif not path.name.startswith(LOCK):
            path.unlink(missing_ok=True)
