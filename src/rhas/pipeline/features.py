"""From films and references to feature stores in one go (`rhas features`), outside DVC."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file, write_json
from rhas.base.names import add_film, movie_name
from rhas.base.sentences import check_references
from rhas.config.params import FilmParams
from rhas.engine.leases import exclusive_lease, in_use
from rhas.engine.stage import LOCK, try_jobs
from rhas.engine.steps import FilmFiles
from rhas.engine.workcache import Entry, WorkCache, link_files
from rhas.pipeline.steps import FILM_STEPS
from rhas.stores.checksums import read_checksums, write_checksums


def extract_features(
    films: Sequence[Path],
    references: Sequence[str],
    params: FilmParams,
    cache: WorkCache,
    out: Path,
) -> dict[str, BaseException]:
    """Decodes, grounds, crops and extracts films; returns the failures by movie.

    Writes ``out/{frames,boxes,tracks,features}/<movie>.*`` as the DVC stages do, their digests in
    ``out/SHA256SUMS``, and ``out/report.json``. A film that cannot be opened, cannot be named so,
    or fails in one step leaves nothing and stops no other film.

    Args:
        films: files; their stems name the movies and must differ.
        references: sentences, one per person to find in every film.
        params: of the film's stages.
        cache: where results are kept and looked up.
        out: folder to write, made where missing.

    Raises:
        RhasError: sentences that cannot be (`check_references`), two films of one name, or a
            device that this machine lacks.
    """
    check_references(references)
    for step in FILM_STEPS:
        params.get_section(step.config).check_machine()
    movies, failures = _open_films(films)
    out.mkdir(parents=True, exist_ok=True)
    reports: dict[str, dict[str, JsonValue]] = {name: {} for name in movies}
    reports |= {name: {"decode": {"error": str(error)}} for name, error in failures.items()}
    waiting = [FilmFiles(name, tuple(references), film=film) for name, film in movies.items()]
    with exclusive_lease(out / LOCK, "features"):
        digests = read_checksums(out)
        for step in FILM_STEPS:
            config = params.get_section(step.config)
            jobs = [step.make_job(film, config) for film in waiting]
            with in_use(cache.root / step.name):
                entries, failed = try_jobs(cache, step.name, jobs)
                for name, entry in entries.items():
                    target = f"{step.output}/{name}{step.suffix}"
                    _replace_result(entry.result, out / target)
                    _replace_digests(digests, entry, target)
                    reports[name][step.name] = entry.report
                if entries:  # a killed run leaves no store without its digests
                    write_checksums(out, digests)
            for name, error in failed.items():
                reports[name][step.name] = {"error": str(error)}
            failures |= failed
            waiting = [
                film.add(step.output, entries[film.movie].result)
                for film in waiting
                if film.movie in entries
            ]
        write_json(out / "report.json", reports)
    return failures


def _open_films(films: Sequence[Path]) -> tuple[dict[str, Path], dict[str, BaseException]]:
    """The films that can be tried by name, and what is wrong with the others by theirs."""
    named: dict[str, Path] = {}
    movies: dict[str, Path] = {}
    failures: dict[str, BaseException] = {}
    for film in films:
        name, where = _escape_name(film.stem), _escape_name(str(film))
        problem: RhasError | None = None
        try:
            name = movie_name(film.stem, where)
            check_regular_file(film, "name a film file")
            film.open("rb").close()
        except RhasError as error:
            problem = error
        except OSError as error:
            problem = RhasError("the film cannot be opened", where=where, got=str(error.strerror),
                                do="check the path")  # fmt: skip
        add_film(named, name, Path(where))
        if problem is None:
            movies[name] = film
        else:
            failures[name] = problem
    return movies, failures


def _escape_name(name: str) -> str:
    """Bytes of a file's name that are no UTF-8 as ``\\udcff``, so that it can be written."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _replace_digests(digests: dict[str, str], entry: Entry, target: str) -> None:
    """Those of an entry's files, by their path in the output folder."""
    for name in [name for name in digests if f"{name}/".startswith(f"{target}/")]:
        del digests[name]
    for name, sha256 in (entry.digests or {}).items():
        digests[target + name.removeprefix("result")] = sha256


def _replace_result(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    link_files(source, target)
