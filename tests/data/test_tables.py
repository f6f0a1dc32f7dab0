"""Tables as spreadsheets and strangers write them: what is unambiguous is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.data.annotations import read_annotations
from rhas.data.audit import Audit
from rhas.data.ava import read_ava
from rhas.data.foreign_tables import Clock, read_foreign_annotations, read_foreign_references
from rhas.data.labels import read_label_map
from rhas.data.references import read_references
from rhas.data.tables import parse_whole

REFERENCES = "movie,person,reference\na,0,the man\na,1,the woman\n"
ANNOTATIONS = "movie,person,action,start_s,end_s\na,0,walking,0,1.5\na,1,standing,1,2\n"


def capitals(text: str) -> str:
    header, rest = text.split("\n", 1)
    return f"{header.title()}\n{rest}"


def pandas(text: str) -> str:
    return text.replace(",0,t", ",0.0,t").replace(",1,t", ",1.0,t").replace(
        ",0,w", ",0.0,w").replace(",1,s", ",1.00,s")  # fmt: skip


ODD: dict[str, Callable[[str], str]] = {
    "capitals": capitals,
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "pandas": pandas,
    "spreadsheet": lambda text: (
        "\ufeff" + capitals(pandas(text)).replace(",", ";").replace("\n", "\r\n")
    ),
}  # fmt: skip


def readings(folder: Path) -> list[object]:
    """What all readers of references and annotations find, without places."""
    audit = Audit()
    references = read_foreign_references(folder / "references.csv", audit)
    annotations = read_foreign_annotations(folder / "annotations.csv", Clock(), audit)
    assert not audit.found
    return [
        read_references(folder / "references.csv"),
        read_annotations(folder),
        [(r.movie, r.person, r.text) for r in references],
        [(a.movie, a.person, a.action, a.start_s, a.end_s) for a in annotations],
    ]


def write(folder: Path, change: Callable[[str], str] = str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "references.csv").write_text(change(REFERENCES), newline="")
    (folder / "annotations.csv").write_text(change(ANNOTATIONS), newline="")
    return folder


@pytest.mark.parametrize("odd", ODD)
def test_what_is_unambiguous_is_read(tmp_path: Path, odd: str) -> None:
    plain = readings(write(tmp_path / "plain"))
    assert readings(write(tmp_path / "odd", ODD[odd])) == plain


def test_a_comma_in_a_sentence_is_no_separator(tmp_path: Path) -> None:
    table = tmp_path / "references.csv"
    table.write_text("movie;person;reference\na;0;the man, tall; bearded\n")
    with pytest.raises(RhasError, match=r"references\.csv:2: malformed line"):
        read_references(table)
    table.write_text('movie;person;reference\na;0;"the man, tall; bearded"\n')
    assert read_references(table).sentences == {"a": ("the man, tall; bearded",)}


@pytest.mark.parametrize("letter", ["\0", "\x1b", "\t"])
def test_a_control_character_in_a_sentence(tmp_path: Path, letter: str) -> None:
    table = tmp_path / "references.csv"
    table.write_text(f"movie,person,reference\na,0,the{letter}man\n")
    with pytest.raises(RhasError, match=r"references\.csv:2: a reference with a control character"):
        read_references(table)


@pytest.mark.parametrize(
    "header", ["movie,person,person,reference", "Movie,person,reference,movie"]
)
def test_a_column_that_stands_twice(tmp_path: Path, header: str) -> None:
    table = tmp_path / "references.csv"
    table.write_text(f"{header}\na,0,0,x\n")
    for read in (read_references, lambda path: read_foreign_references(path, Audit())):
        with pytest.raises(RhasError, match=r"references\.csv:1: a column stands twice") as error:
            read(table)
        assert "keep one column" in error.value.do


def test_every_reader_refuses_a_column_twice(tmp_path: Path) -> None:
    (tmp_path / "annotations.csv").write_text(
        "movie,person,action,action,start_s,end_s\na,0,walking,running,0,1\n"
    )
    (tmp_path / "map.csv").write_text("from,to,to\na,walking,running\n")
    (tmp_path / "labels.csv").write_text("id,name,name\n1,a,b\n")
    for read in (
        lambda: read_annotations(tmp_path),
        lambda: read_foreign_annotations(tmp_path / "annotations.csv", Clock(), Audit()),
        lambda: read_label_map(tmp_path / "map.csv", None),
        lambda: read_label_map(None, tmp_path / "labels.csv"),
    ):
        with pytest.raises(RhasError, match="a column stands twice"):
            read()


def test_a_label_list_with_a_number_twice(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("ID;Name\n1.0;walking\n1;running\n")
    with pytest.raises(RhasError, match=r"labels\.csv:3: an id twice"):
        read_label_map(None, tmp_path / "labels.csv")
    label = 'label {{\n  name: "{}"\n  label_id: {}\n}}\n'
    path = tmp_path / "labels.pbtxt"
    path.write_text(label.format("walking", 1) + label.format("running", 1))
    with pytest.raises(RhasError, match=r"labels\.pbtxt:5: an id twice") as error:
        read_label_map(None, path)
    assert (error.value.got, error.value.expected[:7]) == ("1, running", "walking")
    path.write_text(label.format("walking", 1) * 2 + label.format("running", 2))
    assert read_label_map(None, path).names == {1: "walking", 2: "running"}


def test_numbers_of_ava(tmp_path: Path) -> None:
    table = tmp_path / "ava.csv"
    line = "a{0}902{0}0.1{0}0.1{0}0.5{0}0.5{0}12.0{0}3.0\n"
    for separator in ",;\t":
        table.write_text(line.format(separator))
        (found,) = read_ava(table, Clock(), 1.0, {}, Audit())
        assert (found.person, found.action) == ("3", "12")


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), (" 7 ", 7), ("0.0", 0), ("12.000", 12), ("3.", 3), ("-1", -1), ("1.5", None),
     ("", None), ("1e3", None), ("one", None), ("0,0", None), ("9" * 5000, None)],
)  # fmt: skip
def test_whole_numbers(text: str, number: int | None) -> None:
    assert parse_whole(text) == number


def test_times_with_a_decimal_comma_are_told(tmp_path: Path) -> None:
    (tmp_path / "annotations.csv").write_text(
        "movie;person;action;start_s;end_s\na;0;walking;0,5;1,5\n"
    )
    audit = Audit()
    assert read_foreign_annotations(tmp_path / "annotations.csv", Clock(), audit) == []
    assert "'0,5'" in audit.found["malformed line"][0]
    with pytest.raises(RhasError, match="malformed annotation"):
        read_annotations(tmp_path)
