"""The folder data/own as an import writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from rhas.base.errors import RhasError
from rhas.base.files import copy_file
from rhas.base.program import stop_by_sigterm
from rhas.data.annotations import ANNOTATIONS, write_annotations
from rhas.data.drawn_table import BOXES, write_drawn
from rhas.data.films import FILM_SUFFIXES
from rhas.data.references import REFERENCES, write_references
from rhas.data.review import REVIEW, ReviewRow, write_review
from rhas.data.user_films import UserFilms
from rhas.engine.leases import exclusive_lease
from rhas.engine.stage import LOCK
from rhas.engine.workcache import link_files
from rhas.stores.classes import CLASSES_FILE, write_classes

TABLES = (REFERENCES, ANNOTATIONS, BOXES)


@contextmanager
def import_alone(out: Path) -> Iterator[None]:
    """One import at a time into a folder: another waits, and finds what this one has written.

    A folder that was created for it and is empty at the end is removed.
    """
    folder = out.resolve()
    with remove_new_folders_on_failure(folder), exclusive_lease(folder / LOCK, "import"):
        yield


def check_free(out: Path, replace: bool) -> None:
    """Raises RhasError where ``out`` contains data already, unless they may be replaced."""
    present = [name for name in TABLES if (out / name).exists()]
    present += [path.name for path in _list_films(out)]
    if present and not replace:
        more = f" and {len(present) - 4} more" if len(present) > 4 else ""
        raise RhasError(
            "there are data already",
            where=str(out),
            got=", ".join(present[:4]) + more,
            do="give --add to keep them, --replace to put the new ones in their place, or another "
            "--out",
        )


def check_none_lost(films: Iterable[Path], retained: Iterable[Path], out: Path) -> None:
    """Raises RhasError where `write_user_films` would remove a film that the import found.

    Args:
        films: all that it found.
        retained: those of them that it writes.
        out: where it writes.
    """
    others = set(films).difference(retained)
    lost = [path.name for path in _list_films(out) if any(_lies_at(path, film) for film in others)]
    if lost:
        raise RhasError(
            "the import would delete films that it does not keep: they lie where it writes",
            where=str(out / "films"),
            got=", ".join(lost),
            do="move them to another folder, or give another --out",
        )


def write_user_films(
    collection: UserFilms,
    out: Path,
    copy: bool,
    tables: Sequence[Path] = (),
    review: Sequence[ReviewRow] = (),
) -> list[tuple[Path, Path]]:
    """Writes ``out/films``, ``references.csv``, where there are any ``annotations.csv``, and for
    other classes than RHAS133's ``classes.txt``, where people drew boxes ``boxes.csv``, and where
    films were corrected ``review.csv``.

    Films are hard-linked, which takes no space, or copied where that is requested or needed. All
    is written under temporary names first: where that fails, the folder stays as it was. Films
    and tables of before are removed last, other files stay. A table that the import has read from
    there is kept under another name, unless the new one is the same.

    Args:
        collection: what to write; see `check_none_lost` for films that lie in ``out``.
        out: created where missing.
        copy: no hard links.
        tables: files that the import has read.
        review: rows of review.csv.

    Returns:
        Path and new path of every table kept so.
    """
    films = out / "films"
    with (
        remove_new_folders_on_failure(films),
        _new_films(collection, films, copy) as new_films,
        _new_tables(collection, out, review) as new_tables,
    ):
        for name, path in new_films.items():
            path.replace(films / name)
        renamed = _put_tables(new_tables, tables, out)
        _remove_other_films(out, new_films)
    return renamed


@contextmanager
def _new_films(collection: UserFilms, folder: Path, copy: bool) -> Iterator[dict[str, Path]]:
    """The films under temporary names in their folder, by the name that they are to have; those
    that still have a temporary name at the end of the block are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {
        f"{movie}{path.suffix.lower()}": path.resolve() for movie, path in collection.files.items()
    }
    temporary = {name: folder / f".new-{name}" for name in sources}
    try:
        for name, target in temporary.items():
            target.unlink(missing_ok=True)
            if copy:
                copy_file(sources[name], target)
            else:
                link_files(sources[name], target)
        yield temporary
    finally:
        for target in temporary.values():
            target.unlink(missing_ok=True)


@contextmanager
def _new_tables(
    collection: UserFilms, out: Path, review: Sequence[ReviewRow]
) -> Iterator[dict[str, Path]]:
    """The tables in a temporary folder inside ``out``, by name."""
    with TemporaryDirectory(dir=out, prefix=".new-") as name:
        folder = Path(name)
        write_references(folder, collection.references, collection.subsets)
        write_classes(folder, collection.classes)
        if collection.annotations:
            write_annotations(folder, collection.annotations)
        if collection.drawn:
            write_drawn(folder, collection.drawn)
        write_review(folder, review)
        yield {path.name: path for path in folder.iterdir()}


def _put_tables(
    new: Mapping[str, Path], read: Sequence[Path], out: Path
) -> list[tuple[Path, Path]]:
    """Puts new tables in their places, then removes the old ones that no new one replaces.

    Args:
        new: by name.
        read: files that the import has read; those that differ from the new ones are renamed.

    Returns:
        Path and new path of every table that was renamed.
    """
    renamed = []
    for path in (out / name for name in TABLES):
        if any(_lies_at(path, table) for table in read) and not _is_same(path, new.get(path.name)):
            names = (path.with_name(f"{path.name}.{number}") for number in count(1))
            renamed.append((path, path.rename(next(name for name in names if not name.exists()))))
    for name, path in new.items():
        path.replace(out / name)
    for name in (*TABLES, REVIEW, CLASSES_FILE):
        if name not in new:
            (out / name).unlink(missing_ok=True)
    return renamed


def _is_same(path: Path, new: Path | None) -> bool:
    return new is not None and path.read_bytes() == new.read_bytes()


def _remove_other_films(out: Path, names: Iterable[str]) -> None:
    """Removes the films of ``out`` that have none of these names.

    A disk that ignores capitals or the form of accented letters may list a new film by the name of
    the one that it replaced: that one stays.
    """
    listed, wanted = _list_films(out), set(names)
    respelt = [out / "films" / name for name in wanted.difference(path.name for path in listed)]
    for path in listed:
        if path.name not in wanted and not any(path.samefile(film) for film in respelt):
            path.unlink()


def _lies_at(path: Path, source: Path) -> bool:
    """Whether ``source``, or the target of that symbolic link, lies at ``path``; a hard link
    elsewhere to the same file does not."""
    return any(
        place.name == path.name and place.parent.resolve() == path.parent.resolve()
        for place in (source, source.resolve())
    )


@contextmanager
def remove_new_folders_on_failure(folder: Path) -> Iterator[None]:
    """Where the block fails, removes ``folder`` and its parents if it created them and they are
    empty. A request to end (SIGTERM) counts as Ctrl-C meanwhile."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        with stop_by_sigterm():
            yield
    except BaseException:
        with suppress(OSError):  # a folder that others have written to stays
            for place in missing:
                place.rmdir()
        raise


def _list_films(out: Path) -> list[Path]:
    files = sorted((out / "films").iterdir()) if (out / "films").is_dir() else []
    return [path for path in files if path.suffix.lower() in FILM_SUFFIXES]
