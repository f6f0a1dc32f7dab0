"""Packages that only some use: where one is missing, the error names the pip command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rhas.base.errors import RhasError


@contextmanager
def optional_import(extra: str) -> Iterator[None]:
    """Around imports of packages that pyproject.toml lists under an extra of ``rhas``.

    Raises:
        RhasError: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise RhasError(
            "a package is not installed",
            where=str(error.name),
            expected=f"the packages of rhas[{extra}]",
            do=f"in the project's folder: `pip install '.[{extra}]'`",
        ) from error
