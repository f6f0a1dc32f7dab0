"""classes.txt: any list in any script, and a clear error for what is none."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from rhas.base.classes import CLASSES, RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.stores.classes import check_same_classes, find_classes, read_classes, write_classes

NAMES = ("no", "走る", "stößt an", "=1+1", "<b>", "7", "a, b")


def test_a_list_is_read_back(tmp_path: Path) -> None:
    write_classes(tmp_path, ClassList(NAMES, "test"))
    assert find_classes(tmp_path).names == NAMES
    assert find_classes(tmp_path).ids["走る"] == 1


def test_without_a_file_they_are_those_of_rhas133(tmp_path: Path) -> None:
    write_classes(tmp_path, RHAS133)
    assert list(tmp_path.iterdir()) == []
    assert find_classes(tmp_path) is RHAS133
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    assert find_classes(tmp_path).published


def test_what_editors_write_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    decomposed = unicodedata.normalize("NFD", "stößt an")
    path.write_bytes(f"\ufeffwalking  \r\n\r\n {decomposed}\r\n".encode())
    assert read_classes(path).names == ("walking", "stößt an")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no class"), (b"\n \n", "no class"), (b"\xff\xfe", "not UTF-8"),
     (b"a\nb\na\n", r"txt:3: a class twice(.|\n)*line 1"), (b"a\x00b", "control character"),
     (b"a" * 300, "very long")],
)  # fmt: skip
def test_what_is_no_list_is_an_error(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    with pytest.raises(RhasError, match=says):
        read_classes(path)


def test_two_lists_are_compared_by_name(tmp_path: Path) -> None:
    check_same_classes(["a"], ("a",), what="x", where="y", do="z")
    for got in (["a", "c"], ["a"], ["a", "b", "c"], ["b", "a"]):
        with pytest.raises(RhasError, match=r"other classes(.|\n)*expected: 2 classes"):
            check_same_classes(["a", "b"], got, what="other classes", where="y", do="z")
