"""Files of every stage: hashes, JSON and CSV. Equal values give equal bytes."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError

MAX_TEXT_BYTES = 256 * 2**20
"""Largest table or JSON file that is read."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def check_regular_file(path: Path, do: str = "replace it by a file, or remove it") -> None:
    """Checks, before a file is opened, that reading it ends.

    Args:
        path: links are followed.
        do: what the user can do.

    Raises:
        RhasError: nothing there, a folder, a pipe, a socket or a device.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RhasError("no such file", where=str(path), do=do) from error
    kinds = {
        stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device", stat.S_ISBLK: "a device",
    }  # fmt: skip
    if not stat.S_ISREG(mode):
        got = next((name for test, name in kinds.items() if test(mode)), "something else")
        raise RhasError("not a file", where=str(path), expected="a file", got=got, do=do)


def hash_file(path: Path) -> str:
    """Hex SHA-256 of a file's content.

    Raises:
        RhasError: not a regular file; reading a pipe or a device might never end.
    """
    check_regular_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_file_md5(path: Path) -> str:
    """Hex MD5 of a file's content, as DVC names files."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def check_writable(folder: Path) -> None:
    """Checks, before work that takes long, that files can be written into a folder; it, and those
    above it, need not exist yet.

    Raises:
        RhasError: they cannot.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise RhasError("not a folder", where=str(there), do="choose another path")
    if not os.access(there, os.W_OK | os.X_OK):
        raise RhasError(
            "files cannot be written here",
            where=str(there),
            do="change its permissions, or choose another path",
        )


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a path to write to. The file takes the place of ``path`` when the block ends; where
    the block fails, ``path`` stays as it was.

    Links are followed. What is no regular file, such as /dev/stdout, and a file in a folder that
    takes no others are written in place.
    """
    target = path.resolve()
    there, odd = path.exists(), str(path).startswith(("/dev/", "/proc/"))
    closed = target.is_file() and not os.access(target.parent, os.W_OK | os.X_OK)
    if odd or closed or (there and not path.is_file()):
        yield path
        return
    temporary = target.with_name(f".new-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        if target.is_file():
            with suppress(OSError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IWUSR)
        _put_in_place(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise


def _put_in_place(temporary: Path, target: Path) -> None:
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno != errno.EBUSY:  # a file that is mounted by itself, as containers do
            raise
        shutil.copyfile(temporary, target)
        temporary.unlink()


def copy_file(source: Path, target: Path) -> None:
    """Copies a file, with its times and mode where the file system has them."""
    shutil.copyfile(source, target)
    with suppress(OSError):
        shutil.copystat(source, target)


def write_json(path: Path, values: object, *, sort_keys: bool = True) -> None:
    """Writes readable JSON in UTF-8, one value per line; the file is whole or as it was."""
    text = json.dumps(values, indent=1, sort_keys=sort_keys, ensure_ascii=False)
    with replace_file(path) as new:
        new.write_text(text + "\n", "utf-8")


def read_json(path: Path, *, do: str = "run `dvc repro`") -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        do: what the reader can do where it is absent or damaged, for the error.

    Raises:
        RhasError: no such file, one of more than `MAX_TEXT_BYTES`, or not JSON in UTF-8; lists in
            lists without end are none.
    """
    text = _read_text(path, do)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RhasError("not JSON", where=str(path), got=str(error)[:200], do=do) from error


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table in UTF-8 with a header; lines end in a single newline character. The file is
    whole or as it was.

    Spreadsheets run a text that begins with ``=``, ``+``, ``-`` or ``@``: it gets an apostrophe in
    front, which `read_cell` takes away again. Numbers stay as they are.
    """
    with replace_file(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([write_cell(value) for value in row] for row in rows)


def read_csv(path: Path, *, do: str = "run `dvc repro`") -> list[dict[str, str]]:
    """The rows of a table that `write_csv` wrote, by column.

    Raises:
        RhasError: no such file, not UTF-8, or not CSV.
    """
    rows = csv.DictReader(io.StringIO(_read_text(path, do), newline=""))
    try:
        return [
            {name: read_cell(v) if isinstance(v, str) else v for name, v in row.items()}
            for row in rows
        ]
    except csv.Error as error:
        raise RhasError("not a table", where=str(path), got=str(error), do=do) from error


def write_cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula."""
    if not isinstance(value, str) or not _FORMULA.match(value):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def read_cell(text: str) -> str:
    """The value that `write_cell` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def check_text_size(path: Path, do: str = "") -> None:
    """Raises RhasError where a file is too large for a table or JSON."""
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise RhasError(
            "the file is too large",
            where=str(path),
            expected=f"at most {MAX_TEXT_BYTES // 2**20} MiB",
            got=f"{size / 2**20:,.0f} MiB",
            do=do,
        )


def _read_text(path: Path, do: str) -> str:
    check_regular_file(path, do)
    check_text_size(path, do)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise RhasError("not UTF-8", where=str(path), got=str(error), do=do) from error
