"""Errors of the system that a user can mend, as messages."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.cli.output import FULL

_PACKAGE = Path(__file__).resolve().parents[1]
_PATHS = {
    errno.ENOENT: "look whether it is there, and spelled so",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EEXIST: "choose another path, or move away what is there",
    errno.EISDIR: "name a file: this is a folder",
    errno.EACCES: "change its permissions, or choose another path",
    errno.EPERM: "change its permissions, or choose another path",
    errno.EROFS: "choose a path on a disk that can be written",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""Numbers of the errors that a path can have, and what to do."""


def users_error(error: OSError) -> RhasError | None:
    """A full disk, or a path outside this package; None: a bug."""
    place = error.filename2 or error.filename
    named = isinstance(place, str | bytes)
    path = Path(os.fsdecode(place)) if named else Path()
    if error.errno in FULL:
        where = str(path) if named else ""
        return RhasError("the disk is full", where=where, do="make room, and try again")
    if not named or error.errno not in _PATHS or _PACKAGE in path.absolute().parents:
        return None
    if error.errno == errno.ENOENT and not path.parent.exists():
        return RhasError(
            "its folder is not there", where=str(path), do=f"make the folder {path.parent} first"
        )
    what = os.strerror(error.errno)
    return RhasError(what[0].lower() + what[1:], where=str(path), do=_PATHS[error.errno])
