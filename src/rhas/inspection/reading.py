"""Stores that may be damaged: an error that names the one, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError

DAMAGE = (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError)
"""What libraries raise where they read a store that is damaged."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever libraries raise where the store at ``path`` is damaged becomes a `RhasError`."""
    try:
        yield
    except DAMAGE as error:
        raise RhasError(
            "the store cannot be read",
            where=str(path),
            got=f"{type(error).__name__}: {error}",
            do="where it is damaged, delete it and run `dvc repro` again",
        ) from error


def rows(
    paths: Iterable[Path], describe: Callable[[Path], dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A row of each store that can be read, and what is wrong with the others by name."""
    found, damaged = [], {}
    for path in paths:
        try:
            with reading(path):
                found.append(describe(path))
        except RhasError as error:
            damaged[path.name] = told(error)
    return found, damaged


def told(error: RhasError) -> str:
    """Place, what is wrong and what was found, in one line."""
    return ": ".join(part for part in (error.where, error.what, error.got) if part)
