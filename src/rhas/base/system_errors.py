"""Errors of the operating system and of libraries that a user can correct, as messages.

The one place for all commands and stages: what is wrong, where, what to do. HDF5, Zarr,
safetensors and FFmpeg pass on the system's error number, in an attribute or in their text.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from rhas.base.errors import RhasError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a disk, or a quota on it, that is full."""

_PACKAGE = Path(__file__).resolve().parents[1]
_PATHS = {
    errno.ENOENT: "check that it exists and is spelled correctly",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EEXIST: "choose another path, or move away what is there",
    errno.EISDIR: "name a file: this is a folder",
    errno.EACCES: "change its permissions, or choose another path",
    errno.EPERM: "change its permissions, or choose another path",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "symbolic links lead in a circle: remove one",
}
"""What to do where a path is wrong; it may also be a bug, where the path is one of the program."""
_SYSTEM = {
    **dict.fromkeys(DISK_FULL, ("the disk is full", "free space, and run this again")),
    errno.EFBIG: (
        "the file is too large for the disk or for a limit",
        "use another disk, or raise the limit (`ulimit -f`)",
    ),
    errno.EROFS: ("the disk cannot be written", "mount it for writing, or choose another path"),
    errno.EIO: ("the disk reports an error", "check the disk or the network, and run this again"),
    errno.ESTALE: ("the network disk has lost the file", "run this again"),
    errno.ETIMEDOUT: ("the disk does not answer", "check the network, and run this again"),
    errno.EAGAIN: (
        "another program has the file open",
        "close that program or wait for it; without one, a killed program has left half a file: "
        "make it again",
    ),
    errno.EBUSY: (
        "another program uses the file",
        "close that program or wait for it, and run this again",
    ),
    errno.ENOLCK: ("the file system has no locks", "use another disk, or mount it with locks"),
    errno.EMFILE: ("too many files are open", "raise the limit (`ulimit -n 4096`)"),
    errno.ENFILE: ("too many files are open", "end other programs, and run this again"),
    errno.ENOMEM: (
        "memory ran out",
        "end other programs, or do less at once: RHAS_WORKERS, batch_size, frame_len",
    ),
}
"""What is wrong and what to do, whatever the program did."""
_NUMBERS = (r"errno = (\d+)", r"\(os error (\d+)\)", r"^\[Errno (\d+)\]")
_NAMES = (r"file ?name = '([^']+)'", r"name = '([^']+)'", r"'(/[^']+)'")
_NO_MEMORY = re.compile("RuntimeError.*can't allocate memory|OutOfMemoryError", re.DOTALL)
"""torch's."""
_OPEN_ELSEWHERE = "file is already open for"  # HDF5's, without a number


def explain_error(error: BaseException) -> RhasError | None:
    """A message for what a user can correct; None for a bug.

    A `RhasError` that hides an error of the disk below it becomes that error's message.
    """
    for cause in _list_causes(error):
        number, path = _find_number(cause), _find_path(cause)
        if number in _SYSTEM:
            what, do = _SYSTEM[number]
            return RhasError(what, where=path or _find_place(error), do=do)
        if isinstance(cause, MemoryError) or _NO_MEMORY.search(f"{type(cause).__name__}: {cause}"):
            what, do = _SYSTEM[errno.ENOMEM]
            return RhasError(what, where=_find_place(error), do=do)
    if isinstance(error, RhasError):
        return error
    return _explain_path(error) if isinstance(error, OSError) else None


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that the disk or a quota is full."""
    return error is not None and any(_find_number(e) in DISK_FULL for e in _list_causes(error))


def is_system_error(error: BaseException) -> bool:
    """Whether the system failed to read or write a file that may be whole."""
    return _find_number(error) in {*_SYSTEM, errno.EACCES, errno.EPERM}


def _explain_path(error: OSError) -> RhasError | None:
    """A path outside this package that is wrong."""
    place = _find_path(error)
    if not place or error.errno not in _PATHS or _PACKAGE in Path(place).absolute().parents:
        return None
    path = Path(place)
    if error.errno == errno.ENOENT and not path.parent.exists():
        return RhasError(
            "its folder does not exist",
            where=place,
            do=f"create the folder {path.parent} first",
        )
    what = os.strerror(error.errno)
    return RhasError(what[0].lower() + what[1:], where=place, do=_PATHS[error.errno])


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and the members of groups."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += getattr(current, "exceptions", ())
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        waiting += [cause] if cause else []


def _find_number(error: BaseException) -> int | None:
    if isinstance(error, RhasError):
        return None
    number = getattr(error, "errno", None)
    if type(error).__module__.startswith("av."):
        return number if number in DISK_FULL else None  # FFmpeg's EIO is a damaged film
    if isinstance(number, int) and number > 0:
        return number
    text = str(error)
    if _OPEN_ELSEWHERE in text:
        return errno.EAGAIN
    found = next((match for n in _NUMBERS if (match := re.search(n, text))), None)
    return int(found[1]) if found else None


def _find_path(error: BaseException) -> str:
    place = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(place, str | bytes | os.PathLike):
        return os.fsdecode(place)
    text = str(error)
    found = next((match for n in _NAMES if (match := re.search(n, text))), None)
    return found[1] if found else ""


def _find_place(error: BaseException) -> str:
    return error.where if isinstance(error, RhasError) else ""
