"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from rhas.base.checks import Check

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors of a disk, or a share of one, that is full."""
_PIPE_WIDTH = 160
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def console() -> Console:
    """Standard output; wide where it goes into a file or a pipe, so that tables stay whole."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_PIPE_WIDTH if wide else None)


def print_error(error: BaseException, what: str = "error") -> None:
    """To standard error; brackets in a film's name are no markup."""
    told = Text.assemble((f"{what}: ", "bold red"), str(error))
    Console(stderr=True).print(told, soft_wrap=True)


def print_json(values: Any) -> None:
    """Strict JSON: what is not finite becomes null."""
    print(json.dumps(_finite(values), indent=1, ensure_ascii=False, allow_nan=False))


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere; takes done and total."""
    screen = Console(stderr=True)
    with Progress(*Progress.get_default_columns(), console=screen, transient=True,
                  disable=not screen.is_terminal) as bar:  # fmt: skip
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def check_table(checks: Sequence[Check], title: str = "") -> Table:
    """A row per check: its level, what was found, what to do."""
    table = Table(title=title or None, title_justify="left", show_lines=False)
    table.add_column("")
    table.add_column("check")
    table.add_column("found", overflow="fold")
    if any(check.do for check in checks):
        table.add_column("what to do", overflow="fold")
    for check in checks:
        row = [Text(check.level, style=_STYLES[check.level]), Text(check.name), Text(check.found)]
        table.add_row(*row, *([Text(check.do)] if len(table.columns) > 3 else []))
    return table


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
