"""Errors of stores: one guard around reading, one check of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.system_errors import explain_error, is_system_error

Facts = dict[str, Any]
"""What `rhas inspect` prints of a store: JSON-able values by name."""

Arrays = dict[str, np.ndarray]
"""A window of a store: arrays by name; a person's as ``person_000.<array>``."""

_MAX_MESSAGE = 500
_UNCOMPRESSED = 1 << 20
_MOST_COMPRESSED = 256
REPAIR = "in the project run `rhas cache verify --repair`; elsewhere delete it and make it again"


@contextmanager
def guard_reading(
    where: object, do: str = REPAIR, what: str = "the store is damaged"
) -> Iterator[None]:
    """Turns every error of a library into a `RhasError` that names the store.

    Args:
        where: the store, with group and array where known. An error of the project keeps its own
            place, if it has one.
        do: what the user can do.
        what: what is wrong.
    """
    try:
        yield
    except RhasError as error:
        if error.where:
            raise
        raise RhasError(
            error.what,
            where=str(where),
            expected=error.expected,
            got=error.got,
            do=error.do or do,
        ) from error
    except (AssertionError, NameError):  # errors of this project
        raise
    except Exception as error:  # h5py, zarr and NumPy raise all kinds where a store is damaged
        if is_system_error(error):
            message = explain_error(error)
            if message is None:
                raise
            raise message from error
        raise RhasError(
            what, where=str(where), got=f"{type(error).__name__}: {error}"[:_MAX_MESSAGE], do=do
        ) from error


def check_declared_size(declared: int, stored: int) -> None:
    """Checks an array before memory is taken for it: a few bytes of metadata can declare anything.

    Args:
        declared: bytes of the array.
        stored: bytes of it on the disk.

    Raises:
        RhasError: more than any compression would give.
    """
    if declared > _UNCOMPRESSED + _MOST_COMPRESSED * stored:
        raise RhasError(
            "an array that is declared larger than what is stored of it",
            expected=f"at most {_MOST_COMPRESSED} times the {stored:,} bytes on the disk",
            got=f"{declared:,} bytes",
        )


class Array(NamedTuple):
    """An array and what it should be: ``shape`` holds sizes, or names of sizes that must agree."""

    values: np.ndarray
    dtypes: tuple[type, ...]
    shape: tuple[int | str, ...]


def check_arrays(what: str, arrays: Mapping[str, Array]) -> None:
    """Checks dtypes and shapes together; equal names of sizes must be equal sizes.

    Raises:
        RhasError: some array differs; it lists what was expected and what there is.
    """
    sizes: dict[str, int] = {}
    if all(_fits_shape(array, sizes) for array in arrays.values()):
        return
    raise RhasError(
        f"{what} have a wrong shape or type",
        expected=", ".join(
            f"{name} {' or '.join(np.dtype(t).name for t in a.dtypes)} {_format_shape(a.shape)}"
            for name, a in arrays.items()
        ),
        got=", ".join(f"{n} {a.values.dtype} {a.values.shape}" for n, a in arrays.items()),
    )


def _fits_shape(array: Array, sizes: dict[str, int]) -> bool:
    if array.values.dtype not in array.dtypes or array.values.ndim != len(array.shape):
        return False
    return all(
        size == (sizes.setdefault(expected, size) if isinstance(expected, str) else expected)
        for size, expected in zip(array.values.shape, array.shape, strict=True)
    )


def _format_shape(shape: tuple[int | str, ...]) -> str:
    inner = ", ".join(map(str, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def check_exists(path: Path, do: str = "run `dvc repro`") -> None:
    """Raises `RhasError` where there is no such store."""
    if not path.exists():
        raise RhasError("no such store", where=str(path), do=do)


def check_window(where: object, start: int, stop: int, total: int, what: str = "the film") -> None:
    """Raises `RhasError` unless ``[start, stop)`` lies inside ``total`` frames (or rows)."""
    if not 0 <= start < stop <= total:
        raise RhasError(
            f"window outside {what}",
            where=str(where),
            expected=f"0 <= start < stop <= {total}",
            got=f"[{start}, {stop})",
            do="name a window inside it",
        )


def choose_persons(count: int, person: int | None, where: object = "") -> list[int]:
    """Numbers of the persons asked for: all ``count`` of them where ``person`` is None.

    Raises:
        RhasError: no such person.
    """
    if person is None:
        return list(range(count))
    if person >= count:
        raise RhasError(
            "no such person",
            where=str(where),
            expected=f"0 to {count - 1}",
            got=str(person),
            do="name one of them",
        )
    return [person]


def compare_counts(
    name: str, counts: Mapping[str, int], report: Mapping[str, int], stage: str
) -> Check:
    """Checks counts of a store against those that its stage reported."""
    now = _join_counts(counts)
    if not all(key in report for key in counts):
        return Check(name, "warn", f"{now}; no report.json beside the file to compare with")
    then = {key: report[key] for key in counts}
    if then == counts:
        return Check(name, "ok", f"as reported: {now}")
    return Check(name, "fail", f"{now}; reported: {_join_counts(then)}", f"run `dvc repro {stage}`")


def _join_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items())
