"""WebVTT subtitles: the actions of each person."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from rhas.base.units import frame_to_seconds
from rhas.segment.people import Person


def write_subtitles(people: Sequence[Person], fps: float, path: Path) -> None:
    """Writes a cue per person and interval with one set of actions, by start, then person.

    The speaker of a cue (WebVTT's voice) is the reference, its text the actions.
    """
    cues = sorted(
        (start, person.number, stop, person.reference, names)
        for person in people
        for start, stop, names in find_constant_intervals(person)
    )
    blocks = ["WEBVTT"] + [
        f"{_format_time(start, fps)} --> {_format_time(stop, fps)}\n"
        f"<v {_escape_voice(reference)}>{escape(', '.join(names), quote=False)}"
        for start, _, stop, reference, names in cues
    ]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")


def find_constant_intervals(person: Person) -> list[tuple[int, int, tuple[str, ...]]]:
    """Start, stop and names of the actions of every interval with one set of actions, not empty."""
    edges = sorted({frame for action in person.actions for frame in (action.start, action.stop)})
    starting: dict[int, list[str]] = {}
    ending: dict[int, list[str]] = {}
    for action in person.actions:
        starting.setdefault(action.start, []).append(action.name)
        ending.setdefault(action.stop, []).append(action.name)
    found, current = [], set[str]()
    for edge, after in pairwise(edges):
        current -= set(ending.get(edge, ()))
        current |= set(starting.get(edge, ()))
        if current:
            found.append((edge, after, tuple(sorted(current))))
    return found


def _format_time(frame: int, fps: float) -> str:
    thousandths = round(frame_to_seconds(frame, fps) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _escape_voice(text: str) -> str:
    """Text inside a tag, which a line break or ``>`` would end."""
    return escape(" ".join(text.split()), quote=False)
