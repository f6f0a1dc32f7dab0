"""Every kind of damage is found, and a sound store passes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from damage import edit_hdf5, edit_zarr
from datafolder import FRAMES, MOVIE, features, write_store
from typer.testing import CliRunner

from rhas.base.checks import worst_level
from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.cli import app
from rhas.extract.checkpoint import checkpoint_hash
from rhas.inspection.describe import describe_path
from rhas.inspection.verify import verify_path
from rhas.stores.checksums import CHECKSUMS, write_checksums
from rhas.stores.features import Features


def failures(path: Path) -> dict[str, str]:
    return {check.name: check.found for check in verify_path(path) if check.level == "fail"}


STORES = (
    "features/blip2/{}.zarr", "frames/{}.h5", "boxes/{}.h5", "tracks/{}.h5",
    "features/blip2", "frames", "samples",
)  # fmt: skip


@pytest.mark.parametrize("place", STORES)
def test_a_sound_store_passes(data: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    (data.parent / "dvc.yaml").write_text("stages: {}\n")
    checks = verify_path(data / place.format(MOVIE))
    assert worst_level(checks) != "fail", [c for c in checks if c.level == "fail"]
    assert any(check.level == "ok" for check in checks)


def changed(path: Path, array: str, change) -> None:
    group = edit_zarr(path)
    values = group[array][:]
    change(values[0])
    group[array][:] = values


def test_a_changed_value_differs_from_the_statistics(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr", [features(0)])
    changed(path, "holistic", lambda v: v.__setitem__((3, 2), v[3, 2] + 0.5))
    assert list(failures(path)) == ["person 0, holistic: statistics"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_found_where_it_is(tmp_path: Path, value: float) -> None:
    path = write_store(tmp_path / "m.zarr", [features(0)])
    changed(path, "partial", lambda v: v.__setitem__((slice(7, 9), 1), value))
    found = failures(path)
    assert found["person 0, partial: finite"] == "2 frames hold NaN or infinity, the first is 7"


def test_partial_features_without_a_crop(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr", [features(0)])
    changed(path, "partial", lambda v: v.__setitem__((45, 0), 1))
    assert failures(path) == {"person 0, partial: zero where missing": "1 frames are not"}


def test_constant_features_and_a_standstill(tmp_path: Path) -> None:
    made = features(0)
    holistic = made.holistic.copy()
    holistic[:, 2] = 1
    holistic[10:50] = holistic[10]
    made = Features(holistic, made.partial, made.present, made.text)
    path = write_store(tmp_path / "m.zarr", [made])
    check = next(c for c in verify_path(path) if c.name == "person 0, holistic: variation")
    assert check.level == "warn"
    assert "1 of 6 features never change" in check.found
    assert "for 2.6 s, frames 10 to 49" in check.found
    flat = Features(np.ones_like(holistic), made.partial, made.present, made.text)
    path = write_store(tmp_path / "n.zarr", [flat])
    assert "person 0, holistic: variation" in failures(path)


def test_a_person_never_seen_is_no_failure(tmp_path: Path) -> None:
    made = features(0)
    none = Features(made.holistic, np.zeros_like(made.partial), np.zeros(FRAMES, bool), made.text)
    assert failures(write_store(tmp_path / "m.zarr", [none])) == {}


def test_a_truncated_shard(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr", [features(0)])
    shard = path / "holistic" / "c.0.0.0"
    shard.write_bytes(shard.read_bytes()[:100])
    assert "cannot be read" in failures(path)["person 0, values"]


def test_arrays_of_different_lengths(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr", [features(0)])
    edit_zarr(path)["present"].resize((1, 59))
    assert "59" in failures(path)["persons and frames"]


def test_weights_that_made_the_features(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    weights = tmp_path / "weights" / "blip2"
    weights.mkdir(parents=True)
    (weights / "config.json").write_text("{}")
    path = write_store(tmp_path / "m.zarr", [features(0)], checkpoint_hash=checkpoint_hash(weights))
    level = {c.name: c.level for c in verify_path(path)}
    assert level["weights"] == "ok"
    (weights / "config.json").write_text('{"a": 1}')
    assert {c.name: c.level for c in verify_path(path)}["weights"] == "warn"


def test_a_damaged_picture_and_a_lost_crop(data: Path) -> None:
    frames, tracks = data / "frames" / f"{MOVIE}.h5", data / "tracks" / f"{MOVIE}.h5"
    with edit_hdf5(frames) as file:
        first = int(file["offsets"][4])
        file["jpeg"][first : first + 20] = 0
    assert "frame 4" in failures(frames)["pictures"]
    with edit_hdf5(tracks) as file:
        file["person_000/source"][3] = 0
    said = failures(tracks)["person 0: crops where there is a box"]
    assert "40 crops, 40 boxes, 39 frames" in said


def test_a_box_that_is_no_number(data: Path) -> None:
    tracks = data / "tracks" / f"{MOVIE}.h5"
    with edit_hdf5(tracks) as file:
        there = int(np.flatnonzero(file["person_000/source"][:])[0])
        file["person_000/boxes"][there] = np.nan
    assert "40 crops, 39 boxes" in failures(tracks)["person 0: crops where there is a box"]


def test_counts_are_those_reported(data: Path) -> None:
    tracks = data / "tracks" / f"{MOVIE}.h5"
    persons = [{"missing": 20, "detected": 8, "interpolated": 32},
               {"missing": 50, "detected": 2, "interpolated": 9}]  # fmt: skip
    (data / "tracks" / "report.json").write_text(json.dumps({MOVIE: {"persons": persons}}))
    assert list(failures(tracks)) == ["person 1: coverage"]


def test_boxes_out_of_range(data: Path) -> None:
    boxes = data / "boxes" / f"{MOVIE}.h5"
    with edit_hdf5(boxes) as file:
        file["person_001/scores"][0] = 1.5
    assert list(failures(boxes)) == ["person 1: candidates"]


def spoil_shard(store: Path) -> None:
    (store / "holistic" / "zarr.json").write_text('{"shape": [1]}')


def spoil_metadata(file: Path) -> None:
    """As a flipped bit in a part of the file that HDF5 keeps a checksum of."""
    file.write_bytes(file.read_bytes().replace(b"OHDR", b"OHXR"))


def spoil_array(file: Path) -> None:
    with edit_hdf5(file) as opened:
        del opened["person_000/offsets"]


@pytest.mark.parametrize(
    ("place", "ending", "spoil"),
    [
        ("features/blip2", ".zarr", spoil_shard),
        ("features/blip2", ".zarr", lambda store: shutil.rmtree(store / "holistic")),
        ("tracks", ".h5", lambda file: file.write_bytes(file.read_bytes()[:200])),
        ("tracks", ".h5", spoil_metadata),
        ("tracks", ".h5", spoil_array),
        ("boxes", ".h5", spoil_array),
    ],
)
def test_a_damaged_store_stops_no_other_of_its_folder(
    data: Path, place: str, ending: str, spoil: Callable[[Path], object]
) -> None:
    whole, damaged = data / place / f"{MOVIE}{ending}", data / place / f"damaged{ending}"
    (shutil.copytree if whole.is_dir() else shutil.copy)(whole, damaged)
    spoil(damaged)
    assert list(failures(data / place)) == [f"{damaged.name}: readable"]
    facts = describe_path(data / place)
    assert list(facts["damaged"]) == [damaged.name]
    assert len(facts["stores" if ending == ".zarr" else "files"]) == 1
    with pytest.raises(RhasError, match=re.escape(str(damaged))):
        describe_path(damaged)
    result = CliRunner().invoke(app, ["inspect", str(data / place)], env={"COLUMNS": "1000"})
    assert result.exit_code == 1
    assert f"! {facts['damaged'][damaged.name]}" in result.output
    assert MOVIE in result.output


def test_samples_that_do_not_fit_their_features(data: Path) -> None:
    (data.parent / "dvc.yaml").write_text("stages: {}\n")
    index = data / "samples" / "index.csv"
    index.write_text(index.read_text().replace(",0,60,val", ",0,61,val"))
    assert "s1: beyond its film of 60 frames" in failures(data / "samples")["windows and features"]


def test_checksums_as_dvc_recorded_them(data: Path) -> None:
    """The lock and the listing are written here by hand, in DVC's formats."""
    root, folder = data.parent, data / "features" / "blip2"
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    (root / "dvc.yaml").write_text("stages: {}\n")
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    md5 = {p.relative_to(folder).as_posix(): hashlib.md5(p.read_bytes()).hexdigest() for p in files}
    listing = json.dumps([{"md5": value, "relpath": name} for name, value in md5.items()])
    name = hashlib.md5(listing.encode()).hexdigest() + ".dir"
    cache = root / ".dvc" / "cache" / "files" / "md5" / name[:2]
    cache.mkdir(parents=True)
    (cache / name[2:]).write_text(listing)
    out = {"path": "data/features/blip2", "md5": name}
    lock = {"schema": "2.0", "stages": {"extract": {"cmd": "x", "outs": [out]}}}
    (root / "dvc.lock").write_text(yaml.safe_dump(lock))
    store = folder / f"{MOVIE}.zarr"
    check = verify_path(store)[-1]
    assert check.level == "ok", check
    assert "recorded" in check.found
    assert check.found.startswith(str(sum(p.is_file() for p in store.rglob("*"))))
    text = store / "text" / "c.0.0"
    text.write_bytes(text.read_bytes()[::-1])
    assert "text/c.0.0" in failures(store)["checksums (MD5, dvc.lock)"]
    (store / "stray").write_text("")
    assert "2 of" in failures(store)["checksums (MD5, dvc.lock)"]


def test_a_store_alone_is_compared_with_the_digests_beside_it(data: Path, tmp_path: Path) -> None:
    """What `rhas features` writes, moved elsewhere; the store itself reads well."""
    folder = tmp_path / "moved"
    for place in ("tracks/{}.h5", "features/blip2/{}.zarr"):
        source, target = (root / place.format(MOVIE) for root in (data, folder))
        target.parent.mkdir(parents=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    files = [path for path in folder.rglob("*") if path.is_file()]
    write_checksums(folder, {p.relative_to(folder).as_posix(): hash_file(p) for p in files})
    subprocess.run(["sha256sum", "-c", "--quiet", CHECKSUMS], cwd=folder, check=True)
    tracks, store = (folder / "tracks" / f"{MOVIE}.h5", folder / "features/blip2" / f"{MOVIE}.zarr")
    name = f"checksums (SHA-256, {CHECKSUMS})"
    assert not {name} & {*failures(tracks), *failures(store)}
    with tracks.open("ab") as file:
        file.write(b"\0")  # HDF5 does not look behind the end
    (store / "text" / "more").touch()
    assert failures(tracks)[name].startswith("1 of 1 files differ")
    assert "text/more" in failures(store)[name]
