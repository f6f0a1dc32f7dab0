"""Files of every stage: hashes, JSON and CSV. Equal values give equal bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError


def hash_file(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_file_md5(path: Path) -> str:
    """Hex MD5 of a file's content, as DVC names files."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copies a file, with its times and mode where the file system has them."""
    shutil.copyfile(source, target)
    with suppress(OSError):
        shutil.copystat(source, target)


def write_json(path: Path, values: object, *, sort_keys: bool = True) -> None:
    """Writes readable JSON in UTF-8, one value per line."""
    text = json.dumps(values, indent=1, sort_keys=sort_keys, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")


def read_json(path: Path, *, do: str = "run `dvc repro`") -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        do: what the reader can do where it is absent or damaged, for the error.

    Raises:
        RhasError: no such file, or not JSON in UTF-8.
    """
    text = _read_text(path, do)
    try:
        return json.loads(text)
    except ValueError as error:
        raise RhasError("not JSON", where=str(path), got=str(error), do=do) from error


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table in UTF-8 with a header; lines end in a single newline character."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: Path, *, do: str = "run `dvc repro`") -> list[dict[str, str]]:
    """The rows of a table that `write_csv` wrote, by column.

    Raises:
        RhasError: no such file, or not UTF-8.
    """
    return list(csv.DictReader(io.StringIO(_read_text(path, do), newline="")))


def _read_text(path: Path, do: str) -> str:
    if not path.is_file():
        raise RhasError("no such file", where=str(path), do=do)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise RhasError("not UTF-8", where=str(path), got=str(error), do=do) from error
