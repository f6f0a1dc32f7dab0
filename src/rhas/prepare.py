"""Prepare: the films of a data set, their references and annotations, and a manifest of them.

``mini`` renders RHAS-mini, the built-in data set; ``own`` verifies a folder of the user's own films
(data/own/README.md).
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rhas.errors import RhasError
from rhas.jpegstore import create_dataset, create_h5
from rhas.manifest import Film, Manifest, TimedAction, read_annotations, write_annotations
from rhas.mini import FilmSpec, FilmTruth, MiniConfig, film_specs, write_film
from rhas.workcache import Entry, Job, Progress, link, sha256

FILM_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".ts")


def mini_jobs(config: MiniConfig) -> list[Job]:
    """One job per film of RHAS-mini."""
    return [
        Job(
            spec.movie,
            {},
            {"spec": asdict(spec)},
            spec.movie,
            size=float(round(spec.seconds * spec.rate)),
        )
        for spec in film_specs(config)
    ]


def render_film(
    inputs: Mapping[str, Path], arguments: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Renders one film of RHAS-mini into the folder ``out``: film, truth.h5 and film.json."""
    spec = FilmSpec(**arguments["spec"])
    out.mkdir()
    truth = write_film(spec, out, progress)
    _write_truth(out / "truth.h5", spec, truth)
    facts = {
        "movie": spec.movie,
        "file": next(p.name for p in out.iterdir() if p.stem == spec.movie),
        "subset": spec.subset,
        "references": list(truth.references),
        "intervals": [list(interval) for interval in truth.intervals],
    }
    (out / "film.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return {
        "source_frames": len(truth.boxes),
        "persons": len(truth.references),
        "intervals": len(truth.intervals),
    }


def assemble_mini(entries: Sequence[Entry], out: Path) -> None:
    """The folder data/raw (DESIGN.md, Files) of rendered films."""
    films, annotations = [], []
    (out / "films").mkdir()
    (out / "truth").mkdir()
    for entry in entries:
        facts = json.loads((entry.result / "film.json").read_text("utf-8"))
        movie, file = facts["movie"], f"films/{facts['file']}"
        link(entry.result / facts["file"], out / file)
        link(entry.result / "truth.h5", out / "truth" / f"{movie}.h5")
        films.append(
            Film(movie, file, sha256(out / file), tuple(facts["references"]), facts["subset"])
        )
        annotations += [TimedAction(movie, *interval) for interval in facts["intervals"]]
    _write_tables(Manifest("mini", tuple(films), truth=True), annotations, out)


def assemble_own(source: Path, out: Path) -> None:
    """The folder data/raw of the user's own films; nothing of ``source`` is changed.

    Args:
        source: a folder with ``films/``, ``references.csv`` (film, person, reference and, at will,
            subset) and, for training, ``annotations.csv``.

    Raises:
        RhasError: names the file and line of what is missing, unknown or twice there.
    """
    references, subsets = _read_references(source / "references.csv")
    files = _find_films(source / "films", list(references))
    annotations = read_annotations(source)
    for row in annotations:
        if row.person >= len(references.get(row.movie, ())):
            raise RhasError(
                "an annotation of a film or person without reference",
                where=str(source / "annotations.csv"),
                got=f"movie {row.movie}, person {row.person}",
                do="add the person to references.csv, or remove the line",
            )
    (out / "films").mkdir()
    films = []
    for movie, sentences in references.items():
        file = f"films/{files[movie].name}"
        link(files[movie], out / file)
        films.append(Film(movie, file, sha256(out / file), sentences, subsets.get(movie)))
    _write_tables(Manifest("own", tuple(films)), annotations, out)


def read_truth(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """True boxes of a rendered film: boxes float32 (F, P, 4) in pixels of the source frame, NaN
    where not visible; visible float32 (F, P) in [0, 1]; time float64 (F,) in seconds; and the
    source's (width, height). F counts source frames."""
    with h5py.File(path) as file:
        size = (int(file.attrs["width"]), int(file.attrs["height"]))
        return file["boxes"][:], file["visible"][:], file["time"][:], size


def _write_truth(path: Path, spec: FilmSpec, truth: FilmTruth) -> None:
    with create_h5(path) as file:
        file.attrs["width"], file.attrs["height"] = spec.width, spec.height
        create_dataset(file, "boxes", truth.boxes.astype(np.float32))
        create_dataset(file, "visible", truth.visible.astype(np.float32))
        create_dataset(file, "time", np.arange(len(truth.boxes)) / float(spec.rate))
        create_dataset(file, "cuts", np.asarray(truth.cuts, np.int32))


def _write_tables(manifest: Manifest, annotations: list[TimedAction], out: Path) -> None:
    manifest.write(out)
    write_annotations(out, annotations)
    with (out / "references.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["movie", "person", "reference"])
        for film in manifest.films:
            writer.writerows([film.movie, p, text] for p, text in enumerate(film.references))


def _read_references(path: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    if not path.is_file():
        raise RhasError(
            "no references",
            where=str(path),
            expected="a table: movie, person, reference",
            do="see data/own/README.md",
        )
    found: dict[str, dict[int, str]] = defaultdict(dict)
    subsets: dict[str, str] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            where = f"{path}:{line}"
            try:
                movie, person, text = row["movie"], int(row["person"]), row["reference"].strip()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise RhasError(
                    "malformed line",
                    where=where,
                    expected="movie, person (a number), reference",
                    got=str(dict(row)),
                ) from error
            if not text:
                raise RhasError("an empty reference", where=where, do="describe the person")
            if person in found[movie]:
                raise RhasError("a person twice", where=where, got=f"{movie}, person {person}")
            found[movie][person] = text
            if row.get("subset"):
                subsets[movie] = row["subset"]
    if not found:
        raise RhasError("no references in the table", where=str(path), do="add a line per person")
    for movie, persons in found.items():
        if sorted(persons) != list(range(len(persons))):
            raise RhasError(
                "persons of a film are numbered 0, 1, 2, ...",
                where=f"{path}, movie {movie}",
                got=", ".join(map(str, sorted(persons))),
            )
    texts = {m: tuple(persons[p] for p in sorted(persons)) for m, persons in found.items()}
    return texts, subsets


def _find_films(folder: Path, movies: Sequence[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() not in FILM_SUFFIXES:
            continue
        if path.stem in files:
            raise RhasError(
                "two films of one name",
                where=str(folder),
                got=f"{files[path.stem].name}, {path.name}",
                do="rename one of them",
            )
        files[path.stem] = path
    missing = [movie for movie in movies if movie not in files]
    if missing:
        raise RhasError(
            "films of references.csv are missing",
            where=str(folder),
            got=", ".join(missing),
            expected=f"a file <movie>{{{','.join(FILM_SUFFIXES)}}}",
            do="add the film or remove its lines",
        )
    return files
