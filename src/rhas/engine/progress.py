"""Progress of a pool of films: a bar with rate and time left, or a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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

from rhas.base.console import SafeConsole
from rhas.engine.steps import Job

Message = tuple[str, int]  # film and frames

_LOG_SECONDS = 20.0
_POLL_SECONDS = 0.1
_WAIT_SECONDS = 5.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} frames/s")


@contextmanager
def film_progress(stage: str, jobs: Sequence[Job], messages: Any) -> Iterator[None]:
    """Shows what workers put into ``messages``, (film, frames) pairs, while the block runs."""
    total = sum(job.size for job in jobs) or None
    console = SafeConsole(stderr=True)
    ended = threading.Event()
    show = _show_bar if console.is_terminal else _print_lines
    received = _receive(messages, ended)
    thread = threading.Thread(target=show, args=(stage, total, received, console), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_WAIT_SECONDS)


def _receive(messages: Any, ended: threading.Event) -> Iterator[Message]:
    """What workers put, until the end. A killed worker may hold the queue's lock for ever, so
    nothing is put to end it, and nobody waits for a message that may be half."""
    while not messages.empty() or not ended.is_set():
        if messages.empty():
            ended.wait(_POLL_SECONDS)
        else:
            yield messages.get()


def _show_bar(
    stage: str, total: float | None, messages: Iterator[Message], console: SafeConsole
) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(stage, total=total)
        for message in messages:
            progress.update(task, advance=message[1], description=f"{stage} {message[0]}")


def _print_lines(
    stage: str, total: float | None, messages: Iterator[Message], console: SafeConsole
) -> None:
    began = shown = time.monotonic()
    done = 0
    for message in messages:
        done += message[1]
        now = time.monotonic()
        if now - shown >= _LOG_SECONDS:
            shown = now
            rate = done / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            of = f" of {total:.0f}" if total else ""
            print(f"{stage}: {done}{of} frames, {rate:.0f}/s{left}", file=sys.stderr, flush=True)
