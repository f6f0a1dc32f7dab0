"""A folder of `rhas segment` under review: its page, and its corrections."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from rhas.base.errors import RhasError
from rhas.base.files import check_text_size, read_json
from rhas.engine.leases import exclusive_lease
from rhas.report.templates import render
from rhas.segment.request import INTERVALS, PAGE
from rhas.stores.corrections import (
    CORRECTIONS,
    Corrections,
    parse_corrections,
    read_corrections,
    write_corrections,
)
from rhas.stores.scores import read_person_scores

_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)
_DO = "run `rhas segment` again"


class _Sentence(BaseModel):
    reference: str


class _Record(BaseModel):
    """What a review needs of intervals.json."""

    frames: int = Field(ge=1)
    fps: float = Field(gt=0)
    persons: tuple[_Sentence, ...]


class StaleError(RhasError):
    """Corrections were saved from somewhere else in the meantime."""


class ReviewFolder:
    """The folder.

    Args:
        path: what `rhas segment` wrote.

    Raises:
        RhasError: not such a folder, or corrections in it that are of another film or broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record = self._read_record()
        self._data = self._read_page_data()
        self.read()

    def read(self) -> Corrections | None:
        """The corrections that lie in the folder; None where there are none.

        Raises:
            RhasError: they are broken or of another film.
        """
        file = self.path / CORRECTIONS
        if not file.exists():
            return None
        found = read_corrections(file)
        self._check(found, str(file))
        return found

    def render_page(self) -> str:
        """The page, with the corrections so far, as the server sends it."""
        found = self.read()
        told = None if found is None else found.model_dump(exclude_none=True)
        data = {**self._data, "corrections": told, "save": CORRECTIONS}
        return render("film.html.j2", title=str(self._data["film"]), data=data, saves=True)

    def save(self, text: bytes) -> int:
        """Puts corrections into the folder, and returns their revision.

        Args:
            text: the file; its ``revision`` is the one that the page began with.

        Raises:
            StaleError: others have been saved since that revision.
            RhasError: not corrections, or of another film.
        """
        new = parse_corrections(text, "the page")
        self._check(new, "the page")
        with exclusive_lease(self.path / ".saving", "review"):  # servers come one after the other
            before = self.read()
            revision = 0 if before is None else before.revision
            if new.revision != revision:
                raise StaleError(
                    "the corrections were saved from another page in the meantime",
                    where=str(self.path / CORRECTIONS),
                    expected=f"revision {revision}",
                    got=f"revision {new.revision}",
                    do="download yours, then load this page again",
                )
            write_corrections(
                self.path / CORRECTIONS, new.model_copy(update={"revision": revision + 1})
            )
        return revision + 1

    def _read_record(self) -> _Record:
        path = self.path / INTERVALS
        do = "name a folder that `rhas segment` wrote"
        try:
            return _Record.model_validate(read_json(path, do=do))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise RhasError(
                "not what `rhas segment` writes", where=str(path),
                got=f"{place}: {first['msg']}", do=do,
            ) from error  # fmt: skip

    def _read_page_data(self) -> dict[str, Any]:
        path = self.path / PAGE
        if not path.is_file():
            raise RhasError("no page in the folder", where=str(path), do=_DO)
        check_text_size(path, _DO)
        match = _DATA.search(path.read_text("utf-8", errors="replace"))
        try:
            data = json.loads(match[1]) if match else None
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict) or "film" not in data:
            raise RhasError("not the page of `rhas segment`", where=str(path), do=_DO)
        if data.get("frames") != self._record.frames:
            raise RhasError("the page of another film", where=str(path), do=_DO)
        if "classes" not in data:  # by an older version
            data["classes"] = list(read_person_scores(self.path / "scores.zarr")[0].classes)
        return data

    def _check(self, found: Corrections, where: str) -> None:
        record = self._record
        sentences = [person.reference for person in record.persons]
        for name, expected, got in (
            ("frames", record.frames, found.frames),
            ("frames per second", record.fps, found.fps),
            ("persons", sentences, [person.reference for person in found.persons]),
        ):
            if expected != got:
                raise RhasError(
                    f"corrections of another film: its {name}",
                    where=where,
                    expected=str(expected)[:200],
                    got=str(got)[:200],
                    do=f"move {CORRECTIONS} away, or name the folder that it belongs to",
                )
