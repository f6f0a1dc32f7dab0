"""Errors of the operating system that a user can correct, as messages."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rhas.base.errors import RhasError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a disk, or a quota on it, that is full."""
_PACKAGE = Path(__file__).resolve().parents[1]
_ADVICE = {
    errno.ENOENT: "check that it exists and is spelled correctly",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EEXIST: "choose another path, or move away what is there",
    errno.EISDIR: "name a file: this is a folder",
    errno.EACCES: "change its permissions, or choose another path",
    errno.EPERM: "change its permissions, or choose another path",
    errno.EROFS: "choose a path on a disk that can be written",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""What to do, by error number, where a path is wrong."""


def explain_os_error(error: OSError) -> RhasError | None:
    """A full disk or a path outside this package as a message; None for a bug."""
    place = error.filename2 or error.filename
    path = Path(os.fsdecode(place)) if isinstance(place, str | bytes) else None
    if is_disk_full(error):
        return RhasError("the disk is full", where=str(path or ""), do="free space, and try again")
    if path is None or error.errno not in _ADVICE or _PACKAGE in path.absolute().parents:
        return None
    if error.errno == errno.ENOENT and not path.parent.exists():
        return RhasError(
            "its folder does not exist",
            where=str(path),
            do=f"create the folder {path.parent} first",
        )
    what = os.strerror(error.errno)
    return RhasError(what[0].lower() + what[1:], where=str(path), do=_ADVICE[error.errno])


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error says that the disk, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in DISK_FULL
