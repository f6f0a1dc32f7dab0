"""Films that travel to machines without a shared disk, by a store that all of them reach.

``RHAS_STORE`` names the store: any address of fsspec, such as ``s3://bucket/folder`` or a path. It
holds files by the SHA-256 of their content, so what one step writes is there for the next. The
driver packs a task: it puts the input files into the store. A worker fetches them into a folder of
its own, computes, and puts the result into the store. The driver takes it into the work cache.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import JsonValue

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.base.files import hash_file
from rhas.base.progress import Progress, ignore_progress
from rhas.config.section import Section
from rhas.engine.executors import Task
from rhas.engine.steps import Job
from rhas.engine.workcache import Entry, WorkCache, walk_folder

Listing = Mapping[str, str]
"""SHA-256 of the files of a folder by their paths in it; of a file itself by ``""``."""


def find_store() -> str | None:
    """The address in ``RHAS_STORE``; None where the machines share a disk."""
    return os.environ.get("RHAS_STORE") or None


class StoreError(Exception):
    """The store does not answer, or lacks a file: no fault of the film."""


class Store:
    """Files by the SHA-256 of their content.

    Raises:
        RhasError: no such kind of store, or its package is not installed.
    """

    def __init__(self, address: str) -> None:
        with optional_import("ray"):
            import fsspec

        self.address = address
        try:
            self._system, self._root = fsspec.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise RhasError(
                "the store cannot be used",
                where=f"RHAS_STORE={address}",
                expected="a folder, or an address of fsspec such as s3://bucket/folder",
                got=str(error),
                do="install what it asks for (s3fs for S3, gcsfs for GS) on all machines",
            ) from error

    def put(self, path: Path, sha256: str) -> None:
        """A file whose SHA-256 is known; nothing where the store has it already."""
        place = self._place(sha256)
        try:
            if self._system.exists(place) and self._system.size(place) == path.stat().st_size:
                return
            new = place if self._is_atomic() else f"{place}.{uuid.uuid4().hex[:8]}"
            self._system.makedirs(self._system._parent(place), exist_ok=True)
            self._system.put_file(str(path.absolute()), new)
            if new != place:
                self._system.mv(new, place)
        except Exception as error:  # each kind of store has its own
            raise StoreError(f"{self.address}: cannot write: {error!r}") from error

    def get(self, sha256: str, path: Path) -> None:
        """Fetches a file and checks it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._system.get_file(self._place(sha256), str(path.absolute()))
        except Exception as error:
            raise StoreError(f"{self.address}: cannot read {sha256}: {error!r}") from error
        if hash_file(path) != sha256:
            raise StoreError(f"{self.address}: {sha256} has other content")

    def put_all(self, path: Path, hash_content: Callable[[Path], str]) -> Listing:
        """A file, or all files of a folder."""
        files = {_relative(file, path): file for file in walk_folder(path) if file.is_file()}
        listing = {name: hash_content(file) for name, file in files.items()}
        for name, sha256 in listing.items():
            self.put(files[name], sha256)
        return listing

    def get_all(self, listing: Listing, path: Path) -> None:
        """What `put_all` put."""
        for name, sha256 in listing.items():
            self.get(sha256, path / name if name else path)

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _is_atomic(self) -> bool:
        """Whether a file is seen when it is whole: object stores have no half-written ones."""
        return not {"file", "local"} & set(_as_tuple(self._system.protocol))


@dataclass(frozen=True)
class Result:
    """What a worker sends back: the report, and the result's files in the store."""

    report: dict[str, JsonValue]
    listing: Listing


@dataclass(frozen=True)
class PackedTask:
    """A task without paths of the driver's machine.

    Args:
        store: address of the store with its files.
        job: its paths are those of the driver.
        inputs: the files that they lead to, by path.
    """

    store: str
    job: Job
    inputs: Mapping[Path, Listing]

    def run(self, folder: Path, progress: Progress) -> Result:
        """Computes the result in a folder of this machine, in which earlier inputs may lie."""
        store, places = Store(self.store), {}
        for path, listing in self.inputs.items():
            content = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(listing.items()))
            places[path] = folder / uuid.uuid5(uuid.NAMESPACE_OID, content).hex / path.name
        for old in set(folder.iterdir()) - {place.parent for place in places.values()}:
            shutil.rmtree(old, ignore_errors=True)
        for path, place in places.items():
            if not place.exists():
                fresh = folder / uuid.uuid4().hex
                store.get_all(self.inputs[path], fresh / path.name)
                fresh.rename(place.parent)
        records = _map_paths(self.job.records, places.__getitem__)
        with TemporaryDirectory(dir=folder) as new:
            out = Path(new, "result")
            report = replace(self.job, records=records).run(out, progress)
            return Result(report, store.put_all(out, hash_file))


def pack_task(task: Task, address: str) -> PackedTask:
    """Puts its input files into the store.

    Raises:
        RhasError: the store cannot be written.
    """
    store, cache = Store(address), WorkCache(task.root)
    inputs: dict[Path, Listing] = {}

    def pack(path: Path) -> Path:
        inputs[path] = store.put_all(path, cache.hash_content)
        return path

    try:
        _map_paths(task.job.records, pack)
    except StoreError as error:
        raise RhasError(
            "the store cannot be written", where="RHAS_STORE", got=str(error),
            do="correct the address or its access rights and run this again",
        ) from error  # fmt: skip
    return PackedTask(address, task.job, inputs)


@dataclass(frozen=True)
class _Fetch(Job):
    """A job whose result is fetched from a store."""

    source: tuple[str, Result] = field(default=("", Result({}, {})))

    def run(self, out: Path, progress: Progress) -> dict[str, JsonValue]:
        store, result = Store(self.source[0]), self.source[1]
        store.get_all(result.listing, out)
        return result.report


def take_result(task: Task, address: str, result: Result) -> Entry:
    """Fetches a result into the driver's work cache.

    Raises:
        StoreError: the store does not have it whole.
    """
    job = _Fetch(**vars(task.job), source=(address, result))
    return WorkCache(task.root).compute_entry(task.key, job, ignore_progress)


def _map_paths(value: Any, function: Callable[[Path], Path]) -> Any:
    """A record with other paths; those of the work cache's key (`WorkCache.make_key`)."""
    if isinstance(value, Path):
        return function(value)
    if isinstance(value, tuple | list):
        return type(value)(_map_paths(item, function) for item in value)
    if is_dataclass(value) and not isinstance(value, type | Section):
        changed = {f.name: _map_paths(getattr(value, f.name), function) for f in fields(value)}
        return replace(value, **changed)
    return value


def _relative(file: Path, folder: Path) -> str:
    return "" if file == folder else file.relative_to(folder).as_posix()


def _as_tuple(protocol: str | tuple[str, ...]) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
