"""corrections.json: what a person made of the intervals that `rhas segment` found.

It lies beside intervals.json, or is what the page saves as a download. All frames are working
frames, ends exclusive::

    {"format": "rhas corrections", "version": 1, "revision": 2,
     "film": "harbour.mp4", "frames": 900, "fps": 15.0, "classes": ["walking", "waving"],
     "persons": [{"person": 0, "reference": "the man", "checked": true,
       "intervals": [{"action": "walking", "start_frame": 3, "end_frame": 20, "by": "corrected",
                      "was": {"action": "walking", "start_frame": 1, "end_frame": 20}}],
       "removed": [{"action": "waving", "start_frame": 5, "end_frame": 9}],
       "not_this_person": [{"start_frame": 30, "end_frame": 44}]}]}
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file, write_json

CORRECTIONS = "corrections.json"
MAX_BYTES = 64 * 1024 * 1024
"""Largest file that is read or saved."""

Name = Annotated[str, Field(min_length=1, max_length=500)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Span(_Record):
    """Frames ``[start_frame, end_frame)``."""

    start_frame: int = Field(ge=0)
    end_frame: int = Field(ge=1)

    @model_validator(mode="after")
    def _check_order(self) -> Span:
        if self.start_frame >= self.end_frame:
            raise ValueError(f"frames {self.start_frame} to {self.end_frame}")
        return self


class NamedSpan(Span):
    """An action over frames."""

    action: Name


class CorrectedInterval(NamedSpan):
    """An interval that holds after the correction.

    ``by`` says where it comes from: left as predicted, a predicted one (``was``) that was changed,
    or added by the person.
    """

    by: Literal["predicted", "corrected", "added"]
    was: NamedSpan | None = None

    @model_validator(mode="after")
    def _check_former(self) -> CorrectedInterval:
        if (self.by == "corrected") != (self.was is not None):
            raise ValueError("a corrected interval, and no other, has what it was before")
        return self


class PersonCorrections(_Record):
    """A person of the film.

    Args:
        person, reference: number and sentence.
        checked: somebody looked at all of it.
        intervals: what the person does.
        removed: predicted intervals of which nothing is left.
        not_this_person: where the boxes are on somebody else.
    """

    person: int = Field(ge=0)
    reference: str
    checked: bool
    intervals: tuple[CorrectedInterval, ...]
    removed: tuple[NamedSpan, ...] = ()
    not_this_person: tuple[Span, ...] = ()


class Corrections(_Record):
    """The file. ``revision`` rises by one with every save; ``classes`` are the model's."""

    format: Literal["rhas corrections"]
    version: Literal[1]
    revision: int = Field(ge=0)
    film: Name
    frames: int = Field(ge=1)
    fps: float = Field(gt=0)
    classes: tuple[Name, ...] = ()
    persons: tuple[PersonCorrections, ...]

    @model_validator(mode="after")
    def _check_frames(self) -> Corrections:
        for number, person in enumerate(self.persons):
            if person.person != number:
                raise ValueError(f"person {person.person} in the place of person {number}")
            former = [i.was for i in person.intervals if i.was is not None]
            spans: tuple[Span, ...] = (*person.intervals, *person.removed, *former,
                                       *person.not_this_person)  # fmt: skip
            last = max((span.end_frame for span in spans), default=0)
            if last > self.frames:
                raise ValueError(f"person {number}: frames up to {last} of a film of {self.frames}")
        return self


def parse_corrections(text: bytes, where: str) -> Corrections:
    """Checks the content of a file.

    Args:
        text: JSON in UTF-8.
        where: for the error.

    Raises:
        RhasError: not such JSON; names the first place that is wrong.
    """
    try:
        return Corrections.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RhasError(
            "not the corrections of a film",
            where=where,
            expected="a file that the page of `rhas segment` saved",
            got=f"{place}: {first['msg']}" if place else first["msg"],
            do="save it again from the page",
        ) from error


def read_corrections(path: Path) -> Corrections:
    """Reads and checks a file.

    Raises:
        RhasError: no such file, one that is too large, not the form above.
    """
    check_regular_file(path, "correct the film first: `rhas review` shows its page")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RhasError(
            "the file is too large for corrections",
            where=str(path),
            expected=f"at most {MAX_BYTES // 2**20} MiB",
            got=f"{size / 2**20:,.0f} MiB",
        )
    return parse_corrections(path.read_bytes(), str(path))


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Writes the file under a temporary name, then puts it in its place."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        write_json(temporary, corrections.model_dump(exclude_none=True), sort_keys=False)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
