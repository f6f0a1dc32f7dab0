from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rhas.base import files
from rhas.base.errors import RhasError
from rhas.base.files import hash_file, read_csv, read_json, write_csv, write_json


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
