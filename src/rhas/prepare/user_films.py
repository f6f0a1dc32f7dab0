"""The user's own films (data/own/README.md) in the form of data/raw."""

from __future__ import annotations

from pathlib import Path

from rhas.base.files import hash_file
from rhas.data.drawn_table import list_persons
from rhas.data.raw import write_raw_tables
from rhas.data.user_films import UserFilms, measure_films, read_user_films
from rhas.engine.workcache import link_files
from rhas.stores.drawn import DrawnBoxes
from rhas.stores.manifest import Film, Manifest


def assemble_user_films(source: Path, out: Path) -> None:
    """Writes the folder data/raw of the user's own films.

    Films are hard links where the file system allows it. Their bytes do not change, but DVC makes
    what it stores read-only, and with it the file in ``source``.

    Args:
        source: see `rhas.data.user_films.read_user_films`.
        out: exists, empty.

    Raises:
        RhasError: see `rhas.data.user_films.read_user_films`.
    """
    found = read_user_films(source)
    (out / "films").mkdir()
    write_drawn_stores(found, out / "boxes")
    films = []
    for movie, sentences in found.references.items():
        file = f"films/{movie}{found.files[movie].suffix}"
        link_files(found.files[movie].resolve(), out / file)  # of a symbolic link, the film itself
        films.append(Film(movie, file, hash_file(out / file), sentences, found.subsets[movie]))
    write_raw_tables(Manifest("own", tuple(films)), found.annotations, out, found.classes)


def write_drawn_stores(found: UserFilms, out: Path) -> None:
    """Writes ``out/<movie>.h5`` for films in which people drew boxes; no folder without any."""
    pictures = measure_films({movie: found.files[movie] for movie, _ in found.drawn})
    for movie, sentences in found.references.items():
        tracks = tuple(list_persons(found.drawn, movie, len(sentences)))
        if movie in pictures and any(len(track.times) for track in tracks):
            out.mkdir(exist_ok=True)
            size = pictures[movie].width, pictures[movie].height
            DrawnBoxes(*size, tracks).write(out / f"{movie}.h5")
