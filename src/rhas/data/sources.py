"""What an export reads: the folder of `rhas segment`, ``results/`` with ``data/``, a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import read_csv, read_json
from rhas.base.names import movie_name, unknown_name
from rhas.base.units import seconds_to_frame
from rhas.data.actions import ActionInterval, FilmActions, FilmFrames, PersonActions
from rhas.data.annotations import read_annotations
from rhas.data.films import name_films
from rhas.data.intervals import ScoredInterval, read_intervals
from rhas.decode.container import FilmInfo, inspect_film
from rhas.engine.workcache import WorkCache
from rhas.stores.frames import open_frames
from rhas.stores.manifest import Film, Manifest
from rhas.stores.tracks import FilmTracks
from rhas.stores.truth import TrueBoxes

_SEGMENT, _RESULTS, _MANIFEST = "intervals.json", "intervals.csv", "manifest.json"
_EXPECTED = (
    f"the folder of `rhas segment` ({_SEGMENT}), results/ ({_RESULTS}), or data/ with "
    f"raw/{_MANIFEST}"
)


@dataclass(frozen=True)
class ExportRequest:
    """What to export.

    Args:
        source: the folder of `rhas segment`, ``results/``, ``data/`` or ``data/raw/``.
        data: the folder ``data/`` that ``results/`` belong to; None: the one beside them.
        films: folder of the film files; None: those of the data set.
        movies: which ones; none: all.
        fps: working rate of films that have not been decoded.
        min_score: intervals with a lower score are left out.
    """

    source: Path
    data: Path | None = None
    films: Path | None = None
    movies: Sequence[str] = ()
    fps: float = 15.0
    min_score: float = 0.0


def read_films(request: ExportRequest) -> list[FilmActions]:
    """What the persons of the source's films did, by film.

    Raises:
        RhasError: not one of these folders, a film that is not there, no film; what the stores
            raise.
    """
    request = replace(request, movies=[movie_name(m, "--movie") for m in request.movies])
    source = request.source
    if (source / _SEGMENT).is_file():
        return [_read_segmented(request)]
    if (source / "raw" / _MANIFEST).is_file():
        return _read_data_set(source / "raw", source, request)
    if (source / _MANIFEST).is_file():
        return _read_data_set(source, source.parent, request)
    if (source / _RESULTS).is_file():
        data = request.data or source.parent / "data"
        if not (data / "raw" / _MANIFEST).is_file():
            raise RhasError(
                "the data that the results were made from are not there",
                where=str(data),
                expected=f"raw/{_MANIFEST}, tracks/ and frames/",
                do="name the folder with --data",
            )
        return _read_results(source / _RESULTS, data, request)
    raise RhasError("nothing to export", where=str(source), expected=_EXPECTED)


def _read_segmented(request: ExportRequest) -> FilmActions:
    folder = request.source
    record = read_json(folder / _SEGMENT, do="run `rhas segment` again")
    tracks = FilmTracks.read(folder / "tracks.h5")
    for movie in request.movies:
        if movie != tracks.info.movie:
            raise unknown_name("movie", movie, [tracks.info.movie], str(folder))
    decoded = [entry for entry in WorkCache(folder / ".work").list_entries()
               if entry.stage == "decode" and entry.report.get("frames") == len(tracks)
               and entry.name == tracks.info.movie]  # fmt: skip
    info = _find_film(request.films, tracks.info.movie, None)
    if decoded:
        film = _read_frames(decoded[-1].result, info)
    elif info is not None:
        film = _measure_film(record, info, tracks, folder)
    else:
        raise RhasError(
            "the frames of the film are gone",
            where=str(folder / ".work"),
            do="name the film with --films, or run `rhas segment` again: it writes them beside its "
            "tables",
        )
    try:
        said = [
            [ActionInterval(i["action"], i["start_frame"], i["end_frame"], i["score"])
             for i in person["intervals"] if i["score"] >= request.min_score]
            for person in record["persons"]
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise RhasError(
            "not the intervals of `rhas segment`", where=str(folder / _SEGMENT), got=repr(error)
        ) from error
    named = replace(film, file=str(record.get("film", film.file)))
    return _join_tracks(named, tracks.references, said, tracks)


def _measure_film(
    record: Mapping[str, Any], info: FilmInfo, tracks: FilmTracks, folder: Path
) -> FilmFrames:
    """The frames of a film without its frames store."""
    size = record.get("frame_size")
    if not isinstance(size, list) or len(size) != 2:
        raise RhasError(
            "the size of the frames is unknown: an earlier version wrote the folder",
            where=str(folder / _SEGMENT),
            do="run `rhas segment` again",
        )
    film = FilmFrames.of_film(tracks.info.movie, info, record["fps"])
    if len(film) != len(tracks):
        raise RhasError(
            "another film than the one that was segmented",
            where=str(info.path),
            expected=f"{len(tracks)} frames at {record['fps']:g} a second",
            got=str(len(film)),
            do="name the film that was segmented: --films",
        )
    return replace(film, width=size[0], height=size[1])


def _read_data_set(raw: Path, data: Path, request: ExportRequest) -> list[FilmActions]:
    manifest, rows = Manifest.read(raw), read_annotations(raw)
    films = []
    for film in _choose_films(manifest.films, request.movies, str(raw)):
        frames = _read_film(film, raw, data, request)
        found = [
            [_round_interval(r.action, r.start_s, r.end_s, None, frames) for r in rows
             if (r.movie, r.person) == (film.movie, number)]
            for number in range(len(film.references))
        ]  # fmt: skip
        said = [[i for i in intervals if i is not None] for intervals in found]
        truth = raw / "truth" / f"{film.movie}.h5"
        if manifest.truth and truth.is_file():
            films.append(_join_truth(frames, film.references, said, TrueBoxes.read(truth)))
        else:
            films.append(_join_tracks(frames, film.references, said, _find_tracks(data, film)))
    return films


def _read_results(path: Path, data: Path, request: ExportRequest) -> list[FilmActions]:
    table = read_intervals(path)
    manifest = Manifest.read(data / "raw")
    predicted = _find_predicted(path.parent, table.intervals)
    chosen = [film for film in manifest.films if film.movie in predicted]
    films = []
    for film in _choose_films(chosen, request.movies, str(path)):
        frames = _read_film(film, data / "raw", data, request)
        found = [
            [_round_interval(i.action, i.start_s, i.end_s, i.score, frames)
             for i in table.intervals
             if (i.movie, i.person) == (film.movie, str(number)) and i.score >= request.min_score]
            for number in range(len(film.references))
        ]  # fmt: skip
        said = [[i for i in intervals if i is not None] for intervals in found]
        films.append(_join_tracks(frames, film.references, said, _find_tracks(data, film)))
    return films


def _find_predicted(results: Path, intervals: Iterable[ScoredInterval]) -> set[str]:
    """Movies with a prediction: those of persons.csv too, which may have no interval."""
    movies = {i.movie for i in intervals}
    persons = results / "persons.csv"
    if persons.is_file():
        movies |= {row["movie"] for row in read_csv(persons, do="run `dvc repro evaluate`")}
    return movies


def _choose_films(films: Sequence[Film], movies: Sequence[str], where: str) -> list[Film]:
    known = [film.movie for film in films]
    for movie in movies:
        if movie not in known:
            raise unknown_name("movie", movie, known, where)
    chosen = [film for film in films if not movies or film.movie in movies]
    if not chosen:
        raise RhasError("no film to export", where=where)
    return chosen


def _find_film(folder: Path | None, movie: str, file: Path | None) -> FilmInfo | None:
    """The container of a film: of the given folder, otherwise of its own file where it exists."""
    if folder is not None:
        files = name_films(folder)
        if movie not in files:
            raise RhasError("the film is not in the folder", where=str(folder), expected=movie)
        return inspect_film(files[movie])
    return inspect_film(file) if file is not None and file.is_file() else None


def _read_film(film: Film, raw: Path, data: Path, request: ExportRequest) -> FilmFrames:
    info = _find_film(request.films, film.movie, raw / film.file)
    store = data / "frames" / f"{film.movie}.h5"
    if store.is_file():
        return _read_frames(store, info)
    if info is None:
        raise RhasError(
            "neither the film nor its frames are there",
            where=film.movie,
            expected=f"{raw / film.file} or {store}",
            do="name the folder of the films: --films",
        )
    return FilmFrames.of_film(film.movie, info, request.fps)


def _read_frames(path: Path, film: FilmInfo | None) -> FilmFrames:
    with open_frames(path) as store:
        return FilmFrames.of_store(store.info, store.time, film, str(path))


def _find_tracks(data: Path, film: Film) -> FilmTracks | None:
    path = data / "tracks" / f"{film.movie}.h5"
    return FilmTracks.read(path) if path.is_file() else None


def _round_interval(
    action: str, start_s: float, end_s: float, score: float | None, film: FilmFrames
) -> ActionInterval | None:
    """An interval in working frames inside the film, of a frame at least; None outside it."""
    start = seconds_to_frame(start_s, film.fps)
    stop = min(max(seconds_to_frame(end_s, film.fps), start + 1), len(film))
    return ActionInterval(action, start, stop, score) if start < stop else None


def _join_tracks(
    film: FilmFrames,
    references: Sequence[str],
    said: Sequence[Sequence[ActionInterval]],
    tracks: FilmTracks | None,
) -> FilmActions:
    if tracks is not None and len(tracks.persons) != len(references):
        raise RhasError(
            "tracks of other persons",
            where=film.movie,
            expected=f"{len(references)} persons",
            got=str(len(tracks.persons)),
            do="run `dvc repro crop`",
        )
    persons = [
        PersonActions.without_boxes(reference, intervals, len(film))
        if tracks is None
        else PersonActions(
            reference, tuple(intervals), tracks.persons[n].boxes, tracks.persons[n].scores,
            tracks.persons[n].source,
        )
        for n, (reference, intervals) in enumerate(zip(references, said, strict=True))
    ]  # fmt: skip
    return FilmActions(film, tuple(persons))


def _join_truth(
    film: FilmFrames,
    references: Sequence[str],
    said: Sequence[Sequence[ActionInterval]],
    truth: TrueBoxes,
) -> FilmActions:
    """True boxes at working frames: those of the nearest source frame."""
    boxes = truth.find_boxes(film.times[film.shown], film.width, film.height)  # (T, P, 4)
    present = np.all(boxes[..., 2:] > boxes[..., :2], axis=-1)  # (T, P)
    boxes[~present] = np.nan
    return FilmActions(
        film,
        tuple(
            PersonActions(
                reference, tuple(intervals), boxes[:, n], present[:, n].astype(np.float32),
                present[:, n].astype(np.uint8),
            )
            for n, (reference, intervals) in enumerate(zip(references, said, strict=True))
        ),
    )  # fmt: skip
