"""Leases: one of several processes, on any number of hosts, is at work; a dead one holds up nobody.

A lease is a file that is created exclusively, which is atomic on network disks, too; no file locks
are used. It names its owner (`rhas.engine.owners`), and a thread of the owner writes it anew every
`HEARTBEAT` seconds.

Leases save computing something twice. Results do not depend on them (`rhas.engine.workcache`): an
owner that was taken for dead, as a host that slept, harms nothing when it goes on.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rhas.engine import owners
from rhas.engine.owners import describe_self, is_alive, read_owner

_POLL = 0.2
_NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)
_PRUNING, _RUN = ".pruning", ".run-"


@dataclass(frozen=True)
class Lease:
    """A lease that this process holds.

    Args:
        path: as given to `take_lease`; its files are ``<path>.1``, and ``<path>.<n + 1>`` of who
            took it from a dead owner of ``<path>.<n>``.
        number: of this owner's file.
    """

    path: Path
    number: int
    _ended: threading.Event = field(default_factory=threading.Event, compare=False)

    def is_held(self) -> bool:
        """False once another process has taken this one for dead."""
        return _file(self.path, self.number).exists() and not self._is_lost()

    def release(self) -> None:
        """Lets go, of what dead owners left, too."""
        self._ended.set()
        if not self._is_lost():
            for number in range(1, self.number + 1):
                with suppress(OSError):
                    _file(self.path, number).unlink()

    def _is_lost(self) -> bool:
        return _file(self.path, self.number + 1).exists()


def take_lease(path: Path) -> Lease | None:
    """The lease of a path, whose folder is made where missing; None where another has it."""
    number = 1
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _create(_file(path, number))
        except FileExistsError:
            owner = read_owner(_file(path, number))
            if owner is not None and is_alive(_file(path, number), owner):
                return None
            number = 1 if owner is None else number + 1  # released meanwhile, or of a dead one
        except FileNotFoundError:  # its folder was removed meanwhile
            continue
        else:
            lease = Lease(path, number)
            threading.Thread(target=_beat, args=(lease,), daemon=True).start()
            return lease


@contextmanager
def leased(path: Path) -> Iterator[Lease | None]:
    """The lease of a path within the block; None where another has it."""
    lease = take_lease(path)
    try:
        yield lease
    finally:
        if lease:
            lease.release()


@contextmanager
def exclusive_lease(path: Path, who: str) -> Iterator[None]:
    """Waits for the lease of a path, and says so.

    Whoever holds it may remove all but leases from its folder.

    Where nothing can be written nothing is held.
    """
    lease = None
    try:
        lease = take_lease(path)
        if lease is None:
            print(f"{who}: another run is still at work, waiting for it", file=sys.stderr)
        while lease is None:
            time.sleep(_POLL)
            lease = take_lease(path)
    except OSError as error:
        if error.errno not in _NO_WRITING:
            raise
    try:
        yield
    finally:
        if lease:
            lease.release()


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Nothing is removed from a folder that others may share (`if_unused`) within the block."""
    with exclusive_lease(folder / f"{_RUN}{uuid.uuid4().hex[:8]}", folder.name):
        while _list_alive(folder, _PRUNING):
            time.sleep(_POLL)
        yield


@contextmanager
def if_unused(folder: Path) -> Iterator[bool]:
    """Whether no process uses a folder (`in_use`); if so, none starts to within the block."""
    with leased(folder / _PRUNING) as lease:
        yield lease is not None and not _list_alive(folder, _RUN)


def remove_dead_runs(folder: Path) -> None:
    """Removes what killed processes left of `in_use`."""
    alive = _list_alive(folder, _RUN)
    for file in set(folder.glob(f"{_RUN}*")) - set(alive):
        with suppress(OSError):
            file.unlink()


def _list_alive(folder: Path, prefix: str) -> list[Path]:
    found = ((file, read_owner(file)) for file in folder.glob(f"{prefix}*"))
    return [file for file, owner in found if owner is not None and is_alive(file, owner)]


def _file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _create(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with open(descriptor, "wb") as opened:
        opened.write(describe_self())


def _beat(lease: Lease) -> None:
    """Writing sets the time by the clock of the file's server; a removed file stays removed."""
    while not lease._ended.wait(owners.HEARTBEAT):
        with suppress(OSError), open(_file(lease.path, lease.number), "r+b") as opened:
            opened.write(describe_self())
