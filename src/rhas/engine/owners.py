"""The owner of a lease: a process of some host, and whether it is still there.

One on this host is dead once its process has ended. One on another host is dead `EXPIRY` seconds
after its last heartbeat, by the file system's clock: the clocks of two hosts are never compared.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

HEARTBEAT = 10.0
EXPIRY = 120.0
"""In seconds."""


@dataclass(frozen=True)
class Owner:
    """A process.

    Args:
        host: its name, for people.
        machine: what tells hosts of one name, their restarts and their containers apart.
        process: its number.
        start: when it started, in the host's own unit; empty where that is unknown.
    """

    host: str
    machine: str
    process: int
    start: str


def is_alive(file: Path, owner: Owner) -> bool:
    """Whether the owner that a lease's file names is still there."""
    if owner.machine == MACHINE:
        start = _read_start(owner.process)
        if start is None or (start and owner.start):
            return start == owner.start
    try:
        return _read_clock(file.parent) - _read_time(file) < EXPIRY
    except FileNotFoundError:
        return False
    except OSError:  # nothing can be written there, so nothing is taken from it either
        return True


def read_owner(file: Path) -> Owner | None:
    """The owner that a lease's file names; None where there is no such file."""
    try:
        values = json.loads(file.read_bytes())
        return Owner(**values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        return Owner("another host", "", 0, "")  # of which half is written: its time counts


def describe_self() -> bytes:
    """This process, as `read_owner` reads it."""
    process = os.getpid()
    owner = Owner(platform.node(), MACHINE, process, _read_start(process) or "")
    return json.dumps(asdict(owner)).encode()


def _read_clock(folder: Path) -> float:
    """What time it is for a folder's file system."""
    file = folder / f".clock-{uuid.uuid4().hex[:8]}"
    file.touch()
    try:
        return _read_time(file)
    finally:
        file.unlink(missing_ok=True)


def _read_time(file: Path) -> float:
    with file.open("rb") as opened:  # network disks ask the server when a file is opened
        return os.fstat(opened.fileno()).st_mtime


def _read_start(process: int) -> str | None:
    """When a process of this host started; empty where only its existence can be seen, None where
    it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return "" if _exists(process) else None
    state, *values = text.rpartition(")")[2].split()
    return None if state in "ZX" else values[18]


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _identify_machine() -> str:
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # process numbers of a container
    return " ".join(parts)


MACHINE = _identify_machine()
