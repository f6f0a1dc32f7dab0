"""The work cache: each film's result of each stage, computed once (DESIGN.md, The work cache).

``<root>/<stage>/<key>/`` holds ``result`` (a file or a folder) and ``entry.json``, which has the
SHA-256 of each of the result's files. An entry is written under a temporary name, renamed when
whole, and read-only from then on. It is checked when it is taken; a damaged one is set aside.

Any number of hosts may share a work cache. Who computes an entry holds a lease beside it
(`rhas.engine.leases`); of two who compute the same, the second uses the first one's.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter

from rhas.base.errors import RhasError
from rhas.base.files import copy_file, hash_file
from rhas.base.progress import Progress
from rhas.base.system_errors import explain_error
from rhas.config.section import Section
from rhas.engine.code import code_hash
from rhas.engine.digests import Digests
from rhas.engine.leases import Lease, leased, remove_dead_runs
from rhas.engine.steps import Job

ReportT = TypeVar("ReportT")

_DAMAGED, _LEASE, _NEW = ".damaged-", ".lease-", ".tmp-"
_POLL = 0.5  # seconds


@dataclass(frozen=True)
class Entry:
    """A finished result of a job, with its report as JSON.

    Args:
        stage, key: its place in the work cache.
        folder: where it lies.
        name: the film.
        report: what the job's function returned.
        digests: SHA-256 of the result's files, by path inside ``folder``; None in entries of
            earlier versions.
    """

    stage: str
    key: str
    folder: Path
    name: str
    report: dict[str, JsonValue]
    digests: Mapping[str, str] | None = field(default=None, compare=False)

    def read_report(self, kind: type[ReportT]) -> ReportT:
        """The report as the record that the job's function returned."""
        return TypeAdapter(kind).validate_python(self.report)

    @property
    def result(self) -> Path:
        return self.folder / "result"

    def list_files(self) -> list[Path]:
        """The result's files, sorted."""
        return [p for p in walk_folder(self.result) if p.is_file()]


@dataclass(frozen=True)
class Damage:
    """An entry that is not as it was written.

    Args:
        folder: where it lies.
        name: the film, or the key where the entry does not say.
        problem: what is wrong, with the first file.
        files: those that have other content, or cannot be read.
    """

    folder: Path
    name: str
    problem: str
    files: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.problem} ({self.folder})"


class WorkCache:
    """Results by key under ``root``; safe for several processes and hosts at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests = Digests(root)

    def make_key(self, job: Job) -> str:
        """Hash of all that the result depends on: step, files, values, code."""
        described = {
            "step": job.step,
            "records": [self._describe(record) for record in job.records],
            "code": code_hash(job.function),
        }
        text = json.dumps(described, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _describe(self, value: Any) -> Any:
        """JSON-able values; a path by the content it leads to."""
        if isinstance(value, Section):
            return value.key_values()
        if isinstance(value, Path):
            return {"content": self.hash_content(value)}
        if isinstance(value, tuple | list):
            return [self._describe(item) for item in value]
        if is_dataclass(value):
            return {
                field.name: self._describe(getattr(value, field.name)) for field in fields(value)
            }
        return value

    def find_entry(self, stage: str, key: str, *, reread: bool = False) -> Entry | Damage | None:
        """The entry, checked as by `check_entry`; None where it has not been computed."""
        folder = self.root / stage / key
        return self.check_entry(folder, reread=reread) if folder.exists() else None

    def check_entry(self, folder: Path, *, reread: bool) -> Entry | Damage:
        """Whether an entry is as it was written.

        Args:
            folder: of the entry.
            reread: read every file; otherwise those that have another size or time than when
                they were last read.
        """
        try:
            entry = _read_entry(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return Damage(folder, folder.name, f"entry.json: {error}")
        try:
            listed = entry.list_files() if entry.result.exists() else []
            files = {path.relative_to(folder).as_posix(): path for path in listed}
            if not files:
                return Damage(folder, entry.name, "its result is missing")
            if entry.digests is None:
                return self._adopt(entry, files)
            return self._find_damage(entry, entry.digests, files, reread) or entry
        except OSError as error:
            return Damage(folder, entry.name, f"the result cannot be read: {error}")

    def _find_damage(
        self, entry: Entry, digests: Mapping[str, str], files: Mapping[str, Path], reread: bool
    ) -> Damage | None:
        names = [f"{name} is missing" for name in sorted(set(digests) - set(files))]
        names += [f"{name} was added" for name in sorted(set(files) - set(digests))]
        changed = {
            path: problem
            for name, path in files.items()
            if name in digests and (problem := self._find_change(path, digests[name], reread))
        }
        names += [f"{path.relative_to(entry.folder)} {changed[path]}" for path in changed]
        if not names:
            return None
        more = f", and {len(names) - 1} more" if len(names) > 1 else ""
        return Damage(entry.folder, entry.name, names[0] + more, tuple(changed))

    def _find_change(self, path: Path, sha256: str, reread: bool) -> str:
        if path.is_symlink():
            return "is a symbolic link"
        try:
            found = hash_file(path) if reread else self.digests.hash_file(path)
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        except RhasError:
            return "has other content"
        if found == sha256:
            return ""
        self.digests.distrust(path)
        return "has other content"

    def _adopt(self, entry: Entry, files: Mapping[str, Path]) -> Entry:
        """An entry of an earlier version, its digests recorded from now on."""
        digests = {name: self.digests.hash_file(path) for name, path in files.items()}
        temporary = entry.folder / f".entry-{uuid.uuid4().hex[:8]}"
        try:
            place = f"{entry.stage}/{entry.key}"
            _write_record(temporary, place, entry.name, entry.report, digests)
            _protect_file(temporary)
            os.replace(temporary, entry.folder / "entry.json")
        except OSError:  # a work cache that cannot be written
            temporary.unlink(missing_ok=True)
        self.digests.remember_results(entry.folder, digests)
        return _read_entry(entry.folder)

    def set_aside(self, damage: Damage) -> Path | None:
        """Gives a damaged entry another name, so that it is computed anew; `rhas cache prune`
        removes it. None where another process was faster."""
        folder = damage.folder
        with leased(self._lease(folder.parent.name, folder.name)) as lease:
            if lease and isinstance(self.check_entry(folder, reread=True), Damage):
                return _rename_damaged(folder)
        return None

    def _lease(self, stage: str, key: str) -> Path:
        """It lies beside the entry: on a network disk, whoever has just created it also sees an
        entry that another host has just published there."""
        return self.root / stage / f"{_LEASE}{key}"

    def list_folders(self) -> Iterator[Path]:
        """The folders of all entries, by stage and key."""
        for stage in sorted(p for p in self.root.glob("*") if p.name not in ("digests", "train")):
            for folder in sorted(stage.glob("*/") if stage.is_dir() else ()):
                if not folder.name.startswith(".") and folder.is_dir():
                    yield folder

    def list_entries(self) -> Iterator[Entry]:
        """All entries that can be read, by stage and key; their files are not checked."""
        for folder in self.list_folders():
            try:
                yield _read_entry(folder)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue

    def list_damaged(self) -> list[Path]:
        """The folders of entries that were set aside."""
        return sorted(self.root.glob(f"*/{_DAMAGED}*"))

    def compute_entry(self, key: str, job: Job, progress: Progress) -> Entry:
        """Runs a job and stores its result, or waits while another process does; nothing is left
        behind where it fails."""
        while (entry := self.try_computing(key, job, progress)) is None:
            time.sleep(_POLL)
        return entry

    def try_computing(self, key: str, job: Job, progress: Progress) -> Entry | None:
        """As `compute_entry`; None where another process is at work on the entry."""
        try:
            with leased(self._lease(job.step, key)) as lease:
                return self._compute(key, job, progress, lease) if lease else None
        except Exception as error:
            message = explain_error(error)
            if message is None or message is error:
                raise
            where = message.where or str(self.root / job.step)
            raise RhasError(message.what, where=where, do=message.do) from error

    def _compute(self, key: str, job: Job, progress: Progress, lease: Lease) -> Entry | None:
        final = self.root / job.step / key
        temporary = final.with_name(f"{_NEW}{key}.{lease.number}")
        found = self.find_entry(job.step, key, reread=True)
        if isinstance(found, Entry):  # published meanwhile
            return found
        if found:
            _rename_damaged(found.folder)
        for number in range(1, lease.number + 1):  # of dead owners
            shutil.rmtree(temporary.with_suffix(f".{number}"), ignore_errors=True)
        try:
            temporary.mkdir()
            digests = _write_entry(job, f"{job.step}/{key}", temporary, progress)
            try:
                temporary.rename(final)
            except OSError:
                if not final.is_dir():  # otherwise another process was faster with the same result
                    raise
            else:
                self.digests.remember_results(final, digests)
        except Exception:
            if lease.is_held():
                raise
            return None  # taken for dead: whoever has the lease now has removed the folder
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return _read_entry(final)

    def remove_unfinished(self, stage: str) -> None:
        """Removes what dead processes left half-written."""
        folder = self.root / stage
        for path in (*folder.glob(f"{_NEW}*"), *folder.glob(f"{_LEASE}*")):
            key = path.name.split("-", 1)[1].split(".")[0]
            with suppress(OSError), leased(self._lease(stage, key)) as lease:
                if lease and path.name.startswith(_NEW):
                    shutil.rmtree(path, ignore_errors=True)
        remove_dead_runs(folder)

    def remove_entry(self, entry: Entry) -> None:
        """Deletes an entry; linked stage outputs keep their files."""
        doomed = entry.folder.with_name(f"{_NEW}{entry.key}.{uuid.uuid4().hex[:8]}")
        entry.folder.rename(doomed)
        shutil.rmtree(doomed)

    def hash_content(self, path: Path) -> str:
        """SHA-256 of a file, or of a folder's names and contents; remembered per unchanged file.

        Raises:
            RhasError: not a regular file, or a result of the work cache that somebody changed.
        """
        if path.is_dir():
            combined = hashlib.sha256()
            for file in walk_folder(path):
                if file.exists() and not file.is_dir():
                    line = f"{file.relative_to(path).as_posix()}\0{self.hash_content(file)}\n"
                    combined.update(line.encode())
            return combined.hexdigest()
        return self.digests.hash_file(path)


def _rename_damaged(folder: Path) -> Path | None:
    target = folder.with_name(f"{_DAMAGED}{folder.name}-{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        return folder.rename(target)
    return None


def _read_entry(folder: Path) -> Entry:
    values = json.loads((folder / "entry.json").read_bytes())
    digests = values.get("files")
    if digests is not None:
        digests = {str(name): str(sha256) for name, sha256 in digests.items()}
    stage, report = folder.parent.name, dict(values["report"])
    if values.get("entry", f"{stage}/{folder.name}") != f"{stage}/{folder.name}":
        raise ValueError(f"it belongs to {values['entry']}")
    return Entry(stage, folder.name, folder, str(values["name"]), report, digests)


def _write_entry(job: Job, place: str, folder: Path, progress: Progress) -> dict[str, str]:
    """Runs a job; its entry in a folder, flushed and read-only, and the digests of its files."""
    report = job.run(folder / "result", progress)
    digests = {}
    for path in walk_folder(folder / "result"):
        if path.is_file():
            _flush_file(path)
            digests[path.relative_to(folder).as_posix()] = hash_file(path)
            _protect_file(path)
    _write_record(folder / "entry.json", place, job.name, report, digests)
    _flush_file(folder / "entry.json")
    _protect_file(folder / "entry.json")
    return digests


def _write_record(
    path: Path,
    place: str,
    name: str,
    report: Mapping[str, JsonValue],
    digests: Mapping[str, str],
) -> None:
    record = {"entry": place, "name": name, "report": report, "files": digests}
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")


def link_files(source: Path, target: Path) -> None:
    """Hard-links a file or every file of a folder; copies where the file system cannot link."""
    if source.is_dir():
        target.mkdir(parents=True)
        for path in walk_folder(source):
            if path.is_dir():
                (target / path.relative_to(source)).mkdir()
            else:
                _link_file(path, target / path.relative_to(source))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_file(source, target)


def walk_folder(path: Path) -> Iterator[Path]:
    """Everything below a folder in a fixed order, parents first; a file itself."""
    if path.is_file():
        yield path
        return
    for child in sorted(path.iterdir()):
        yield child
        if child.is_dir():
            yield from walk_folder(child)


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        copy_file(source, target)


def _protect_file(path: Path) -> None:
    """Read-only, where the file system has such a thing."""
    with suppress(OSError):
        path.chmod(0o444)


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems without
            raise
    finally:
        os.close(descriptor)
