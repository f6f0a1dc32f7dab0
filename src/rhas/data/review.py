"""Corrections made in the page of `rhas segment`, as `rhas import review` takes them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.base.files import read_csv, write_csv
from rhas.base.units import frame_to_seconds
from rhas.data.actions import PersonActions
from rhas.data.drawn_table import make_drawn_track
from rhas.data.foreign_tables import ForeignAnnotation
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.formats.keyframes import thin_track
from rhas.data.sources import ExportRequest, read_films
from rhas.stores.classes import check_same_classes, make_class_list
from rhas.stores.corrections import CORRECTIONS, Corrections, NamedSpan, Span, read_corrections
from rhas.stores.drawn import DrawnKind, DrawnTrack

REVIEW = "review.csv"
_TRACKS = "tracks.h5"  # that `rhas segment` writes
_COLUMNS = ("movie", "person", "action", "start_s", "end_s", "by", "was_action", "was_start_s",
            "was_end_s")  # fmt: skip
ReviewRow = list[str]
"""A row of review.csv."""

_TOLERANCE_S = 1.0  # between the film's length and the one that was corrected


def find_corrections(paths: Sequence[Path]) -> list[Path]:
    """The files: of folders, the one that `rhas review` saves there."""
    return [path / CORRECTIONS if path.is_dir() else path for path in paths]


def find_common_classes(paths: Sequence[Path]) -> ClassList:
    """The list of classes that the corrected films have in common.

    Raises:
        RhasError: a broken file, or films of different lists.
    """
    lists = {path: read_corrections(path).classes for path in paths}
    named = {path: names for path, names in lists.items() if names}
    if not named:
        return RHAS133
    first = next(iter(named))
    for path, names in named.items():
        check_same_classes(
            named[first], names, what="films of models with different classes",
            where=f"{first}, {path}", do="name the list to use: --classes classes.txt",
        )  # fmt: skip
    classes = make_class_list(named[first], str(first))
    return RHAS133 if classes.published else classes


def read_review(
    paths: Sequence[Path], films: FilmCatalogue, files: Mapping[str, Path], everybody: bool
) -> tuple[FoundActions, dict[str, Corrections]]:
    """Persons and actions of corrected films, and each film's corrections.

    Args:
        paths: files.
        films: the films that are there.
        files: theirs.
        everybody: take persons who are not marked as checked, too.

    Raises:
        RhasError: a broken file, a film of another length, two files of one film, nobody checked.
    """
    found, known = FoundActions(), dict[str, Corrections]()
    places: dict[str, Path] = {}
    for path in paths:
        corrections = read_corrections(path)
        film = films.find_film([corrections.film], str(path))
        if film is None:
            continue
        length = corrections.frames / corrections.fps
        if abs(film.seconds - length) > _TOLERANCE_S:
            raise RhasError(
                "a film of another length than the one that was corrected",
                where=str(path),
                expected=f"{corrections.film}, {length:.3f} s",
                got=f"{film.file}, {film.seconds:.3f} s",
                do="name the folder of the film with --films",
            )
        if film.movie in known:
            raise RhasError(
                "corrections of one film twice",
                where=str(path),
                got=f"{film.movie}, also in {places[film.movie]}",
                do="name one of them",
            )
        known[film.movie], places[film.movie] = corrections, path
        tracks = _read_tracks(path, files[film.movie], corrections)
        found.extend(_read_persons(path, film.movie, corrections, tracks, films, everybody))
    persons = [person for corrections in known.values() for person in corrections.persons]
    if persons and not everybody and not any(person.checked for person in persons):
        raise RhasError(
            "nobody is marked as checked",
            where=", ".join(map(str, paths)),
            do="mark in the page who is right (`rhas review`), or take all persons with --all",
        )
    return found, known


def _read_persons(
    path: Path,
    movie: str,
    corrections: Corrections,
    tracks: Sequence[tuple[DrawnTrack, ...]],
    films: FilmCatalogue,
    everybody: bool,
) -> FoundActions:
    found = FoundActions()
    for person in corrections.persons:
        where, key = f"{path}, person {person.person}", str(person.person)
        taken = person.checked or everybody
        drawn = tracks[person.person] if taken else ()
        found.persons.append(FoundPerson(where, movie, key, person.reference, tracks=drawn))
        if not taken:
            films.audit.add("person not checked", where)
            continue
        found.annotations += [
            ForeignAnnotation(where, movie, key, i.action, *_find_seconds(i, corrections.fps))
            for i in person.intervals
        ]
    return found


def _read_tracks(path: Path, film: Path, corrections: Corrections) -> list[tuple[DrawnTrack, ...]]:
    """By person: the track of `rhas segment` beside the corrections without the stretches where it
    is on somebody else; where no track is there, these stretches alone."""
    if not (path.parent / _TRACKS).is_file():
        return [_mark_absent(person.not_this_person, corrections.fps)
                for person in corrections.persons]  # fmt: skip
    (seen,) = read_films(ExportRequest(path.parent, films=film))
    if (len(seen.film), len(seen.persons)) != (corrections.frames, len(corrections.persons)):
        raise RhasError(
            "corrections of other tracks than those beside them",
            where=str(path),
            expected=f"{len(seen.film)} frames and {len(seen.persons)} persons",
            got=f"{corrections.frames} frames and {len(corrections.persons)} persons",
            do="correct the film again: it was segmented anew",
        )
    return [
        (thin_track(_take_away(person, corrected.not_this_person), seen.film),)
        for person, corrected in zip(seen.persons, corrections.persons, strict=True)
    ]


def _take_away(person: PersonActions, spans: Sequence[Span]) -> PersonActions:
    source = person.source.copy()
    for span in spans:
        source[span.start_frame : span.end_frame] = 0
    return replace(person, source=source)


def _mark_absent(spans: Sequence[Span], fps: float) -> tuple[DrawnTrack, ...]:
    rows: list[tuple[float, DrawnKind, None]] = []
    for span in sorted(spans, key=lambda span: span.start_frame):
        start, end = _find_seconds(span, fps)
        if rows and rows[-1][0] >= start:  # touches or overlaps the one before
            end = max(end, rows.pop()[0])
        else:
            rows.append((start, DrawnKind.ABSENT, None))
        rows.append((end, DrawnKind.UNKNOWN, None))
    return (make_drawn_track(rows),) if rows else ()


def _find_seconds(span: Span, fps: float) -> tuple[float, float]:
    return frame_to_seconds(span.start_frame, fps), frame_to_seconds(span.end_frame, fps)


def list_review(
    known: Mapping[str, Corrections], references: Mapping[str, Sequence[str]]
) -> list[ReviewRow]:
    """The rows of review.csv: who said what. ``by`` is predicted, corrected, added, removed
    (predicted, and nothing of it is left) or not this person (the boxes are on somebody else).

    Args:
        known: corrections by movie.
        references: sentences of the persons of annotations.csv, by movie.
    """
    return [
        [movie, str(list(references[movie]).index(person)), *row]
        for movie, corrections in known.items()
        if movie in references
        for person, row in _list_rows(corrections)
        if person in references[movie]
    ]


def read_review_rows(folder: Path, movies: Container[str]) -> list[ReviewRow]:
    """Rows of review.csv of some movies; none where there is no such file."""
    path = folder / REVIEW
    rows = read_csv(path, do=f"remove {path}") if path.is_file() else []
    return [[row.get(n) or "" for n in _COLUMNS] for row in rows if row.get("movie") in movies]


def write_review(folder: Path, rows: Sequence[ReviewRow]) -> None:
    """Writes review.csv beside annotations.csv; no file without rows."""
    if rows:
        write_csv(folder / REVIEW, _COLUMNS, rows)


def _list_rows(corrections: Corrections) -> Iterator[tuple[str, list[str]]]:
    """The sentence of a person, and action, times, by whom and what it was before."""

    def name(span: NamedSpan | None) -> list[str]:
        return ["", "", ""] if span is None else [span.action, *times(span)]

    def times(span: Span) -> list[str]:
        return [f"{seconds:.3f}" for seconds in _find_seconds(span, corrections.fps)]

    for person in corrections.persons:
        for i in person.intervals:
            yield person.reference, [*name(i), i.by, *name(i.was)]
        for removed in person.removed:
            yield person.reference, [*name(removed), "removed", *name(None)]
        for other in person.not_this_person:
            yield person.reference, ["", *times(other), "not this person", *name(None)]
