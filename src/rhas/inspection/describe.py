"""What a store, a folder of stores, or a checkpoint holds; what ``rhas inspect --json`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.inspection.project import read_stage_reports, read_tracks_near
from rhas.stores.boxes import FilmBoxes
from rhas.stores.checking import Facts, guard_reading
from rhas.stores.checkpoints import describe_checkpoint
from rhas.stores.feature_checks import describe_features, describe_metadata
from rhas.stores.frames import FrameStore, open_frames
from rhas.stores.kinds import Kind, find_kind
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import FilmScores
from rhas.stores.tracks import TrackStore, open_tracks

FilmStore = FrameStore | FilmBoxes | TrackStore


@contextmanager
def open_film_store(path: Path, kind: Kind) -> Iterator[FilmStore]:
    """A frames, boxes or tracks file for reading."""
    if kind == "boxes":
        yield FilmBoxes.read(path)
        return
    with open_frames(path) if kind == "frames" else open_tracks(path) as store:
        yield store


def describe_path(path: Path) -> Facts:
    """What ``path`` holds, JSON-able; ``kind`` says which it is.

    Raises:
        RhasError: not one of the project's stores, or a damaged one.
    """
    with guard_reading(path):
        kind = find_kind(path)
        if kind in ("model", "weights"):
            return describe_checkpoint(path)
        return {"kind": kind, "path": str(path), **_describe_kind(path, kind)}


def _describe_kind(path: Path, kind: Kind) -> Facts:
    if kind == "feature stores":
        return _describe_feature_folder(path)
    if kind == "film stores":
        return _describe_film_folder(path)
    if kind == "feature store":
        return describe_features(path, read_tracks_near(path))
    if kind == "samples":
        return SampleIndex.read(path).describe()
    if kind == "scores":
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return {"bytes": size, **FilmScores.read(path).describe()}
    with open_film_store(path, kind) as store:
        return {"bytes": path.stat().st_size, **store.describe()}


def _describe_rows(
    paths: Iterable[Path], describe_row: Callable[[Path], Facts]
) -> tuple[list[Facts], dict[str, str]]:
    """A row of each store that can be read, and what is wrong with the others, by name."""
    found, damaged = [], {}
    for path in paths:
        try:
            with guard_reading(path):
                found.append(describe_row(path))
        except RhasError as error:
            damaged[path.name] = format_error(error)
    return found, damaged


def format_error(error: RhasError) -> str:
    """Place, what is wrong and what was found, in one line."""
    return ": ".join(part for part in (error.where, error.what, error.got) if part)


def _describe_feature_folder(folder: Path) -> Facts:
    reports = read_stage_reports(folder)
    stores, damaged = _describe_rows(
        sorted(folder.glob("*.zarr")),
        lambda path: _describe_feature_row(path, reports.get(path.stem, {}).get("missing")),
    )
    ways = {(r["encoder"], r["checkpoint_hash"], r["D"], r["fps"], r["truth"]) for r in stores}
    flags = [f"made in {len(ways)} different ways (encoder, weights, D, fps or truth)"]
    return {
        "stores": stores,
        "damaged": damaged,
        "bytes": sum(row["bytes"] for row in stores),
        "flags": flags if len(ways) > 1 else [],
    }


def _describe_feature_row(path: Path, missing: list[int] | None) -> Facts:
    """One store from its metadata alone; coverage as the stage reported it."""
    facts = describe_metadata(path)
    persons, frames, attributes = facts["persons"], facts["frames"], facts["attributes"]
    total = len(persons) * frames
    names = ("fps", "encoder", "checkpoint", "checkpoint_hash", "truth")
    return {
        "store": path.name,
        "persons": len(persons),
        "frames": frames,
        "D": facts["arrays"]["holistic"]["shape"][-1],
        "bytes": sum(array["stored_bytes"] for array in facts["arrays"].values()),
        "present": 1 - sum(missing) / total if missing and total else None,
        **{name: attributes.get(name) for name in names},
        "flags": sorted({*facts["flags"], *(flag for p in persons for flag in p["flags"])}),
    }


def _describe_film_folder(folder: Path) -> Facts:
    files, damaged = _describe_rows(sorted(folder.glob("*.h5")), _describe_film_row)
    return {
        "files": files,
        "damaged": damaged,
        "bytes": sum(row["bytes"] for row in files),
        "flags": [],
    }


def _describe_film_row(path: Path) -> Facts:
    facts = describe_path(path)
    row = {"file": path.name, "kind": facts["kind"], "bytes": facts["bytes"]}
    row |= {name: facts[name] for name in ("frames", "seconds", "size") if name in facts}
    persons: list[Facts] = facts.get("persons", [])
    row["persons"] = len(persons) or None
    if facts["kind"] == "tracks":
        total = facts["frames"] * len(persons) or 1
        row["coverage"] = {
            source: sum(person["coverage"][source] for person in persons) / total
            for source in persons[0]["coverage"]
        }
    if facts["kind"] == "boxes":
        row["candidates"] = sum(person["candidates"] for person in persons)
    row["flags"] = facts["flags"] + [
        flag if len(persons) == 1 else f"{number}: {flag}"
        for number, person in enumerate(persons)
        for flag in person["flags"]
    ]
    return row
