"""Films with sentences and annotations, of whatever table, to the form of data/own."""

from __future__ import annotations

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rhas.base.classes import ALIASES
from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.data.audit import Audit
from rhas.data.labels import LabelMap, id_base
from rhas.data.rows import Clock, Reference, Row
from rhas.decode.container import FilmInfo, inspect
from rhas.prepare.own import FILM_SUFFIXES, LATE_S
from rhas.stores.manifest import SUBSETS, TimedAction

_OTHER_ENDINGS = {".gif", ".m2v", ".mjpeg", ".mxf", ".ogm", ".rm", ".rmvb", ".vob", ".y4m"}
_RATE_TOLERANCE = 0.005  # 24 and 23.976 are the same rate for a frame number in the first minutes


@dataclass(frozen=True)
class Collection:
    """What an import keeps.

    Args:
        files: film by movie.
        references: sentences by movie, by person 0, 1, 2, ...
        subsets: train, val, test or None by movie.
        annotations: with classes of RHAS133 and the new person numbers.
    """

    files: dict[str, Path]
    references: dict[str, tuple[str, ...]]
    subsets: dict[str, str | None]
    annotations: list[TimedAction]


def tell_other_endings(folder: Path, audit: Audit) -> None:
    """A finding for every film beside those of `find_films` whose ending the stages do not read."""
    for path in sorted(_place(folder).iterdir()):
        if path.suffix.lower() in _OTHER_ENDINGS and not path.name.startswith("."):
            audit.add("film of another ending", f"{path}, expected {' '.join(FILM_SUFFIXES)}")


def _place(folder: Path) -> Path:
    return folder / "films" if (folder / "films").is_dir() else folder


def find_films(folder: Path) -> dict[str, Path]:
    """Film files of a folder, or of its subfolder ``films``, by movie.

    Raises:
        RhasError: no folder, no film, two films of one name, a name that is no plain one.
    """
    place = _place(folder)
    if not place.is_dir():
        raise RhasError("no such folder", where=str(folder), expected="a folder of films")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() in FILM_SUFFIXES and not path.name.startswith("."):
            name = movie_name(path.stem, str(path))
            if name in found:
                raise RhasError(
                    "two films of one name",
                    where=str(place),
                    got=f"{found[name].name}, {path.name}",
                    do="rename one of them",
                )
            found[name] = path
    if not found:
        raise RhasError("no film in the folder", where=str(place), expected=" ".join(FILM_SUFFIXES))
    return found


def collect(
    films: dict[str, Path],
    references: Sequence[Reference],
    rows: Sequence[Row],
    labels: LabelMap,
    base: int | None,
    clock: Clock,
    audit: Audit,
    look: Callable[[Path], FilmInfo] = inspect,
) -> Collection:
    """Matches films, references and annotations; whatever does not fit becomes a finding.

    Args:
        base: number of the first class, where given.
        clock: of the annotations; its rate is compared with the films'.
        look: tells what a film holds.
    """
    infos = _inspect(films, look, audit)
    persons, subsets = _persons(references, films, infos, audit)
    for movie in films:
        if movie in infos and movie not in persons:
            audit.add("film without reference", str(films[movie]))
    known, unknown = _classes(rows, labels, base, audit)
    kept = _fitting(known, films, persons, infos, audit)
    _fitting(unknown, films, persons, infos, audit)  # whatever else they lack is told at once
    annotations = _numbered(kept, persons, audit)
    _tell_unannotated(persons, annotations, bool(rows), audit)
    if clock.fps is not None:
        for movie in sorted({row.movie for row in kept}):
            rate = float(infos[movie].rate)
            if abs(rate / clock.fps - 1) > _RATE_TOLERANCE:
                audit.add("frame rates differ", f"{movie}: --fps {clock.fps:g}, film {rate:.3f}")
    audit.counts = {
        "films": len(persons),
        "persons": sum(map(len, persons.values())),
        "annotations": len(annotations),
        "classes": len({row.action for row in annotations}),
        "lines of annotations": len(rows),
    }
    return Collection(
        {movie: films[movie] for movie in persons},
        {movie: tuple(text for _, text in own) for movie, own in persons.items()},
        {movie: subsets[movie] for movie in persons},
        annotations,
    )


def _inspect(
    films: dict[str, Path], look: Callable[[Path], FilmInfo], audit: Audit
) -> dict[str, FilmInfo]:
    infos = {}
    for movie, path in films.items():
        try:
            infos[movie] = look(path)
        except RhasError as error:
            audit.add("unreadable film", str(error).replace("\n", ";"))
            continue
        if infos[movie].missing or infos[movie].torn:
            lost = infos[movie].missing + len(infos[movie].torn)
            audit.add("damaged film", f"{path}: about {lost} pictures are lost")
    return infos


_Persons = dict[str, list[tuple[str, str]]]  # by movie: (the person's foreign number, sentence)


def _persons(
    references: Sequence[Reference],
    films: dict[str, Path],
    infos: dict[str, FilmInfo],
    audit: Audit,
) -> tuple[_Persons, dict[str, str | None]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    subsets: dict[str, str | None] = {}
    for row in references:
        movie = _known_movie(row.movie, row.where, films, audit)
        if movie not in infos:
            if movie not in films:
                audit.add("reference without film", f"{row.where}: {movie}{_near(movie, films)}")
            continue
        if not row.person.isdecimal():
            audit.add("suspicious person id", f"{row.where}: {row.person!r}, expected a number")
        elif not row.text:
            audit.add("empty reference", f"{row.where}: {movie}, person {row.person}")
        elif row.person in found[movie]:
            audit.add("person twice in references", f"{row.where}: {movie}, person {row.person}")
        else:
            found[movie][row.person] = row.text
            subset = _subset(row, audit)
            if subsets.setdefault(movie, subset) != subset:
                audit.add("unknown subset", f"{row.where}: {movie} is in {subsets[movie]}, too")
    persons: _Persons = {}
    for movie, own in found.items():
        if own:
            order = sorted(own, key=lambda person: (int(person), person))
            persons[movie] = [(person, own[person]) for person in order]
            numbers = Counter(int(person) for person in order)
            for number in (n for n, count in numbers.items() if count > 1):
                alike = [repr(person) for person in order if int(person) == number]
                audit.add("persons alike but for spelling", f"{movie}: {', '.join(alike)}")
            if order != [str(n) for n in range(len(order))]:
                moved = [(person, n) for n, person in enumerate(order) if person != str(n)]
                pairs = ", ".join(f"{person} -> {n}" for person, n in moved)
                audit.add("persons renumbered", f"{movie}: {pairs}")
    return persons, {movie: subsets.get(movie) for movie in persons}


def _subset(row: Reference, audit: Audit) -> str | None:
    if row.subset and row.subset not in SUBSETS:
        audit.add("unknown subset", f"{row.where}: {row.subset!r}, expected {', '.join(SUBSETS)}")
        return None
    return row.subset or None


def _known_movie(name: str, where: str, films: dict[str, Path], audit: Audit) -> str:
    stem = name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in FILM_SUFFIXES else name
    if name not in films and stem in films:
        audit.add("name with an ending", f"{where}: {name}")
        return stem
    return name


def _classes(
    rows: Sequence[Row], labels: LabelMap, base: int | None, audit: Audit
) -> tuple[list[Row], list[Row]]:
    """Lines with their class, and those whose class is unknown."""
    numbers = [
        int(row.action)
        for row in rows
        if row.action.isdecimal() and row.action not in labels.renamed
    ]
    if numbers and not labels.names:
        base = id_base(numbers, base, rows[0].where.rpartition(":")[0])
        labels = replace(labels, base=base)
        audit.add("class numbers", f"the first class has number {base}")
    kept, unknown = [], []
    aliased: Counter[str] = Counter()
    renamed: Counter[tuple[str, str]] = Counter()
    for row in rows:
        name = labels.class_of(row.action)
        if name is None:
            hint = labels.hint(row.action)
            audit.add("unknown class", f"{row.where}: {hint}", hint)
            unknown.append(row)
            continue
        foreign = labels.foreign(row.action)
        mapped = not labels.renamed.keys().isdisjoint((row.action, foreign))
        if name != foreign and (mapped or not foreign.isdecimal()):
            renamed[foreign, name] += 1
        if name:
            aliased[name] += 1
            kept.append(replace(row, action=name))
    for (foreign, name), count in sorted(renamed.items()):
        finding = "renamed by the label map" if name else "left out by the label map"
        audit.add(finding, f"{foreign} -> {name or 'nothing'}, {count} lines")
    for name, usual in ALIASES.items():
        if aliased[name]:
            audit.add(
                "class under two names",
                f"{name} in {aliased[name]} lines, {usual} in {aliased[usual]}",
            )
    return kept, unknown


def _fitting(
    rows: Sequence[Row],
    films: dict[str, Path],
    persons: _Persons,
    infos: dict[str, FilmInfo],
    audit: Audit,
) -> list[Row]:
    kept = []
    for found in rows:
        row = replace(found, movie=_known_movie(found.movie, found.where, films, audit))
        start_s, end_s = _written(row)
        own = [person for person, _ in persons.get(row.movie, ())]
        said = f"{row.where}: {row.movie}, person {row.person}, {row.action}"
        if not row.person.isdecimal():
            audit.add("suspicious person id", f"{row.where}: {row.person!r}, expected a number")
        elif row.movie not in infos:
            if row.movie not in films:
                audit.add("annotation without film", said + _near(row.movie, films))
        elif row.person not in own:
            there = f"; references are of {', '.join(own)}" if own else "; the film has none"
            audit.add("person without reference", said + there)
        elif end_s <= start_s:
            audit.add("interval without length", f"{said}, {start_s:.3f} to {end_s:.3f} s")
        elif _inside(row, infos[row.movie], said, audit):
            kept.append(replace(row, start_s=max(row.start_s, 0.0)))
    return kept


def _written(row: Row) -> tuple[float, float]:
    """Start and end to the millisecond, as `write_annotations` writes them."""
    return round(row.start_s, 3), round(row.end_s, 3)


def _inside(row: Row, info: FilmInfo, said: str, audit: Audit) -> bool:
    length = math.inf if info.missing or info.torn else info.seconds
    times = f"{said}, {row.start_s:.3f} to {row.end_s:.3f} s of {length:.3f} s"
    start_s, end_s = _written(row)
    if start_s < 0 or start_s >= length or end_s > length + LATE_S:
        audit.add("interval outside the film", times)
        return False
    if row.end_s > length:
        audit.add("ends after the film", times)
    return True


def _numbered(rows: Sequence[Row], persons: _Persons, audit: Audit) -> list[TimedAction]:
    """With the new person numbers, duplicates taken out, in the order of the references."""
    number = {
        (movie, person): n for movie, own in persons.items() for n, (person, _) in enumerate(own)
    }
    first: dict[TimedAction, str] = {}
    for row in rows:
        person = number[row.movie, row.person]
        action = TimedAction(row.movie, person, row.action, row.start_s, row.end_s)
        if action in first:
            audit.add("duplicate", f"{row.where}: as {first[action]}")
        first.setdefault(action, row.where)
    films = {movie: n for n, movie in enumerate(persons)}
    actions = sorted(first, key=lambda a: (films[a.movie], a.person, a.start_s, a.end_s, a.action))
    last: dict[tuple[str, int, str], TimedAction] = {}
    for action in actions:
        key = (action.movie, action.person, action.action)
        before = last.get(key)
        if before is not None and action.start_s < before.end_s:
            audit.add(
                "overlap of one class",
                f"{first[action]}: {action.action}, {action.start_s:.3f} to {action.end_s:.3f} s; "
                f"{first[before]}: {before.start_s:.3f} to {before.end_s:.3f} s",
            )
        if before is None or action.end_s > before.end_s:
            last[key] = action
    return actions


def _tell_unannotated(
    persons: _Persons, annotations: Sequence[TimedAction], annotated: bool, audit: Audit
) -> None:
    if not annotated:
        return
    there = {(action.movie, action.person) for action in annotations}
    for movie, own in persons.items():
        without = [person for n, (person, _) in enumerate(own) if (movie, n) not in there]
        if len(without) == len(own):
            audit.add("film without annotations", movie)
        else:
            for person in without:
                audit.add("person without annotations", f"{movie}, person {person}")


def _near(movie: str, films: dict[str, Path]) -> str:
    near = difflib.get_close_matches(movie, films, n=1)
    return f", did you mean '{near[0]}'?" if near else ""
