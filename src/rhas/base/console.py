"""The terminal: names and sentences of others send no control characters to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from rhas.base.formatting import escape_controls


class SafeConsole(Console):
    """A console of rich whose texts are escaped, and whose brackets are no markup; every other way
    to print is `print_text`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments with their text escaped; rich's own control codes stay."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(escape_controls(segment.text), segment.style)


def print_text(text: str, end: str = "\n", file: TextIO | None = None) -> None:
    """Plain text to standard output, or ``file``, its control characters escaped."""
    print(escape_controls(text), end=end, file=file, flush=True)
