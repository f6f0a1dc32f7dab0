"""The folder data/own as an import writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import copy_file
from rhas.base.program import stop_by_sigterm
from rhas.data.annotations import ANNOTATIONS, write_annotations
from rhas.data.drawn_table import BOXES, write_drawn
from rhas.data.films import FILM_SUFFIXES
from rhas.data.references import REFERENCES, write_references
from rhas.data.review import REVIEW
from rhas.data.user_films import UserFilms
from rhas.engine.workcache import link_files
from rhas.stores.classes import CLASSES_FILE, write_classes

TABLES = (REFERENCES, ANNOTATIONS, BOXES)


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
    collection: UserFilms, out: Path, copy: bool, tables: Sequence[Path] = ()
) -> list[tuple[Path, Path]]:
    """Writes ``out/films``, ``references.csv``, where there are any ``annotations.csv``, and for
    other classes than RHAS133's ``classes.txt``, and where people drew boxes ``boxes.csv``.

    Films are hard-linked, which takes no space, or copied where that is requested or needed. Films
    and tables of before are removed, other files stay. A table that the import has read from there
    is kept under another name, unless the new one is the same.

    Args:
        collection: what to write; see `check_none_lost` for films that lie in ``out``.
        out: created where missing.
        copy: no hard links.
        tables: files that the import has read.

    Returns:
        Path and new path of every table kept so.
    """
    _write_films(collection, out, copy)
    renamed = _rename_tables(tables, out)
    for name in (*TABLES, REVIEW, CLASSES_FILE):
        (out / name).unlink(missing_ok=True)
    write_references(out, collection.references, collection.subsets)
    write_classes(out, collection.classes)
    if collection.annotations:
        write_annotations(out, collection.annotations)
    if collection.drawn:
        write_drawn(out, collection.drawn)
    different = []
    for path, former in renamed:
        if path.is_file() and path.read_bytes() == former.read_bytes():
            former.unlink()
        else:
            different.append((path, former))
    return different


def _write_films(collection: UserFilms, out: Path, copy: bool) -> None:
    """All new films under temporary names first: a failure leaves the folder as it was."""
    folder = out / "films"
    temporary = {
        folder / f".new-{movie}{path.suffix.lower()}": path.resolve()
        for movie, path in collection.files.items()
    }
    with remove_new_folders_on_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for target, source in temporary.items():
                target.unlink(missing_ok=True)
                if copy:
                    copy_file(source, target)
                else:
                    link_files(source, target)
        except BaseException:
            for target in temporary:
                target.unlink(missing_ok=True)
            raise
    for path in _list_films(out):
        if path not in temporary:
            path.unlink()
    for path in temporary:
        path.rename(path.with_name(path.name.removeprefix(".new-")))


def _rename_tables(tables: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Renames those of ``tables`` that lie where `write_user_films` writes its own."""
    renamed = []
    for path in (out / name for name in TABLES):
        if any(_lies_at(path, table) for table in tables):
            names = (path.with_name(f"{path.name}.{number}") for number in count(1))
            renamed.append((path, path.rename(next(name for name in names if not name.exists()))))
    return renamed


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
