"""What the commands print: tables for people, JSON for programs, progress and errors."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from rhas.base.checks import Check
from rhas.base.console import SafeConsole, print_text
from rhas.base.errors import adapt_advice

_PIPE_WIDTH = 160
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True)
class Column:
    """A column of a printed table.

    Args:
        heading: its title.
        right: align to the right, as numbers are.
        fold: break long values into lines instead of cutting them.
    """

    heading: str
    right: bool = False
    fold: bool = False


def make_console() -> Console:
    """Standard output; wide where it goes into a file or a pipe, so that tables stay whole."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return SafeConsole(highlight=False, width=_PIPE_WIDTH if wide else None)


def make_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], title: str | Text = ""
) -> Table:
    """A table for people. Brackets in titles and values are no markup."""
    heading = Text(title, style="italic") if isinstance(title, str) else title
    table = Table(title=heading if title else None, title_justify="left")
    for column in columns:
        justify = "right" if column.right else "left"
        overflow = "fold" if column.fold else "ellipsis"
        table.add_column(column.heading, justify=justify, overflow=overflow)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], title: str | Text = ""
) -> None:
    """Prints `make_table` to standard output."""
    make_console().print(make_table(columns, rows, title))


def print_note(text: str, style: str = "") -> None:
    """A line for people on standard error, apart from the command's output."""
    SafeConsole(stderr=True, highlight=False).print(text, style=style, soft_wrap=True)


def print_error(error: BaseException, what: str = "error") -> None:
    """An error on standard error; brackets in a film's name are no markup."""
    message = Text.assemble((f"{what}: ", "bold red"), str(error))
    SafeConsole(stderr=True).print(message, soft_wrap=True)


def print_json(values: Any) -> None:
    """Strict JSON: a number that is not finite becomes null."""
    text = json.dumps(_replace_nonfinite(values), indent=1, ensure_ascii=False, allow_nan=False)
    print_text(text)  # JSON's escapes are the same


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere; call it with done and total."""
    screen = SafeConsole(stderr=True)
    with Progress(*Progress.get_default_columns(), console=screen, transient=True,
                  disable=not screen.is_terminal) as bar:  # fmt: skip
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def make_check_table(checks: Sequence[Check], title: str = "") -> Table:
    """A row per check: its level, what was found, what to do."""
    columns = [Column(""), Column("check"), Column("found", fold=True)]
    if any(check.do for check in checks):
        columns.append(Column("what to do", fold=True))
    rows: list[list[str | Text]] = [
        [
            Text(check.level, style=_STYLES[check.level]),
            check.name,
            check.found,
            adapt_advice(check.do),
        ]
        for check in checks
    ]
    return make_table(columns, (row[: len(columns)] for row in rows), title)


def _replace_nonfinite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _replace_nonfinite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nonfinite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
