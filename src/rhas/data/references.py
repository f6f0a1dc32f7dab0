"""references.csv: the sentence that describes each person, and optionally the film's subset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import write_csv
from rhas.base.names import movie_name
from rhas.base.sentences import check_sentence
from rhas.data.tables import parse_whole, read_rows
from rhas.stores.manifest import SUBSETS

REFERENCES = "references.csv"
COLUMNS = ("movie", "person", "reference")


@dataclass(frozen=True)
class References:
    """The sentences of persons 0, 1, 2, ... and the subset (None: chunk's choice), by movie."""

    sentences: Mapping[str, tuple[str, ...]]
    subsets: Mapping[str, str | None]


def write_references(
    folder: Path,
    sentences: Mapping[str, Sequence[str]],
    subsets: Mapping[str, str | None] | None = None,
) -> None:
    """Writes references.csv, with a column ``subset`` where subsets are given."""
    rows = (
        [movie, person, text, *([] if subsets is None else [subsets[movie] or ""])]
        for movie, texts in sentences.items()
        for person, text in enumerate(texts)
    )
    header = COLUMNS if subsets is None else (*COLUMNS, "subset")
    write_csv(folder / REFERENCES, header, rows)


def read_references(path: Path) -> References:
    """Sentences and subsets in the table's order of movies.

    Raises:
        RhasError: no table, no row, or a row with an empty sentence or one with control characters,
            a person that is no number or occurs twice, a subset that is unknown or differs within
            the film; persons that are not numbered 0, 1, 2, ...
    """
    if not path.is_file():
        raise RhasError(
            "no references",
            where=str(path),
            expected=f"a table: {', '.join(COLUMNS)}",
            do="see data/own/README.md",
        )
    found: dict[str, dict[int, str]] = defaultdict(dict)
    subsets: dict[str, str | None] = {}
    for line, row in read_rows(path, COLUMNS):
        where = f"{path}:{line}"
        movie, person, sentence = _read_person(row, where)
        if person in found[movie]:
            raise RhasError("a person twice", where=where, got=f"{movie}, person {person}")
        found[movie][person] = sentence
        subset = _read_subset(row, where)
        if subsets.setdefault(movie, subset) != subset:
            raise RhasError(
                "a film is in one subset, with all its persons",
                where=where,
                expected=f"{subsets[movie] or 'none'}, as on the lines before",
                got=subset or "none",
            )
    if not found:
        raise RhasError("no references in the table", where=str(path), do="add a line per person")
    return References(
        {movie: _in_order(persons, f"{path}, movie {movie}") for movie, persons in found.items()},
        subsets,
    )


def _read_person(row: Mapping[str, str], where: str) -> tuple[str, int, str]:
    movie, sentence = movie_name(row["movie"], where), row["reference"].strip()
    person = parse_whole(row["person"])
    if person is None:
        raise RhasError(
            "a person is a number", where=where, expected="0, 1, 2, ...", got=row["person"]
        )
    if not sentence:
        raise RhasError("an empty reference", where=where, do="describe the person")
    check_sentence(sentence, where)
    return movie, person, sentence


def _read_subset(row: Mapping[str, str], where: str) -> str | None:
    subset = row.get("subset", "").strip() or None
    if subset is not None and subset not in SUBSETS:
        raise RhasError("unknown subset", where=where, expected=", ".join(SUBSETS), got=subset)
    return subset


def _in_order(persons: Mapping[int, str], where: str) -> tuple[str, ...]:
    if sorted(persons) != list(range(len(persons))):
        raise RhasError(
            "persons of a film are numbered 0, 1, 2, ...",
            where=where,
            got=", ".join(map(str, sorted(persons))),
        )
    return tuple(persons[number] for number in sorted(persons))
