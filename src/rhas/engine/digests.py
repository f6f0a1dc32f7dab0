"""SHA-256 of files, remembered while a file keeps its size and time of change.

A record is a small file of its own, named by file system and inode and replaced by rename, so
several processes may share the folder without locks. It only saves reading: without it, files are
read again.
"""

from __future__ import annotations

import json
import os
import stat
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import hash_file

_RETAINED_DAYS = 30
REPAIR = "run `rhas cache verify --repair` in the project's folder, then run this again"


@dataclass(frozen=True)
class FileState:
    """What changes when a file is written."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class FileRecord:
    """What is remembered of a file.

    Args:
        state: when it was read.
        sha256: of its content then, in hex.
        result: its path in the work cache, where it is the result of a job; else empty.
    """

    state: FileState
    sha256: str
    result: str = ""


_UNKNOWN = FileState(-1, -1)


class Digests:
    """The records of the files that a work cache reads and holds.

    Args:
        root: folder of the work cache.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def hash_file(self, path: Path) -> str:
        """SHA-256 of a file's content, from memory where the file is unchanged.

        Raises:
            RhasError: not a regular file, or a result of the work cache that somebody changed.
        """
        record = self.find_record(path)
        if record is not None and record.state == _read_state(path):
            return record.sha256
        return self.read_file(path, record)

    def read_file(self, path: Path, record: FileRecord | None = None) -> str:
        """SHA-256 of a file that is read now, and remembered.

        Args:
            record: what was known of it; errors as `hash_file`.
        """
        before = _read_state(path)
        sha256 = hash_file(path)
        result = record.result if record else ""
        if record and result and sha256 != record.sha256:
            with suppress(OSError):  # an inode is used again after its entry was removed
                if (self.root / result).samefile(path):
                    raise RhasError(
                        "the file was changed after it was computed",
                        where=str(path),
                        expected=f"SHA-256 {record.sha256[:16]}…",
                        got=f"{sha256[:16]}…",
                        do=REPAIR,
                    )
            result = ""
        if before == _read_state(path):
            self.remember(path, FileRecord(before, sha256, result))
        return sha256

    def remember_results(self, folder: Path, digests: Mapping[str, str]) -> None:
        """Remembers files that a job has just written; ``digests`` by path inside ``folder``."""
        for name, sha256 in digests.items():
            path = folder / name
            result = path.relative_to(self.root).as_posix()
            self.remember(path, FileRecord(_read_state(path), sha256, result))

    def distrust(self, path: Path) -> None:
        """A file that has other content although its size and time are as remembered: it is read
        again whenever it is asked for, and refused as long as it is a damaged result."""
        record = self.find_record(path)
        if record is not None:
            self.remember(path, replace(record, state=_UNKNOWN))

    def prune(self) -> None:
        """Removes the records of results that are gone, and those of other files that have not
        been read for some time."""
        oldest = time.time() - 86_400 * _RETAINED_DAYS
        for path in (self.root / "digests").glob("*/*"):
            with suppress(OSError):
                record = _parse_record(path)
                if record is not None and record.result:
                    useless = not (self.root / record.result).is_file()
                else:
                    useless = path.stat().st_mtime < oldest
                if useless:
                    path.unlink()

    def find_record(self, path: Path) -> FileRecord | None:
        """What is remembered of the file, perhaps of an earlier state; None where nothing is."""
        try:
            return _parse_record(self._record_path(path))
        except OSError:
            return None

    def remember(self, path: Path, record: FileRecord) -> None:
        """Writes the record, unless the work cache cannot be written."""
        target = self._record_path(path)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(asdict(record)), "utf-8")
            os.replace(temporary, target)

    def _record_path(self, path: Path) -> Path:
        system, inode = os.statvfs(path).f_fsid, path.stat().st_ino  # st_dev changes at a mount
        name = f"{system:x}-{inode:x}"
        return self.root / "digests" / name[-2:] / name


def _parse_record(path: Path) -> FileRecord | None:
    """A record; None where it is damaged."""
    try:
        values = json.loads(path.read_bytes())
        state = FileState(**values["state"])
        return FileRecord(state, str(values["sha256"]), str(values["result"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _read_state(path: Path) -> FileState:
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise RhasError(
            "not a regular file",
            where=str(path),
            expected="a file with content, no pipe or device",
            do="remove it, or put a copy of the film in its place",
        )
    return FileState(state.st_size, state.st_mtime_ns)
