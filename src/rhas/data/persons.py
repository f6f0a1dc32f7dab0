"""Persons of films as a foreign table of references lists them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rhas.base.formatting import list_some
from rhas.data.audit import Audit
from rhas.data.films import resolve_name
from rhas.data.foreign_tables import ForeignReference
from rhas.data.tables import parse_digits
from rhas.decode.container import FilmInfo
from rhas.stores.manifest import SUBSETS

_BREAKS = ("Cc", "Zl", "Zp")  # control characters and separators of lines


@dataclass(frozen=True)
class FoundFilms:
    """The films of an import: the file of each movie, and what those contain that can be read."""

    files: Mapping[str, Path]
    infos: Mapping[str, FilmInfo]

    def resolve_name(self, name: str, where: str, audit: Audit) -> str:
        """The movie that a table names, maybe by its film's file name."""
        movie = resolve_name(name, self.files)
        if movie != name:
            audit.add("name with an ending", f"{where}: {name}")
        return movie

    def suggest_movie(self, name: str, audit: Audit) -> str:
        """``, did you mean 'a'?`` for an unknown movie; "" where no name is similar."""
        hint = audit.suggest("film", name, self.files)
        return f", {hint}" if hint else ""


@dataclass(frozen=True)
class FoundPersons:
    """Persons by movie: number as foreign tables write it, and sentence, in order; and subsets."""

    references: Mapping[str, Mapping[str, str]]
    subsets: Mapping[str, str | None]

    @cached_property
    def _numbers(self) -> dict[str, dict[str, int]]:
        return {
            movie: {person: n for n, person in enumerate(texts)}
            for movie, texts in self.references.items()
        }

    def new_number(self, movie: str, person: str) -> int:
        """The number 0, 1, 2, ... of a person."""
        return self._numbers[movie][person]

    def sentences(self) -> dict[str, tuple[str, ...]]:
        """Sentences of persons 0, 1, 2, ... by movie."""
        return {movie: tuple(texts.values()) for movie, texts in self.references.items()}


def find_persons(rows: Sequence[ForeignReference], films: FoundFilms, audit: Audit) -> FoundPersons:
    """The persons of films that can be read; every row that is left out is a finding."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    subsets: dict[str, str | None] = {}
    for row in rows:
        movie = films.resolve_name(row.movie, row.where, audit)
        if movie not in films.infos:
            if movie not in films.files:
                hint = films.suggest_movie(movie, audit)
                audit.add("reference without film", f"{row.where}: {movie}{hint}")
        elif parse_digits(row.person) is None:
            audit.add("suspicious person id", f"{row.where}: {row.person!r}, expected a number")
        elif not (text := _join_lines(row.text)):
            audit.add("empty reference", f"{row.where}: {movie}, person {row.person}")
        elif row.person in found[movie]:
            audit.add("person twice in references", f"{row.where}: {movie}, person {row.person}")
        else:
            if text != row.text:
                audit.add("line break in a sentence", f"{row.where}: {row.text!r}")
            found[movie][row.person] = text
            subset = _read_subset(row, audit)
            if subsets.setdefault(movie, subset) != subset:
                audit.add("unknown subset", f"{row.where}: {movie} is in {subsets[movie]}, too")
    ordered = {
        movie: {person: texts[person] for person in sorted(texts, key=lambda p: (int(p), p))}
        for movie, texts in found.items()
        if texts
    }
    for movie, texts in ordered.items():
        _report_numbers(movie, list(texts), audit)
    return FoundPersons(ordered, {movie: subsets.get(movie) for movie in ordered})


def _join_lines(text: str) -> str:
    """A sentence on one line, as references.csv has it."""
    if not any(unicodedata.category(letter) in _BREAKS for letter in text):
        return text
    plain = (" " if unicodedata.category(letter) in _BREAKS else letter for letter in text)
    return " ".join("".join(plain).split())


def _read_subset(row: ForeignReference, audit: Audit) -> str | None:
    if row.subset and row.subset not in SUBSETS:
        audit.add("unknown subset", f"{row.where}: {row.subset!r}, expected {', '.join(SUBSETS)}")
        return None
    return row.subset or None


def _report_numbers(movie: str, persons: Sequence[str], audit: Audit) -> None:
    """Findings of person numbers that are alike, such as 0 and 00, or are not 0, 1, 2, ..."""
    alike: dict[int, list[str]] = defaultdict(list)
    for person in persons:
        alike[int(person)].append(repr(person))
    for spellings in alike.values():
        if len(spellings) > 1:
            audit.add("persons alike but for spelling", f"{movie}: {list_some(spellings)}")
    moved = [f"{person} -> {n}" for n, person in enumerate(persons) if person != str(n)]
    if moved:
        audit.add("persons renumbered", f"{movie}: {list_some(moved)}")
