"""The project around a store: its data folder, annotations, DVC's record of what was written."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.extras import optional_import
from rhas.base.files import read_json
from rhas.base.units import seconds_to_frame
from rhas.base.yaml_files import parse_lock
from rhas.data.annotations import read_annotations
from rhas.stores.classes import find_classes
from rhas.stores.tracks import FilmTracks


def find_data_folder(path: Path) -> Path | None:
    """The folder ``data`` that holds ``path`` and, in ``raw/``, a manifest; None outside one."""
    for folder in path.absolute().parents:
        if (folder / "raw" / "manifest.json").is_file():
            return folder
    return None


def find_project(path: Path) -> Path | None:
    """The nearest folder above ``path`` with a dvc.yaml."""
    return next((f for f in path.absolute().parents if (f / "dvc.yaml").is_file()), None)


def read_stage_reports(folder: Path) -> dict[str, Any]:
    """A stage's ``report.json`` by movie; empty where there is none."""
    file = folder / "report.json"
    if not file.is_file():
        return {}
    found = read_json(file)
    return found if isinstance(found, dict) else {}


def read_tracks_near(path: Path) -> FilmTracks | None:
    """The tracks of a store's film, where the data folder has them."""
    data = find_data_folder(path)
    tracks = data / "tracks" / f"{path.stem}.h5" if data else None
    return FilmTracks.read(tracks) if tracks and tracks.is_file() else None


def labels_near(path: Path, movie: str, person: int, frames: int, fps: float) -> dict[str, Any]:
    """Frames of each annotated class, bool (T,) by name in the order of the classes; empty where
    ``path`` lies in no data folder or the person is not annotated."""
    folder = find_data_folder(path)
    found: dict[str, np.ndarray] = {}
    if folder is None:
        return found
    for row in read_annotations(folder / "raw"):
        if (row.movie, row.person) == (movie, person):
            start = seconds_to_frame(row.start_s, fps)
            stop = max(seconds_to_frame(row.end_s, fps), start + 1)
            found.setdefault(row.action, np.zeros(frames, bool))[start:stop] = True
    ids = find_classes(folder / "raw").ids
    return dict(sorted(found.items(), key=lambda item: ids[item[0]]))


def read_recorded_md5(path: Path) -> dict[str, str] | None:
    """MD5 by file below ``path`` (relative; "" for a file itself) as DVC recorded it.

    None where the path is no output of the project's dvc.lock, or DVC's cache lacks the listing.
    """
    root = find_project(path)
    if root is None or not (root / "dvc.lock").is_file():
        return None
    inside = path.absolute().relative_to(root).as_posix()
    for output, md5 in _read_outputs(root).items():
        if inside == output and not md5.endswith(".dir"):
            return {"": md5}
        if inside == output or inside.startswith(f"{output}/"):
            listing = _find_cache(root) / md5[:2] / md5[2:]
            if not listing.is_file():
                return None
            within = inside[len(output) :].lstrip("/")
            files = {e["relpath"]: e["md5"] for e in read_json(listing)}
            if within in files:
                return {"": files[within]}
            prefix = f"{within}/" if within else ""
            return {n[len(prefix) :]: m for n, m in files.items() if n.startswith(prefix)} or None
    return None


@lru_cache(maxsize=8)
def _read_outputs(root: Path) -> dict[str, str]:
    lock = root / "dvc.lock"
    return {
        out["path"]: out["md5"]
        for stage in parse_lock(lock.read_bytes(), str(lock)).values()
        for out in stage.get("outs", [])
        if "md5" in out
    }


@lru_cache(maxsize=8)
def _find_cache(root: Path) -> Path:
    with optional_import("pipeline"):
        from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return Path(repo.cache.local.path)
