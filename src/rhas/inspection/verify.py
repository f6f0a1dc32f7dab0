"""Every value of a store read and compared with what was recorded when it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.files import hash_file, hash_file_md5
from rhas.inspection.describe import format_error, open_film_store
from rhas.inspection.project import find_project, read_recorded_md5, read_stage_reports
from rhas.stores.checking import guard_reading
from rhas.stores.checkpoints import check_tensors, describe_checkpoint
from rhas.stores.checksums import CHECKSUMS, find_checksums
from rhas.stores.feature_checks import check_features
from rhas.stores.features import FeatureStore
from rhas.stores.kinds import FOLDERS, Kind, find_kind
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import FilmScores

_REPAIR = "run `rhas cache verify --repair`"


def verify_path(path: Path) -> list[Check]:
    """What was checked; the first broken thing does not stop the others.

    Raises:
        RhasError: not one of the project's stores, or, where it is one alone, one that cannot be
            read; in a folder that is a failed check.
    """
    return list(_check_path(path))


def _check_path(path: Path) -> Iterator[Check]:
    with guard_reading(path):
        kind = find_kind(path)
        if kind in FOLDERS:
            yield from _check_folder(path, FOLDERS[kind])
            return
        yield from _check_store(path, kind)
        yield _check_digests(path)


def _check_folder(folder: Path, pattern: str) -> Iterator[Check]:
    for path in sorted(folder.glob(pattern)):
        try:
            for found in _check_path(path):
                yield Check(f"{path.name}: {found.name}", found.level, found.found, found.do)
        except RhasError as error:
            yield Check(f"{path.name}: readable", "fail", format_error(error), error.do)


def _check_store(path: Path, kind: Kind) -> Iterator[Check]:
    if kind == "feature store":
        yield from check_features(path)
        yield _check_encoder(path)
    elif kind == "samples":
        yield from SampleIndex.read(path).check(find_project(path) or Path())
    elif kind == "scores":
        yield from FilmScores.read(path).check()
    elif kind in ("model", "weights"):
        yield from check_tensors(path)
        if kind == "model":
            yield _check_loading(path)
    else:
        with open_film_store(path, kind) as store:
            yield from store.check(read_stage_reports(path.parent).get(path.stem, {}))


def _check_encoder(path: Path) -> Check:
    """Whether the checkpoint that made the features is still the same."""
    from rhas.extract.checkpoint import checkpoint_hash

    info = FeatureStore(path).read_info()
    folder = (find_project(path) or Path()) / info.checkpoint
    if not (folder / "config.json").is_file():
        return Check("weights", "warn", f"{folder} is not here, its hash cannot be compared")
    if checkpoint_hash(folder) == info.checkpoint_hash:
        return Check("weights", "ok", f"{info.checkpoint} is what made the features")
    return Check("weights", "warn", f"{info.checkpoint} has changed since",
                 "run `dvc repro extract` for features of the present weights")  # fmt: skip


def _check_loading(path: Path) -> Check:
    from rhas.train import load_method

    method = describe_checkpoint(path)["method"]
    try:
        load_method(path)
    except RhasError as error:
        return Check("loads", "fail", str(error), error.do)
    return Check("loads", "ok", f"as {method}, every weight fits the configuration")


def _check_digests(path: Path) -> Check:
    name = "checksums (MD5, dvc.lock)"
    recorded, compute, do = read_recorded_md5(path), hash_file_md5, _REPAIR
    if recorded is None:
        name, do = f"checksums (SHA-256, {CHECKSUMS})", "make it again, or copy it again"
        recorded, compute = find_checksums(path), hash_file
    if not recorded:
        found = f"no output of a DVC project and in no {CHECKSUMS}: nothing to compare with"
        return Check("checksums", "ok", found)
    changed = [
        inside
        for inside, digest in recorded.items()
        if not (file := path / inside if inside else path).is_file() or compute(file) != digest
    ]
    if path.is_dir():
        present = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
        changed += sorted(present - set(recorded))
    if changed:
        found = f"{len(changed)} of {len(recorded)} files differ, first {changed[0] or path.name}"
        return Check(name, "fail", found, do)
    return Check(name, "ok", f"{len(recorded)} file(s) as recorded")
