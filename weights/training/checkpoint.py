"""A checkpoint's folder that changes only when its training is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rhas.base.errors import RhasError


@contextmanager
def new_checkpoint(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out``; its files take their places in ``out`` when the block ends
    without an error. Other files in ``out`` stay.

    Raises:
        RhasError: ``out`` is a file.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise RhasError("not a folder", where=str(out), do="name another with --out")
    new = out.with_name(f".new-{out.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        out.mkdir(exist_ok=True)
        for file in sorted(new.iterdir()):
            file.replace(out / file.name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
