"""Names and sentences of others on the terminal, on pages and in tables."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

import pytest
from rich.table import Table

from rhas.base.console import SafeConsole, print_text
from rhas.base.errors import RhasError
from rhas.base.files import read_csv, write_csv
from rhas.base.formatting import escape_controls
from rhas.cli.output import print_json
from rhas.data.tables import read_cells, read_rows

SOURCE = Path(__file__).resolve().parents[2] / "src"
EVIL = "a\x1b[31mred\x9b2J\x07\x00\u202egnp.exe\u2066\x7f\r"
SAFE = "a\\u001b[31mred\\u009b2J\\u0007\\u0000\\u202egnp.exe\\u2066\\u007f\\u000d"
CELLS = ["=1+1", "+a", "-x", "@SUM(A1)", "'=1", "''-x", "'plain", "-0.5", "plain", "=", "'", ""]


def test_control_characters_are_escaped() -> None:
    assert escape_controls(EVIL) == SAFE
    assert escape_controls("line\n\tתל אביב é 漢字 👩‍🚀") == "line\n\tתל אביב é 漢字 👩‍🚀"
    assert SAFE in str(RhasError("w", where=EVIL))


def test_the_consoles_own_colours_stay() -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=True, width=200, color_system="standard")
    table = Table(title=EVIL)
    table.add_column("name")
    table.add_row(EVIL, style="red")
    console.print(table)
    console.print(EVIL, markup=False)
    text = file.getvalue()
    assert text.count("\\u202e") >= 2
    assert text.count("\\u001b") >= 2
    assert "\x1b[" in text
    assert not {"\x9b", "\u202e", "\u2066", "\x7f", "\x00"} & set(text)


def test_brackets_are_no_markup() -> None:
    file = io.StringIO()
    table = Table(title="[/x]")
    table.add_column("[red]")
    table.add_row("[bold]")
    SafeConsole(file=file).print(table, "[/y]")
    assert all(text in file.getvalue() for text in ("[/x]", "[red]", "[bold]", "[/y]"))


def test_plain_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_text(EVIL)
    print_json({"name": EVIL})
    printed = capsys.readouterr().out
    assert not set(EVIL) & set(printed) - set("a[31mred2Jgnp.exe")
    assert SAFE in printed


def test_everything_is_printed_by_these_two() -> None:
    """Commands print by `print_text` or a `SafeConsole`; messages of stages are numbers."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                plain = node.func.id == "print" and "cli" in path.parts
                if plain or node.func.id == "Console":
                    found.append(f"{path}:{node.lineno}")
    assert found == []


def test_cells_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    """None begins as a formula does, and every one comes back."""
    path = tmp_path / "t.csv"
    write_csv(path, ["text", "more"], [[cell, -1.5] for cell in CELLS])
    with path.open(newline="", encoding="utf-8") as file:
        written = [row[0] for row in csv.reader(file)][1:]
    assert [c for c in written if c[:1] in tuple("=+-@")] == ["-0.5"]
    assert [row["text"] for row in read_csv(path)] == CELLS
    assert [row["text"] for _, row in read_rows(path, ["text"])] == CELLS
    assert [cells[0] for _, cells in read_cells(path)][1:] == CELLS
    assert {row["more"] for row in read_csv(path)} == {"-1.5"}
