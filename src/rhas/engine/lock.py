"""Locks of files: one process at a time is at work, and a killed one holds up nobody.

A lock is an ``flock``, which the system releases when its process ends. Some file systems have
none, and a disk that cannot be written has no place for its file: there a run goes on without,
and says so where that matters. Results are safe without locks (`rhas.engine.workcache`); locks
save computing something twice.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path

_HELD = (errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_MOST_FAILURES = 100  # to make the folder, before it is taken for a link to nowhere
_NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)


class Lock(Enum):
    """What came of asking for one."""

    TAKEN = auto()
    HELD = auto()  # by another process
    MISSING = auto()  # the file system has no locks


@contextmanager
def exclusive_lock(path: Path, who: str) -> Iterator[None]:
    """Holds the lock of a file, made with its folder where missing; says so if it has to wait.

    Whoever holds it may remove the file and the folder.
    """
    file, lock = _take(path, waits=False)
    if lock is Lock.HELD:
        print(f"{who}: another run is still at work, waiting for it", file=sys.stderr)
        _close(file)
        file, lock = _take(path, waits=True)
    if lock is Lock.MISSING:
        print(
            f"{who}: the file system of {path.parent} has no file locks, so nothing stops two runs "
            "from working at once: start no second run until this one ends",
            file=sys.stderr,
        )
    try:
        yield
    finally:
        _close(file)


@contextmanager
def if_idle(path: Path) -> Iterator[bool]:
    """Holds the lock of a file unless another does: whether nobody else does."""
    file, lock = _take(path, waits=False)
    try:
        yield lock is not Lock.HELD
    finally:
        _close(file)


def lock_file(file: int, *, waits: bool) -> Lock:
    """Locks an open file until it is closed or its process ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _HELD:
            return Lock.HELD
        if error.errno in _NO_LOCKS:
            return Lock.MISSING
        raise
    return Lock.TAKEN


def _take(path: Path, *, waits: bool) -> tuple[int | None, Lock]:
    """The open file, and its lock; no file where none can be made."""
    failures = 0
    while True:
        try:
            file = _open(path)
        except (FileNotFoundError, FileExistsError):  # its folder was removed while it was made
            failures += 1
            if path.parent.is_file() or failures == _MOST_FAILURES:  # or is a link to nowhere
                raise
            continue
        if file is None:
            return None, Lock.TAKEN
        try:
            lock = lock_file(file, waits=waits)
        except BaseException:
            os.close(file)
            raise
        if lock is not Lock.TAKEN or _lies_at(path, file):
            return file, lock
        os.close(file)  # whoever held it has removed it


def _open(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in _NO_WRITING:
            raise
    with suppress(OSError):  # another user's file: it can be locked all the same
        return os.open(path, os.O_RDONLY)
    return None


def _lies_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False


def _close(file: int | None) -> None:
    if file is not None:
        os.close(file)
