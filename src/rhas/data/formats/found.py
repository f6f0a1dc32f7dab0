"""What a labelling tool's file contains, as the import takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.data.actions import FilmFrames
from rhas.data.audit import Audit
from rhas.data.films import resolve_name, strip_ending
from rhas.data.foreign_tables import ForeignAnnotation, ForeignReference
from rhas.stores.drawn import DrawnTrack


@dataclass(frozen=True)
class FoundPerson:
    """A person of a file.

    Args:
        where: file and place.
        movie: the film.
        key: what the annotations of the file call the person.
        sentence: what the file says of the person; "" where it says nothing.
        draw: makes ``boxes``; None without boxes.
        tracks: the same as keyframes; several where the file has the person in pieces.
    """

    where: str
    movie: str
    key: str
    sentence: str
    draw: Callable[[], np.ndarray] | None = None
    tracks: tuple[DrawnTrack, ...] = ()

    @property
    def boxes(self) -> np.ndarray | None:
        """float32 (T, 4) over working frames, NaN where missing; made anew each time, since a file
        may have thousands of persons in a long film."""
        return None if self.draw is None else self.draw()


@dataclass
class FoundActions:
    """Persons and actions of a file; ``person`` of an annotation is the ``key`` of a person."""

    persons: list[FoundPerson] = field(default_factory=list)
    annotations: list[ForeignAnnotation] = field(default_factory=list)

    def extend(self, other: FoundActions) -> None:
        """Adds what another file contains."""
        self.persons += other.persons
        self.annotations += other.annotations

    def add_actions(
        self, person: FoundPerson, spans: Sequence[tuple[str, int, int]], film: FilmFrames
    ) -> None:
        """Adds actions of a person: name, first source frame, and the one after the last."""
        for action, start, stop in spans:
            times = film.source_seconds(start), film.source_seconds(stop)
            self.annotations.append(
                ForeignAnnotation(person.where, person.movie, person.key, action, *times)
            )


@dataclass(frozen=True)
class FilmCatalogue:
    """The films that an import may meet, and where it reports what it does not understand."""

    films: Mapping[str, FilmFrames]
    audit: Audit

    def find_film(self, names: Sequence[str], where: str) -> FilmFrames | None:
        """The first film that one of ``names`` (with or without an ending) names; otherwise a
        finding of the audit and None.

        Raises:
            RhasError: a name that is a path, or not allowed for another reason.
        """
        tried = []
        for name in filter(None, (text.strip() for text in names)):
            movie = movie_name(name, where)
            if (found := resolve_name(movie, self.films)) in self.films:
                return self.films[found]
            tried.append(strip_ending(movie))
        hint = self.audit.suggest("film", tried[0], self.films) if tried else ""
        place = f"{where}: {' or '.join(tried) or 'no film is named'}"
        self.audit.add("annotation without film", ", ".join(filter(None, [place, hint])))
        return None


@dataclass(frozen=True)
class ForeignBoxes:
    """The drawn track of a person as found; ``person`` as in `ForeignAnnotation`."""

    where: str
    movie: str
    person: str
    track: DrawnTrack


@dataclass(frozen=True)
class ForeignTables:
    """What an import has found: sentences, actions and boxes."""

    references: list[ForeignReference]
    annotations: list[ForeignAnnotation]
    boxes: list[ForeignBoxes] = field(default_factory=list)


def number_persons(
    found: FoundActions, references: Sequence[ForeignReference], audit: Audit
) -> ForeignTables:
    """References, annotations and boxes with persons as numbers.

    Without a table of references the persons of a film are 0, 1, 2, ... in the file's order, and
    the file's sentences are theirs; another sentence of the same person is a row, too. With one, a
    person of the file is the one of the table who has the same sentence, otherwise the one of the
    same number, unless that one has the sentence of another person of the file: then nobody of the
    table is meant, a finding.

    Raises:
        RhasError: two persons of the file are one person of the table.
    """
    if not references:
        return _number_by_order(found)
    movies = {person.movie for person in found.persons}
    table = [replace(row, movie=resolve_name(row.movie, movies)) for row in references]
    names = _match_sentences(found, table)
    taken = {(movie, number): key for (movie, key), number in names.items()}
    places = {(row.movie, row.person): row.where for row in reversed(found.annotations)}
    places |= {(person.movie, person.key): person.where for person in reversed(found.persons)}
    unknown = {place for place in places if place in taken and place not in names}
    for movie, key in sorted(unknown):
        audit.add(
            "person without reference",
            f"{places[movie, key]}: {movie}, person {key}; person {key} of the references has the "
            f"sentence of {taken[movie, key]}",
        )
    known = FoundActions(
        [p for p in found.persons if (p.movie, p.key) not in unknown],
        [a for a in found.annotations if (a.movie, a.person) not in unknown],
    )
    return _rename_persons(known, list(references), names)


def _match_sentences(
    found: FoundActions, references: Sequence[ForeignReference]
) -> dict[tuple[str, str], str]:
    """Numbers of the table by movie and key of the persons whose sentence it has, once."""
    numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in references:
        numbers[row.movie, row.text.strip()].add(row.person)
    matched: dict[tuple[str, str], str] = {}
    owners: dict[tuple[str, str], FoundPerson] = {}
    for person in found.persons:
        place, sentence = (person.movie, person.key), person.sentence.strip()
        fitting = numbers.get((person.movie, sentence), set())
        if not sentence or place in matched or len(fitting) != 1:
            continue
        (number,) = fitting
        owner = owners.setdefault((person.movie, number), person)
        if owner.key != person.key:
            raise RhasError(
                "two persons of one sentence, which one person of the references has",
                where=f"{owner.where}, {person.where}",
                expected=f"one person of {person.movie} with the sentence of person {number}",
                got=f"{owner.key} and {person.key}, {sentence!r}",
                do="give them different sentences, or make them one person",
            )
        matched[place] = number
    return matched


def _number_by_order(found: FoundActions) -> ForeignTables:
    keys: dict[str, dict[str, str]] = {}
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = []
    for person in found.persons:
        numbers = keys.setdefault(person.movie, {})
        sentence = person.sentence.strip()
        if person.key not in numbers:
            numbers[person.key] = str(len(numbers))
        elif sentence in ("", *said[person.movie, person.key]):
            continue
        said[person.movie, person.key].append(sentence)
        number = numbers[person.key]
        rows.append(ForeignReference(person.where, person.movie, number, sentence, ""))
    names = {(m, key): number for m, numbers in keys.items() for key, number in numbers.items()}
    return _rename_persons(found, rows, names)


def _rename_persons(
    found: FoundActions,
    references: list[ForeignReference],
    names: Mapping[tuple[str, str], str],
) -> ForeignTables:
    annotations = [
        replace(row, person=names.get((row.movie, row.person), row.person))
        for row in found.annotations
    ]
    boxes = [
        ForeignBoxes(p.where, p.movie, names.get((p.movie, p.key), p.key), track)
        for p in found.persons
        for track in p.tracks
    ]
    return ForeignTables(references, annotations, boxes)
