"""Which of the project's files a path is, told by its content, not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rhas.base.errors import RhasError
from rhas.base.files import read_json
from rhas.stores.features import ARRAYS
from rhas.stores.hdf5 import open_hdf5, person_groups

Kind = Literal[
    "feature store", "feature stores", "frames", "boxes", "tracks", "film stores",
    "samples", "model", "weights", "scores",
]  # fmt: skip

KNOWN = (
    "a feature store (<movie>.zarr) or a folder of them, a frames, boxes or tracks file "
    "(<movie>.h5) or a folder of them, data/samples, models/<method>, weights/<checkpoint>, "
    "the scores.zarr of `rhas segment`"
)
FOLDERS: dict[Kind, str] = {"feature stores": "*.zarr", "film stores": "*.h5"}
"""Kinds that are folders of stores, and the pattern of those."""
_MOST_NAMED = 6  # folders that can be looked into


def find_kind(path: Path) -> Kind:
    """What ``path`` is.

    Raises:
        RhasError: nothing there, or none of `KNOWN`.
    """
    if not path.exists():
        raise RhasError("no such file or folder", where=str(path), expected=KNOWN)
    kind = _folder_kind(path) if path.is_dir() else _h5_kind(path)
    if kind is None and (scores := _find_scores(path)):
        raise RhasError(
            "evaluate's scores, not features",
            where=str(scores),
            expected=KNOWN,
            do="look at results/report.html; `zarr.open_group` reads them",
        )
    if kind is None:
        raise RhasError(
            "not one of the project's stores",
            where=str(path),
            expected=KNOWN,
            do=_name_stores_inside(path),
        )
    return kind


def _name_stores_inside(path: Path) -> str:
    """What in a folder, or in the folders of it, can be looked into."""
    folders = sorted(p for p in path.glob("*/") if not p.name.startswith("."))
    deeper = [[folder] if _folder_kind(folder) else sorted(folder.glob("*/")) for folder in folders]
    known = [str(folder) for found in deeper for folder in found if _folder_kind(folder)]
    known += [str(file) for file in sorted(path.glob("*.h5"))]
    return f"look into {' or '.join(known[:_MOST_NAMED])}" if known else ""


def _find_scores(folder: Path) -> Path | None:
    """The folder, or a store in it, where it is of evaluate's scores."""
    for store in [folder, *sorted(folder.glob("*.zarr"))]:
        if (
            (store / "zarr.json").is_file()
            and not _has_features(store)
            and not _has_person_scores(store)
        ):
            return store
    return None


def _has_person_scores(store: Path) -> bool:
    """Whether a Zarr store is one of scores by person (`rhas segment`)."""
    return (store / "person_000" / "scores").is_dir()


def _has_features(store: Path) -> bool:
    """Whether a Zarr store is one of features, perhaps damaged or of an earlier version."""
    return any(
        (folder / name).is_dir() for folder in (store, store / "person_000") for name in ARRAYS
    )


def _folder_kind(folder: Path) -> Kind | None:
    if (folder / "zarr.json").is_file():
        if _has_person_scores(folder):
            return "scores"
        return "feature store" if _has_features(folder) else None
    if (folder / "index.csv").is_file() and (folder / "info.json").is_file():
        return "samples"
    if (folder / "config.json").is_file():
        config = read_json(folder / "config.json", do="copy the folder again")
        if not isinstance(config, dict):
            raise RhasError(
                "the configuration cannot be read",
                where=str(folder / "config.json"),
                got=f"a JSON {type(config).__name__}, not an object",
            )
        return "model" if "method" in config else "weights"
    if stores := list(folder.glob("*.zarr")):
        return "feature stores" if any(map(_has_features, stores)) else None
    return "film stores" if any(folder.glob("*.h5")) else None


def _h5_kind(path: Path) -> Kind | None:
    with open_hdf5(path) as file:
        if "jpeg" in file:
            return "frames"
        persons = person_groups(file)
        if persons and "source" in persons[0]:
            return "tracks"
        return "boxes" if "frames" in file else None
