"""The one exception users meet: what, where, expected and got, what to do."""

from __future__ import annotations

import re
from pathlib import Path

from rhas.base.formatting import escape_controls

_LONGEST = 3000  # letters of one part of a message
_OTHERWISE = re.compile(r",? or run `dvc repro[^`]*`(?: again)?")
_STAGE = re.compile(r"(?:run )?`dvc repro[^`]*`(?:, or `dvc exp run`)?(?: again)?(?: first)?")


class RhasError(Exception):
    """A problem the user can act on.

    Args:
        what: one sentence, what is wrong.
        where: film, person, frame, file, parameter; as precise as known.
        expected: what would have been right.
        got: what was found instead.
        do: what the user can do about it.
    """

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", got: str = "", do: str = ""
    ) -> None:
        self.what, self.where, self.expected, self.got, self.do = what, where, expected, got, do
        super().__init__(what, where, expected, got, do)

    def __str__(self) -> str:
        where, what = _shorten(self.where), "\n".join(map(_shorten, self.what.split("\n")))
        parts = [f"{where}: {what}" if where else what]
        parts += [
            f"  {label}: {_shorten(text)}"
            for label, text in (
                ("expected", self.expected),
                ("got", self.got),
                ("do", adapt_advice(self.do)),
            )
            if text
        ]
        return escape_controls("\n".join(parts))

    def __reduce__(self) -> tuple[object, ...]:
        state = (self.what, self.where, self.expected, self.got, self.do)
        return _rebuild_error, state


def _shorten(text: str) -> str:
    """A text of a file in a message: a table can have lines of megabytes."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def adapt_advice(text: str) -> str:
    """Advice for the current folder: without dvc.yaml there is no stage to run again."""
    if "`dvc repro" not in text or Path("dvc.yaml").is_file():
        return text
    return _STAGE.sub("make it again", _OTHERWISE.sub("", text))


def _rebuild_error(what: str, where: str, expected: str, got: str, do: str) -> RhasError:
    return RhasError(what, where=where, expected=expected, got=got, do=do)
