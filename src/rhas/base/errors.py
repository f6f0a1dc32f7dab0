"""The one exception users meet: what, where, expected and got, what to do."""

from __future__ import annotations

from rhas.base.formatting import escape_controls


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
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        parts += [
            f"  {label}: {text}"
            for label, text in (("expected", self.expected), ("got", self.got), ("do", self.do))
            if text
        ]
        return escape_controls("\n".join(parts))

    def __reduce__(self) -> tuple[object, ...]:
        state = (self.what, self.where, self.expected, self.got, self.do)
        return _rebuild_error, state


def _rebuild_error(what: str, where: str, expected: str, got: str, do: str) -> RhasError:
    return RhasError(what, where=where, expected=expected, got=got, do=do)
