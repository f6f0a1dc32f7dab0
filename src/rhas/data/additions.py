"""Films that an import adds to those that a folder has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.formatting import list_some
from rhas.data.audit import Audit
from rhas.data.films import list_films, strip_ending
from rhas.data.foreign_tables import ForeignReference
from rhas.data.references import REFERENCES
from rhas.data.user_films import UserFilms, read_user_films


def read_present(out: Path) -> UserFilms:
    """The films and tables of a folder; films alone where it has no references yet.

    Raises:
        RhasError: see `read_user_films`.
    """
    if not (out / REFERENCES).is_file():
        return UserFilms(list_films(out / "films"), {}, {}, [])
    return read_user_films(out)


def leave_out_present(
    files: Mapping[str, Path], present: UserFilms, references: Sequence[ForeignReference]
) -> dict[str, Path]:
    """Film by movie without those that the folder has and no reference names: they stay there."""
    named = {row.movie for row in references}
    named |= {strip_ending(name) for name in named}
    return {m: path for m, path in files.items() if m in named or m not in present.files}


def join_films(present: UserFilms, new: UserFilms, where: Path, audit: Audit) -> UserFilms:
    """Both together, in the order of the folder. A film of both is the new one, with the subset of
    before where the import gives none.

    Args:
        present, new: of the folder and of the import; the list of classes is the new one.
        where: the folder.

    Raises:
        RhasError: an action of the folder that is no class of the import.
    """
    for movie in present.references:
        if movie in new.references:
            audit.add("film of a former import", movie)
    annotations = [row for row in present.annotations if row.movie not in new.references]
    unknown = sorted({row.action for row in annotations}.difference(new.classes.ids))
    if unknown:
        raise RhasError(
            "actions of the films that are there are no classes of the new ones",
            where=str(where),
            expected=f"names of {new.classes.file}",
            got=list_some(unknown),
            do="give a list that has the actions of all films: --classes",
        )
    before = {m: s for m, s in present.subsets.items() if s is not None}
    subsets = {m: subset or before.get(m) for m, subset in new.subsets.items()}
    drawn = {k: t for k, t in present.drawn.items() if k[0] not in new.references}
    return replace(
        new,
        files={**present.files, **new.files},
        references={**present.references, **new.references},
        subsets={**present.subsets, **subsets},
        annotations=[*annotations, *new.annotations],
        drawn={**drawn, **new.drawn},
    )
