"""Films, references and annotations of others matched to a collection in the form of data/own."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rhas.base.classes import ALIASES
from rhas.base.errors import RhasError
from rhas.base.formatting import list_some
from rhas.config.decode import DecodeConfig
from rhas.data.annotations import TimedAction
from rhas.data.audit import Audit
from rhas.data.foreign_tables import Clock, ForeignAnnotation, ForeignReference
from rhas.data.formats.found import ForeignBoxes
from rhas.data.formats.keyframes import join_tracks
from rhas.data.labels import LabelMap, find_id_base
from rhas.data.persons import FoundFilms, FoundPersons, find_persons
from rhas.data.tables import parse_digits
from rhas.data.user_films import TOLERANCE_S, UserFilms
from rhas.decode.container import FilmInfo, inspect_once
from rhas.decode.judgement import judge_film
from rhas.stores.drawn import DrawnTrack

_RATE_TOLERANCE = 0.005  # 24 and 23.976 are the same rate for a frame number in the first minutes

_FINDINGS = {
    "damage": "damaged film",
    "shape": "film of an impossible shape",
    "clock": "film of impossible times",
    "gap": "pictures that stand long",
    "times": "pictures of one time",
}
"""Names of what `judge_film` finds."""


def match_tables(
    files: Mapping[str, Path],
    references: Sequence[ForeignReference],
    annotations: Sequence[ForeignAnnotation],
    labels: LabelMap,
    id_base: int | None,
    clock: Clock,
    audit: Audit,
    decode: DecodeConfig | None,
    boxes: Sequence[ForeignBoxes] = (),
) -> UserFilms:
    """Matches films, references and annotations; whatever does not fit becomes a finding.

    Args:
        files: film by movie.
        id_base: number of the first class, where given.
        clock: of the annotations; its rate is compared with the films'.
        decode: says which films are refused; None: they are judged elsewhere.
        boxes: drawn tracks as found.

    Returns:
        What is retained, with classes of ``labels`` and the new person numbers.
    """
    films = _inspect_films(files, decode, audit)
    persons = find_persons(references, films, audit)
    for movie in films.infos:
        if movie not in persons.references:
            audit.add("film without reference", str(files[movie]))
    known, unknown = _find_classes(annotations, labels, id_base, audit)
    frame_s = 0.0 if decode is None else 1 / decode.fps
    retained = _select_valid(known, films, persons, frame_s, audit)
    _select_valid(unknown, films, persons, frame_s, audit)  # reports whatever else they lack
    actions = _number_persons(retained, persons, audit)
    if annotations:
        _report_unannotated(persons, actions, audit)
    _compare_rates(retained, films, clock, audit)
    sentences = persons.sentences()
    audit.counts = {
        "films": len(sentences),
        "persons": sum(map(len, sentences.values())),
        "annotations": len(actions),
        "classes": len({row.action for row in actions}),
        "lines of annotations": len(annotations),
    }
    return UserFilms(
        {movie: files[movie] for movie in sentences},
        sentences,
        persons.subsets,
        actions,
        labels.classes,
        _match_boxes(boxes, films, persons, audit),
    )


def _match_boxes(
    rows: Sequence[ForeignBoxes], films: FoundFilms, persons: FoundPersons, audit: Audit
) -> dict[tuple[str, int], DrawnTrack]:
    """Drawn tracks by movie and new person number; what does not fit becomes a finding."""
    found: dict[tuple[str, int], list[ForeignBoxes]] = defaultdict(list)
    for row in rows:
        movie = films.resolve_name(row.movie, row.where, audit)
        if movie in films.infos and row.person in persons.references.get(movie, {}):
            found[movie, persons.new_number(movie, row.person)].append(row)
        else:
            place = f"{row.where}: {row.movie}, person {row.person}"
            audit.add("boxes of a person without reference", place)
    matched = {}
    for key, pieces in found.items():
        info, left_out = films.infos[key[0]], 0
        track = pieces[0].track
        if len(pieces) > 1:
            track, left_out = join_tracks([piece.track for piece in pieces])
        place = f"{pieces[-1].where}: {key[0]}, person {key[1]}"
        for _ in range(left_out):
            audit.add("two boxes of a person at one time", place)
        track = track.trim(math.inf if info.missing else info.seconds)
        matched[key], outside = track.drop_outside(*info.turned_size)
        if outside:
            audit.add("box outside the picture", f"{place}: {outside} keyframes")
    return matched


def _inspect_films(
    files: Mapping[str, Path], decode: DecodeConfig | None, audit: Audit
) -> FoundFilms:
    infos = {}
    for movie, path in files.items():
        try:
            infos[movie] = inspect_once(path)
        except RhasError as error:
            audit.add("unreadable film", str(error).replace("\n", ";"))
            continue
        for finding in judge_film(infos[movie], movie, decode) if decode else ():
            if finding.kind in ("shape", "clock"):
                infos.pop(movie, None)
            audit.add(_FINDINGS[finding.kind], str(finding.error).replace("\n", ";"))
    return FoundFilms(files, infos)


def _find_classes(
    rows: Sequence[ForeignAnnotation], labels: LabelMap, id_base: int | None, audit: Audit
) -> tuple[list[ForeignAnnotation], list[ForeignAnnotation]]:
    """Rows with their class, and those whose class is unknown."""
    numbers = [
        number
        for row in rows
        if row.action not in labels.renamed
        and row.action not in labels.classes.ids
        and (number := parse_digits(row.action)) is not None
    ]
    if numbers and not labels.names:
        table = rows[0].where.rpartition(":")[0]
        labels = replace(labels, base=find_id_base(numbers, id_base, table, labels.classes))
        audit.add("class numbers", f"the first class has number {labels.base}")
    known, unknown = [], []
    counts: Counter[str] = Counter()
    renamed: Counter[tuple[str, str]] = Counter()
    for row in rows:
        name, foreign = labels.find_class(row.action), labels.foreign_name(row.action)
        if name is None:
            kind = labels.describe_unknown(row.action, audit)
            audit.add("unknown class", f"{row.where}: {kind}", kind)
            unknown.append(row)
            continue
        if name != foreign and (labels.is_mapped(row.action) or not foreign.isdecimal()):
            renamed[foreign, name] += 1
        if name:
            counts[name] += 1
            known.append(replace(row, action=name))
    _report_classes(renamed, counts, audit)
    return known, unknown


def _report_classes(
    renamed: Mapping[tuple[str, str], int], counts: Mapping[str, int], audit: Audit
) -> None:
    for (foreign, name), count in sorted(renamed.items()):
        finding = "renamed by the label map" if name else "left out by the label map"
        audit.add(finding, f"{foreign} -> {name or 'nothing'}, {count} lines")
    for alias, usual in ALIASES.items():
        if counts[alias]:
            audit.add(
                "class under two names",
                f"{alias} in {counts[alias]} lines, {usual} in {counts[usual]}",
            )


def _select_valid(
    rows: Sequence[ForeignAnnotation], films: FoundFilms, persons: FoundPersons, frame_s: float,
    audit: Audit,
) -> list[ForeignAnnotation]:  # fmt: skip
    """Rows of a known person whose interval lies inside the film; the others become findings.

    Args:
        frame_s: seconds of a working frame; the last one may end after the film.
    """
    valid = []
    for found in rows:
        row = replace(found, movie=films.resolve_name(found.movie, found.where, audit))
        start_s, end_s = _round_times(row)
        numbers = persons.references.get(row.movie, {})
        place = f"{row.where}: {row.movie}, person {row.person}, {row.action}"
        if parse_digits(row.person) is None:
            audit.add("suspicious person id", f"{row.where}: {row.person!r}, expected a number")
        elif row.movie not in films.infos:
            if row.movie not in films.files:
                audit.add("annotation without film", place + films.suggest_movie(row.movie, audit))
        elif row.person not in numbers:
            listed = f"references are of {list_some(numbers)}" if numbers else "the film has none"
            audit.add("person without reference", f"{place}; {listed}")
        elif end_s <= start_s:
            audit.add("interval without length", f"{place}, {start_s:.3f} to {end_s:.3f} s")
        elif _is_inside(row, films.infos[row.movie], place, frame_s, audit):
            valid.append(replace(row, start_s=max(row.start_s, 0.0)))
    return valid


def _round_times(row: ForeignAnnotation) -> tuple[float, float]:
    """Start and end to the millisecond, as `write_annotations` writes them."""
    return round(row.start_s, 3), round(row.end_s, 3)


def _is_inside(
    row: ForeignAnnotation, info: FilmInfo, place: str, frame_s: float, audit: Audit
) -> bool:
    length = math.inf if info.missing else info.seconds
    times = f"{place}, {row.start_s:.3f} to {row.end_s:.3f} s of {length:.3f} s"
    start_s, end_s = _round_times(row)
    end_limit = length + TOLERANCE_S
    if not (0 <= start_s < length and end_s <= end_limit and math.isfinite(end_s)):
        audit.add("interval outside the film", times)
        return False
    if row.end_s > length + frame_s:
        audit.add("ends after the film", times)
    return True


def _number_persons(
    rows: Sequence[ForeignAnnotation], persons: FoundPersons, audit: Audit
) -> list[TimedAction]:
    """Annotations with the new person numbers, without duplicates, in the references' order."""
    places: dict[TimedAction, str] = {}
    for row in rows:
        person = persons.new_number(row.movie, row.person)
        action = TimedAction(row.movie, person, row.action, row.start_s, row.end_s)
        if action in places:
            audit.add("duplicate", f"{row.where}: as {places[action]}")
        places.setdefault(action, row.where)
    order = {movie: n for n, movie in enumerate(persons.references)}
    actions = sorted(places, key=lambda a: (order[a.movie], a.person, a.start_s, a.end_s, a.action))
    _report_overlaps(actions, places, audit)
    return actions


def _report_overlaps(
    actions: Sequence[TimedAction], places: Mapping[TimedAction, str], audit: Audit
) -> None:
    """Findings of intervals of one person and class that overlap, with both their lines."""
    latest: dict[tuple[str, int, str], TimedAction] = {}
    for action in actions:
        key = (action.movie, action.person, action.action)
        before = latest.get(key)
        if before is not None and action.start_s < before.end_s:
            audit.add(
                "overlap of one class",
                f"{places[action]}: {action.action}, {action.start_s:.3f} to {action.end_s:.3f} s; "
                f"{places[before]}: {before.start_s:.3f} to {before.end_s:.3f} s",
            )
        if before is None or action.end_s > before.end_s:
            latest[key] = action


def _report_unannotated(
    persons: FoundPersons, actions: Sequence[TimedAction], audit: Audit
) -> None:
    annotated = {(action.movie, action.person) for action in actions}
    for movie, references in persons.references.items():
        without = [person for n, person in enumerate(references) if (movie, n) not in annotated]
        if len(without) == len(references):
            audit.add("film without annotations", movie)
        else:
            for person in without:
                audit.add("person without annotations", f"{movie}, person {person}")


def _compare_rates(
    rows: Sequence[ForeignAnnotation], films: FoundFilms, clock: Clock, audit: Audit
) -> None:
    if clock.fps is None:
        return
    for movie in sorted({row.movie for row in rows}):
        rate = float(films.infos[movie].rate)
        if abs(rate / clock.fps - 1) > _RATE_TOLERANCE:
            audit.add("frame rates differ", f"{movie}: --fps {clock.fps:g}, film {rate:.3f}")
