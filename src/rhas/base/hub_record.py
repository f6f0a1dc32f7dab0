"""What `rhas weights pull` wrote down about a repository in the local hub cache, and its check.

``<hub cache>/models--ORG--NAME/rhas.json`` has the commit and, of each file of
``snapshots/<commit>``, its size and SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.files import hash_file, read_json, write_json

RECORD = "rhas.json"


@dataclass(frozen=True)
class HubFile:
    """A file of a repository.

    Args:
        size: bytes.
        sha256: hex, of its content.
    """

    size: int
    sha256: str


@dataclass(frozen=True)
class HubRecord:
    """A repository at one commit.

    Args:
        repository: ``ORG/NAME``.
        commit: 40 hex digits.
        licence: as the hub says.
        files: by name.
    """

    repository: str
    commit: str
    licence: str
    files: Mapping[str, HubFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return snapshot_folder(self.repository, self.commit)

    def write(self) -> None:
        """Writes the record beside the files."""
        write_json(repository_folder(self.repository) / RECORD, asdict(self))

    def find_problems(self, hash_content: Callable[[Path], str] | None = hash_file) -> list[str]:
        """What is wrong with the files: "NAME is missing", ...; none where all is as recorded.

        Args:
            hash_content: of a file; None: compare sizes only.
        """
        problems = []
        for name, file in self.files.items():
            path = self.folder / name
            if not path.is_file():
                problems.append(f"{name} is missing")
            elif path.stat().st_size != file.size:
                size = path.stat().st_size
                problems.append(f"{name} has {size:,} bytes instead of {file.size:,}")
            elif hash_content is not None and hash_content(path) != file.sha256:
                problems.append(f"{name} has another content")
        return problems

    def check_files(self, hash_content: Callable[[Path], str] | None = hash_file) -> None:
        """Raises RhasError where a file is not as recorded, see `find_problems`."""
        if problems := self.find_problems(hash_content):
            raise RhasError(
                "the downloaded weights are not those that were recorded",
                where=f"{self.repository}, {self.folder}",
                expected=f"commit {self.commit[:12]}, {len(self.files)} files",
                got="; ".join(problems),
                do=f"`rhas weights pull {self.repository}` downloads these files again",
            )


def repository_folder(repository: str) -> Path:
    """The folder of a repository in the hub cache, whether there or not."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def snapshot_folder(repository: str, commit: str) -> Path:
    """The folder of a repository's files at a commit."""
    return repository_folder(repository) / "snapshots" / commit


def read_record(repository: str) -> HubRecord | None:
    """The record of a repository; None where `rhas weights pull` has not finished with it.

    Raises:
        RhasError: a damaged record.
    """
    return _read_file(repository_folder(repository) / RECORD)


def find_record(folder: Path) -> HubRecord | None:
    """The record of a snapshot's folder; None where it has none.

    Raises:
        RhasError: a damaged record.
    """
    if folder.parent.name != "snapshots":
        return None
    record = _read_file(folder.parent.parent / RECORD)
    return record if record is not None and record.commit == folder.name else None


def _read_file(path: Path) -> HubRecord | None:
    if not path.is_file():
        return None
    do = f"remove it and pull the weights again: `rhas weights pull`; {path}"
    values: Any = read_json(path, do=do)
    try:
        files = {name: HubFile(**file) for name, file in values["files"].items()}
        return HubRecord(**{**values, "files": files})
    except (TypeError, KeyError, AttributeError) as error:
        raise RhasError("a damaged record of weights", where=str(path), do=do) from error


def list_records() -> list[HubRecord]:
    """All records in the hub cache, by repository.

    Raises:
        RhasError: a damaged one.
    """
    from huggingface_hub import constants

    paths = sorted(Path(constants.HF_HUB_CACHE).glob(f"models--*/{RECORD}"))
    return [record for path in paths if (record := _read_file(path)) is not None]
