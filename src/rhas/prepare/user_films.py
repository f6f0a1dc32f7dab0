"""The user's own films (data/own/README.md) in the form of data/raw."""

from __future__ import annotations

from pathlib import Path

from rhas.base.files import hash_file
from rhas.data.raw import write_raw_tables
from rhas.data.user_films import read_user_films
from rhas.engine.workcache import link_files
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
    films = []
    for movie, sentences in found.references.items():
        file = f"films/{movie}{found.files[movie].suffix}"
        link_files(found.files[movie].resolve(), out / file)  # of a symbolic link, the film itself
        films.append(Film(movie, file, hash_file(out / file), sentences, found.subsets[movie]))
    write_raw_tables(Manifest("own", tuple(films)), found.annotations, out, found.classes)
