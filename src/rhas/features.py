"""From films and references to feature stores in one go (`rhas features`), outside DVC."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.base.names import movie_name
from rhas.config.params import FilmParams
from rhas.crop import crop_film
from rhas.decode import decode_film
from rhas.engine.jobs import crop_job, decode_job, extract_job, ground_job
from rhas.engine.stage import stage_lock, try_compute
from rhas.engine.workcache import Entry, WorkCache, link
from rhas.extract import extract_film
from rhas.ground import ground_film


def extract_features(
    films: Sequence[Path],
    references: Sequence[str],
    params: FilmParams,
    cache: WorkCache,
    out: Path,
) -> dict[str, BaseException]:
    """Decodes, grounds, crops and extracts films; returns the failures by movie.

    Writes ``out/{frames,boxes,tracks,features}/<movie>.*`` as the DVC stages do, and
    ``out/report.json``. A film that cannot be opened, cannot be named so, or fails in one step
    leaves nothing and stops no other film.

    Args:
        films: files; their stems name the movies and must differ.
        references: sentences, one per person to find in every film.
        params: of the film's stages.
        cache: where results are kept and looked up.
        out: folder to write, made where missing.

    Raises:
        RhasError: two films of one name.
    """
    movies, failures = _movies(films)
    report: dict[str, dict[str, Any]] = {name: {} for name in movies}
    report |= {name: {"decode": {"error": str(error)}} for name, error in failures.items()}

    def step(stage: str, function: Any, jobs: Sequence[Any], folder: str) -> dict[str, Entry]:
        with stage_lock(stage, cache.root):
            entries, failed = try_compute(cache, stage, function, jobs)
            failures.update(failed)
            for job in jobs:
                if job.name in entries:
                    _replace(entries[job.name].result, out / folder / job.target)
                    report[job.name][stage] = entries[job.name].report
                else:
                    report[job.name][stage] = {"error": str(failed[job.name])}
            return entries

    jobs = [decode_job(name, film, params.decode) for name, film in movies.items()]
    decoded = step("decode", decode_film, jobs, "frames")
    frames = {name: entry.result for name, entry in decoded.items()}
    grounded = step(
        "ground",
        ground_film,
        [ground_job(n, references, frames[n], out / "no-truth", params.ground) for n in frames],
        "boxes",
    )
    tracked = step(
        "crop",
        crop_film,
        [crop_job(n, frames[n], grounded[n].result, params.crop) for n in grounded],
        "tracks",
    )
    step(
        "extract",
        extract_film,
        [extract_job(n, frames[n], tracked[n].result, params.extract) for n in tracked],
        "features",
    )
    write_json(out / "report.json", report)
    return failures


def _movies(films: Sequence[Path]) -> tuple[dict[str, Path], dict[str, BaseException]]:
    """The films that can be tried by name, and what is wrong with the others by theirs."""
    movies: dict[str, Path] = {}
    failures: dict[str, BaseException] = {}
    for film in films:
        name, where = _told(film.stem), _told(str(film))
        problem: RhasError | None = None
        try:
            name = movie_name(film.stem, where)
            film.open("rb").close()
        except RhasError as error:
            problem = error
        except OSError as error:
            problem = RhasError("the film cannot be opened", where=where, got=str(error.strerror),
                                do="check the path")  # fmt: skip
        if name in movies or name in failures:
            raise RhasError("two films of one name", got=name, do="rename one of them")
        if problem is None:
            movies[name] = film
        else:
            failures[name] = problem
    return movies, failures


def _told(name: str) -> str:
    """Bytes of a file's name that are no UTF-8 as ``\\udcff``, so that it can be written."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    link(source, target)
