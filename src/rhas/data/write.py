"""What an import writes: the folder data/own, and the switches of params.yaml."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML, YAMLError

from rhas.base.config import load_params
from rhas.base.errors import RhasError
from rhas.base.files import write_csv
from rhas.data.films import Collection
from rhas.engine.workcache import link
from rhas.prepare.own import FILM_SUFFIXES
from rhas.stores.manifest import write_annotations

TABLES = ("references.csv", "annotations.csv")


def check_free(out: Path, replace: bool) -> None:
    """Raises RhasError where ``out`` holds data already, unless they may be replaced."""
    there = [name for name in TABLES if (out / name).exists()]
    there += [path.name for path in _films(out)]
    if there and not replace:
        raise RhasError(
            "there are data already",
            where=str(out),
            got=", ".join(there[:4]) + (f" and {len(there) - 4} more" if len(there) > 4 else ""),
            do="give --replace to put the new ones in their place, or another --out",
        )


def check_none_lost(films: Iterable[Path], kept: Iterable[Path], out: Path) -> None:
    """Raises RhasError where `write_own` would remove a film that the import found.

    Args:
        films: all that it found.
        kept: those of them that it keeps.
        out: where it writes.
    """
    left = set(films).difference(kept)
    lost = [path.name for path in _films(out) if any(_is_at(path, film) for film in left)]
    if lost:
        raise RhasError(
            "the import would delete films that it does not keep: they lie where it writes",
            where=str(out / "films"),
            got=", ".join(lost),
            do="move them to another folder, or give another --out",
        )


def write_own(
    collection: Collection, out: Path, copy: bool, tables: Sequence[Path] = ()
) -> list[tuple[Path, Path]]:
    """``out/films``, ``references.csv`` and, where there are any, ``annotations.csv``.

    Films are hard-linked, which costs no room, or copied where that is wanted or needed. Films
    and tables that were there are removed, other files stay. A table that the import has read from
    there is kept under another name, unless the new one is the same.

    Args:
        collection: what to write; see `check_none_lost` for films that lie in ``out``.
        out: made where missing.
        copy: no hard links.
        tables: files that the import has read.

    Returns:
        Path and new path of every table kept so.
    """
    folder = out / "films"
    wanted = {
        folder / f"{movie}{path.suffix.lower()}": path.resolve()
        for movie, path in collection.files.items()
    }
    new = {target.with_name(f".new-{target.name}"): target for target in wanted}
    with empty_again(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for temporary, target in new.items():
                temporary.unlink(missing_ok=True)
                if copy:
                    shutil.copy2(wanted[target], temporary)
                else:
                    link(wanted[target], temporary)
        except BaseException:
            for temporary in new:
                temporary.unlink(missing_ok=True)
            raise
    for path in _films(out):
        if path not in new:
            path.unlink()
    for temporary, target in new.items():
        temporary.rename(target)
    aside = _set_aside(tables, out)
    for name in TABLES:
        (out / name).unlink(missing_ok=True)
    rows = [
        [movie, person, text, collection.subsets[movie] or ""]
        for movie, sentences in collection.references.items()
        for person, text in enumerate(sentences)
    ]
    write_csv(out / "references.csv", ["movie", "person", "reference", "subset"], rows)
    if collection.annotations:
        write_annotations(out, collection.annotations)
    for path, kept in list(aside):
        if path.is_file() and path.read_bytes() == kept.read_bytes():
            kept.unlink()
            aside.remove((path, kept))
    return aside


def _set_aside(tables: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Renames those of ``tables`` that lie where `write_own` writes its own."""
    aside = []
    for path in (out / name for name in TABLES):
        if any(_is_at(path, table) for table in tables):
            names = (path.with_name(f"{path.name}.{number}") for number in count(1))
            aside.append((path, path.rename(next(name for name in names if not name.exists()))))
    return aside


def _is_at(path: Path, source: Path) -> bool:
    """Whether ``source``, or what it is a symbolic link to, lies at ``path``; a hard link elsewhere
    to the same file does not."""
    return any(
        place.name == path.name and place.parent.resolve() == path.parent.resolve()
        for place in (source, source.resolve())
    )


@contextmanager
def empty_again(folder: Path) -> Iterator[None]:
    """Where the block fails, ``folder`` and those above it that it made go, if they are empty.

    To be told to end (SIGTERM) counts as Ctrl-C meanwhile.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # others' files stay
            for place in made:
                place.rmdir()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def set_params(path: Path, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Changes top-level switches of params.yaml, comments and layout kept.

    Returns:
        Old and new value of those that changed.

    Raises:
        RhasError: see `changed_params`.
    """
    text, before = changed_params(path, values), load_params(path)
    path.write_text(text, "utf-8")
    return {n: (before[n], value) for n, value in values.items() if before[n] != value}


def changed_params(path: Path, values: Mapping[str, Any]) -> str:
    """The text of params.yaml with other values of top-level switches; nothing is written.

    Raises:
        RhasError: no such file, one that cannot be read, or a switch that does not stand on a line
            of its own.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    before, text = load_params(path), path.read_text("utf-8")
    for name, value in values.items():
        shown = yaml.safe_dump(value).splitlines()[0]
        text = re.sub(
            rf"(?m)^({re.escape(name)}:[ \t]*)[^\s#]+([ \t]*(?:#.*)?)$",
            lambda found, shown=shown: f"{found[1]}{shown}{found[2]}",  # type: ignore[misc]
            text,
            count=1,
        )
    if _parsed(text) != {**before, **values}:
        raise RhasError(
            "params.yaml could not be changed",
            where=str(path),
            expected="lines such as `dataset: mini`",
            do="set by hand: " + ", ".join(f"{name}: {value}" for name, value in values.items()),
        )
    return text


def _parsed(text: str) -> Any:
    """None where it is no YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)  # as `load_params` reads it
    except YAMLError:
        return None


def _films(out: Path) -> list[Path]:
    files = sorted((out / "films").iterdir()) if (out / "films").is_dir() else []
    return [path for path in files if path.suffix.lower() in FILM_SUFFIXES]
