from __future__ import annotations

import hashlib
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rhas.base import files
from rhas.base.errors import RhasError
from rhas.base.files import (
    check_writable,
    hash_file,
    read_csv,
    read_json,
    replace_file,
    write_csv,
    write_json,
)
from rhas.data.params_file import set_params


def test_json_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    write_json(path, {"b": [1.5, None], "a": "ü"})
    assert path.read_bytes() == '{\n "a": "ü",\n "b": [\n  1.5,\n  null\n ]\n}\n'.encode()
    assert read_json(path) == {"a": "ü", "b": [1.5, None]}
    write_json(path, {"b": 1, "a": 2}, sort_keys=False)
    assert list(read_json(path)) == ["b", "a"]


def test_csv_round_trip_keeps_line_breaks_within_cells(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_csv(path, ["name", "n"], [['a, \u2028 "b"\nc', 1], ["ü", ""]])
    assert path.read_bytes().count(b"\r") == 0
    assert read_csv(path) == [{"name": 'a, \u2028 "b"\nc', "n": "1"}, {"name": "ü", "n": ""}]


def test_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"22")
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"22").hexdigest()


@pytest.mark.parametrize(("content", "what"), [(None, "no such file"), (b"{", "not JSON"),
                                               (b"\xff", "not UTF-8")])  # fmt: skip
def test_errors_name_the_file_and_what_to_do(
    tmp_path: Path, content: bytes | None, what: str
) -> None:
    path = tmp_path / "values.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RhasError, match=what) as raised:
        read_json(path, do="run it again")
    assert raised.value.where == str(path)
    assert raised.value.do == "run it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 200_000, "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"9" * 20_000, "not JSON"),
        (b" " * 2000, "too large"),
    ],
)
def test_json_that_harms_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    if message == "too large":
        monkeypatch.setattr(files, "MAX_TEXT_BYTES", 1000)
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RhasError, match=message) as error:
        read_json(tmp_path / "a.json", do="write it again")
    assert error.value.do == "write it again"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system writes no more into a file, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, ["x" * 1000]),
        lambda path: write_csv(path, ["a"], [["x" * 1000]]),
        lambda path: set_params(path, {"method": "x" * 1000}),
    ],
)
def test_a_file_is_whole_or_as_it_was(write: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("method: old\n")
    with files_of_at_most(100), pytest.raises(OSError, match="large") as raised:
        write(path)
    assert raised.value.filename == str(path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(path.name, "method: old\n")]


def test_a_replaced_file_keeps_its_links_and_its_mode(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    with replace_file(tmp_path / "link") as new:
        new.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_written_in_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/stdout"), Path("/dev/null"), tmp_path):
        with replace_file(path) as new:
            assert new == path


def test_a_folder_that_takes_no_files_is_named_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("old")
    check_writable(tmp_path / "new" / "folder")
    with pytest.raises(RhasError, match="file: not a folder"):
        check_writable(tmp_path / "file" / "folder")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for others than root
    with pytest.raises(RhasError, match=f"{tmp_path}: files cannot be written here"):
        check_writable(tmp_path / "new" / "folder")
    with replace_file(tmp_path / "file") as new:
        assert new == tmp_path / "file"
