"""Differences of two stores, each made on purpose."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import edit_hdf5, edit_zarr
from datafolder import MOVIE, features, write_store
from safetensors.torch import save_file

from rhas.base.errors import RhasError
from rhas.stores.compare import compare_paths


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return (write_store(tmp_path / "a" / "m.zarr", [features(0)]),
            write_store(tmp_path / "b" / "m.zarr", [features(0)]))  # fmt: skip


def test_equal_stores(pair: tuple[Path, Path]) -> None:
    assert compare_paths(*pair) == []


def test_a_value_with_its_place_and_size(pair: tuple[Path, Path]) -> None:
    a, b = pair
    array = edit_zarr(b)["holistic"]
    values = np.asarray(array[:])
    values[0, 7, 2] += 2
    values[0, 9, 1] -= 0.25
    array[:] = values
    (found,) = compare_paths(a, b)
    assert (found.where, found.what, found.count, found.at) == (
        "/holistic",
        "values",
        2,
        (0, 7, 2),
    )
    assert found.largest == pytest.approx(2, abs=0.01)
    assert compare_paths(a, b, atol=3.0) == []
    assert compare_paths(a, b, atol=1.0)[0].count == 1


def test_nan_equals_nan_and_nothing_else(pair: tuple[Path, Path]) -> None:
    for path in pair:
        array = edit_zarr(path)["text"]
        array[0, 0] = np.nan
    assert compare_paths(*pair) == []
    edit_zarr(pair[0])["text"][0, 0] = 1
    assert compare_paths(*pair, atol=1e9)[0].largest == np.inf


def test_attributes_shapes_and_types(tmp_path: Path) -> None:
    a = write_store(tmp_path / "a.zarr", [features(0)])
    b = write_store(tmp_path / "b.zarr", [features(0)], movie="a", fps=16.0)
    group = edit_zarr(b)
    group.attrs["extra"] = 1
    group["present"].resize((1, 50))
    del group["text"]
    group.create_array("text", data=np.asarray(features(0).text[None], np.float64))
    found = {(one.where, one.what) for one in compare_paths(a, b)}
    assert found == {
        ("@extra", "only in B"),
        ("@fps", "attribute"),
        ("/present", "shape"),
        ("/text", "type"),
    }
    assert ("@fps", "attribute") not in {
        (one.where, one.what) for one in compare_paths(a, b, atol=1.0)
    }


def test_persons_and_stores_only_one_has(tmp_path: Path) -> None:
    write_store(tmp_path / "a" / "m.zarr")
    write_store(tmp_path / "a" / "n.zarr", [features(0)])
    write_store(tmp_path / "b" / "m.zarr", [features(0)])
    found = compare_paths(tmp_path / "a", tmp_path / "b")
    assert {(one.where, one.what) for one in found} == {
        ("m.zarr @references", "attribute"),
        ("m.zarr @statistics", "attribute"),
        *((f"m.zarr /{name}", "shape") for name in ("holistic", "partial", "present", "text")),
        ("n.zarr", "only in A"),
    }


def test_hdf5_files(data: Path, tmp_path: Path) -> None:
    a, b = data / "tracks" / f"{MOVIE}.h5", tmp_path / "b.h5"
    b.write_bytes(a.read_bytes())
    assert compare_paths(a, b) == []  # boxes hold NaN where the person is missing
    with edit_hdf5(b) as file:
        file["person_001/boxes"][2, 3] += 0.5
        file.attrs["size"] = 17
    assert [(one.where, one.what, one.at) for one in compare_paths(a, b)] == [
        ("@size", "attribute", ()), ("/person_001/boxes", "values", (2, 3)),
    ]  # fmt: skip


@pytest.mark.parametrize("damaged", [0, 1])
def test_the_damaged_one_is_named(pair: tuple[Path, Path], damaged: int) -> None:
    shard = pair[damaged] / "holistic" / "c.0.0.0"
    shard.write_bytes(shard.read_bytes()[:100])
    named = f"{pair[damaged]}/holistic: the store is damaged"
    with pytest.raises(RhasError, match=re.escape(named)):
        compare_paths(*pair)


def test_what_cannot_be_compared(data: Path) -> None:
    with pytest.raises(RhasError, match="two different things"):
        compare_paths(data / "tracks", data / "features" / "blip2")


def test_samples(data: Path, tmp_path: Path) -> None:
    a, b = data / "samples", tmp_path / "b"
    shutil.copytree(a, b)
    assert compare_paths(a, b) == []
    index, intervals, info = (b / n for n in ("index.csv", "intervals.csv", "info.json"))
    index.write_text(index.read_text().replace("60,val", "55,test").replace("s0,", "s2,"))
    intervals.write_text(intervals.read_text().replace(",0,30", ",0,31"))
    info.write_text(json.dumps({**json.loads(info.read_text()), "L": 90}))
    assert [(one.where.replace(MOVIE, "M"), one.what) for one in compare_paths(a, b)] == [
        ("info.json L", "attribute"),
        ("index.csv s0", "only in A"),
        ("index.csv s1.split", "attribute"),
        ("index.csv s1.stop", "attribute"),
        ("index.csv s2", "only in B"),
        ("intervals.csv movie M, person 0, class_id 128, start 0, stop 30", "only in A"),
        ("intervals.csv movie M, person 0, class_id 128, start 0, stop 31", "only in B"),
    ]


def checkpoint(folder: Path, **tensors: torch.Tensor) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"method": "linear", "dims": {"L": 9}}))
    (folder / "report.json").write_text(json.dumps({"seconds": len(folder.name)}))
    (folder / "vocab.txt").write_text("a")
    usual = {"w": torch.zeros(2, 3), "half": torch.ones(2, dtype=torch.bfloat16),
             "scale": torch.tensor(1.0)}  # fmt: skip
    save_file({**usual, **tensors}, folder / "model.safetensors")
    return folder


def test_checkpoints(tmp_path: Path) -> None:
    a = checkpoint(tmp_path / "a")
    assert compare_paths(a, checkpoint(tmp_path / "same")) == []
    w = torch.zeros(2, 3)
    w[1, 2] = 0.25
    b = checkpoint(tmp_path / "b", w=w, more=torch.ones(1), scale=torch.tensor(2))
    (b / "vocab.txt").write_text("b")
    (b / "config.json").write_text(json.dumps({"method": "linear", "dims": {"L": 8}}))
    found = {one.where: one for one in compare_paths(a, b)}
    assert {where: one.what for where, one in found.items()} == {
        "config.json dims.L": "attribute",
        "model.safetensors more": "only in B",
        "model.safetensors scale": "values",  # and its type, before
        "model.safetensors w": "values",
        "vocab.txt": "content",
    }
    values = found["model.safetensors w"]
    assert (values.count, values.largest, values.at) == (1, 0.25, (1, 2))
    assert ("model.safetensors scale", "type") in {(o.where, o.what) for o in compare_paths(a, b)}


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000,), (500, 2, 1000)])
def test_checkpoints_larger_than_memory(
    shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rhas.stores.differences._BLOCK_VALUES", 1000)
    monkeypatch.setattr("rhas.stores.compare_folders._BLOCK_BYTES", 1000)
    w = torch.zeros(shape)
    a = checkpoint(tmp_path / "a", w=w)
    w.view(-1)[777_777] = 1
    b = checkpoint(tmp_path / "b", w=w)
    for number, folder in enumerate((a, b)):
        (folder / "optimizer.pth").write_bytes(bytes(999_999) + bytes([number]))
    tracemalloc.start()
    found = compare_paths(a, b)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    place = tuple(int(n) for n in np.unravel_index(777_777, shape))
    assert [(one.where, one.what, one.at) for one in found] == [
        ("model.safetensors w", "values", place), ("optimizer.pth", "content", ()),
    ]  # fmt: skip
    assert peak < 400_000


def test_every_kind_of_number_is_compared_as_it_is(tmp_path: Path) -> None:
    for dtype, least in (
        (torch.float64, 2.0**-52), (torch.int64, 0), (torch.uint8, 0), (torch.bool, 0),
        (torch.float16, 2.0**-10), (torch.bfloat16, 2.0**-7), (torch.float8_e4m3fn, 0.125),
    ):  # fmt: skip
        start = 2**60 if dtype is torch.int64 else 1 if least else 0
        values = [torch.tensor([0, start + step]).to(dtype) for step in (0, 1)]
        if least:
            values[1] = torch.tensor([0, 1 + least], dtype=torch.float64).to(dtype)
        folders = [tmp_path / f"{dtype}{n}" for n in range(2)]
        made = [checkpoint(folder, w=w) for folder, w in zip(folders, values, strict=True)]
        (found,) = compare_paths(*made)
        assert (found.where, found.at) == ("model.safetensors w", (1,))


def test_a_tensor_that_does_not_fit_its_bytes(tmp_path: Path) -> None:
    a, b = (checkpoint(tmp_path / name) for name in "ab")
    file = b / "model.safetensors"
    file.write_bytes(file.read_bytes().replace(b'"shape":[2,3]', b'"shape":[3,3]'))
    with pytest.raises(RhasError, match=r"safetensors, w: a tensor does not fit its bytes"):
        compare_paths(a, b)


def test_escaped_cells_of_samples_are_compared_by_their_values(data: Path, tmp_path: Path) -> None:
    a, b = data / "samples", tmp_path / "b"
    shutil.copytree(a, b)
    for folder, name in ((a, "'=s0"), (b, "'=s9")):
        index = folder / "index.csv"
        index.write_text(index.read_text().replace("s0,", f"{name},"))
    assert [one.where for one in compare_paths(a, b)] == ["index.csv =s0", "index.csv =s9"]
