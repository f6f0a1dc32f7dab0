"""Progress of a pool of films: a bar with rate and time left, or a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rhas.engine.steps import Job

_LOG_SECONDS = 20.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} frames/s")


@contextmanager
def film_progress(stage: str, jobs: Sequence[Job], messages: Any) -> Iterator[None]:
    """Shows what workers put into ``messages``, (film, frames) pairs, while the block runs."""
    total = sum(job.size for job in jobs) or None
    console = Console(stderr=True)
    thread = threading.Thread(
        target=_show_bar if console.is_terminal else _print_lines,
        args=(stage, total, messages, console),
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        messages.put(None)
        thread.join()


def _show_bar(stage: str, total: float | None, messages: Any, console: Console) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(stage, total=total)
        while (message := messages.get()) is not None:
            progress.update(task, advance=message[1], description=f"{stage} {message[0]}")


def _print_lines(stage: str, total: float | None, messages: Any, console: Console) -> None:
    began = shown = time.monotonic()
    done = 0
    while (message := messages.get()) is not None:
        done += message[1]
        now = time.monotonic()
        if now - shown >= _LOG_SECONDS:
            shown = now
            rate = done / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            of = f" of {total:.0f}" if total else ""
            print(f"{stage}: {done}{of} frames, {rate:.0f}/s{left}", file=sys.stderr, flush=True)
