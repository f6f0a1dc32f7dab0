"""Where an export writes: one file for all films, or a folder with a file per film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.data.actions import FilmActions


def plan_files(
    films: Sequence[FilmActions], out: Path, suffix: str
) -> list[tuple[FilmActions, Path]]:
    """Film and file of each film: ``out`` itself where it has the ending of the format, otherwise
    ``out/<movie><suffix>``.

    Raises:
        RhasError: several films and one file.
    """
    if out.suffix.lower() != suffix:
        return [(film, out / f"{film.film.movie}{suffix}") for film in films]
    if len(films) != 1:
        raise RhasError(
            "the format has a file per film",
            where=str(out),
            got=f"{len(films)} films",
            do="name a folder with --out, or one film with --movie",
        )
    return [(films[0], out)]


def single_file(out: Path, name: str) -> Path:
    """``out`` where it has the ending of ``name``, otherwise ``out/name``."""
    return out if out.suffix.lower() == Path(name).suffix else out / name
