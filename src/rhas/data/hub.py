"""Weights from the Hugging Face Hub: what is needed of a repository, downloaded and recorded.

A download that stopped goes on where it was: files grow in ``partial`` beside the snapshots.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from rhas.base.checkpoints import HUB_FILES
from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.formatting import format_size
from rhas.base.hub_record import HubFile, HubRecord, read_record, repository_folder, snapshot_folder
from rhas.data.hub_errors import explain_hub_error
from rhas.engine.leases import exclusive_lease

_NEEDED = "config.json"
_SPARE = 200_000_000  # bytes that stay free


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository on the hub.

    Args:
        name: its path in the repository.
        size: bytes.
        sha256: of its content where the hub knows it (large files), else empty.
        blob: git's name of its content.
    """

    name: str
    size: int
    sha256: str
    blob: str

    def has_content(self, path: Path) -> bool:
        """Whether a local file is this one."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return hash_file(path) == self.sha256
        content = path.read_bytes()
        head = f"blob {len(content)}\0".encode()
        return hashlib.sha1(head + content, usedforsecurity=False).hexdigest() == self.blob


@dataclass(frozen=True)
class Plan:
    """What a pull will do.

    Args:
        repository: ``ORG/NAME``.
        commit: what the branch names now.
        licence: as the hub says.
        files: what is needed.
        bytes_left: still to download.
        revision: the branch, tag or commit that was asked for.
    """

    repository: str
    commit: str
    licence: str
    files: tuple[RemoteFile, ...]
    bytes_left: int
    revision: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> Path:
        """Where the files go."""
        return snapshot_folder(self.repository, self.commit)

    def partial(self, file: RemoteFile) -> Path:
        """Where a file grows."""
        return repository_folder(self.repository) / "partial" / (file.sha256 or file.blob)


def check_room(plans: Sequence[Plan]) -> None:
    """Raises RhasError where the disk of the hub cache has too little room for all of them."""
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE).absolute()
    while not place.exists():
        place = place.parent
    free, need = shutil.disk_usage(place).free, sum(plan.bytes_left for plan in plans)
    if need and free < need + _SPARE:
        raise RhasError(
            "no room for the weights",
            where=str(place),
            expected=f"{format_size(need + _SPARE)} free",
            got=format_size(free),
            do="free space, or set HF_HOME to a folder on another disk",
        )


def find_pulled(repository: str) -> HubRecord | None:
    """The record of a repository whose files are all as recorded (each is read); else None."""
    record = read_record(repository)
    return record if record is not None and not record.find_problems() else None


def plan_pull(repository: str, revision: str = "main") -> Plan:
    """Asks the hub what a repository has. What was recorded stays at its commit.

    Raises:
        RhasError: the hub cannot be asked, has no such repository, or no model in it.
    """
    from huggingface_hub import HfApi

    record = read_record(repository)
    with _explain_errors(repository):
        info = HfApi().model_info(
            repository, revision=record.commit if record else revision, files_metadata=True
        )
    found = [
        RemoteFile(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else "", s.blob_id or "")
        for s in info.siblings or ()
    ]
    files = choose_files(found)
    if info.sha is None or not {_NEEDED} < {file.name for file in files}:
        raise RhasError(
            "the repository has no model that transformers reads",
            where=repository,
            expected=f"{_NEEDED} and weights (*.safetensors or *.bin)",
            got=", ".join(sorted(file.name for file in found)[:8]) or "no files",
            do="check the name of the repository and its revision",
        )
    stated = info.card_data.get("license") if info.card_data else None
    licence = str(stated or "not stated")
    plan = Plan(repository, info.sha, licence, files, 0, revision)
    return replace(plan, bytes_left=sum(_bytes_left(plan, file) for file in files))


def choose_files(files: Sequence[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Those that loading reads, at the top of the repository; pickled weights only where there are
    no others. Nothing where there are no weights."""
    top = [f for f in files if any(fnmatchcase(f.name, p) for p in HUB_FILES) and "/" not in f.name]
    safe = any(file.name.endswith(".safetensors") for file in top)
    chosen = [file for file in top if not (safe and file.name.endswith(".bin"))]
    weights = any(file.name.endswith((".safetensors", ".bin")) for file in chosen)
    return tuple(sorted(chosen, key=lambda file: file.size)) if weights else ()


def pull(plan: Plan, tell: Callable[[str], None] = lambda line: None) -> HubRecord:
    """Downloads what is missing, checks every file and records it.

    Args:
        tell: told of each file.

    Raises:
        RhasError: no room, the hub cannot be reached or refuses, a file is not what the hub said.
            The same call goes on where this one stopped.
    """
    check_room([plan])
    home = repository_folder(plan.repository)
    home.mkdir(parents=True, exist_ok=True)
    with exclusive_lease(home / "rhas.lock", "weights"):
        recorded = {}
        for number, file in enumerate(plan.files):
            tell(f"{number + 1} of {len(plan.files)}: {file.name}, {format_size(file.size)}")
            path = _fetch(plan, file)
            recorded[file.name] = HubFile(file.size, file.sha256 or hash_file(path))
        record = HubRecord(plan.repository, plan.commit, plan.licence, recorded)
        _name_commit(plan)
        record.write()
    return record


def _name_commit(plan: Plan) -> None:
    """Tells other programs which commit a branch is; what they know already stays."""
    path = repository_folder(plan.repository) / "refs" / plan.revision
    if plan.revision != plan.commit and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plan.commit, "utf-8")


def _fetch(plan: Plan, file: RemoteFile) -> Path:
    """The file in its snapshot, with the content that the hub names."""
    path, partial = plan.folder / file.name, plan.partial(file)
    if path.is_file():
        if file.has_content(path):
            return path
        _remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    _download(plan, file, partial)
    if not file.has_content(partial):
        partial.unlink()
        raise RhasError(
            "what came is not what the hub has",
            where=f"{plan.repository}, {file.name}",
            expected=f"{file.size:,} bytes of {file.sha256 or file.blob}",
            do="pull again; if it stays so, a proxy on the way changes files",
        )
    partial.replace(path)
    return path


def _download(plan: Plan, file: RemoteFile, partial: Path) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    begun = partial.stat().st_size if partial.exists() else 0
    if begun > file.size:
        begun = 0
    with partial.open("ab" if begun else "wb") as out, _explain_errors(plan.repository):
        if begun < file.size:
            http_get(
                hf_hub_url(plan.repository, file.name, revision=plan.commit),
                out,
                resume_size=begun,
                headers=build_hf_headers(),
                expected_size=file.size,
                displayed_filename=file.name,
            )


def _bytes_left(plan: Plan, file: RemoteFile) -> int:
    path, partial = plan.folder / file.name, plan.partial(file)
    if path.is_file() and file.has_content(path):
        return 0
    return max(0, file.size - (partial.stat().st_size if partial.exists() else 0))


def _remove(path: Path) -> None:
    """A file of a snapshot, and the blob that it may be a link to."""
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)


@contextmanager
def _explain_errors(repository: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        explained = explain_hub_error(error, repository)
        if explained is None:
            raise
        raise explained from error
