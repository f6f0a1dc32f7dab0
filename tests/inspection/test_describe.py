"""What a store holds, against what was written into it."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import edit_hdf5, edit_zarr
from datafolder import FRAMES, MOVIE, REFERENCES, features, write_scores, write_store
from rich.console import Console
from safetensors.torch import save_file

from rhas.base.errors import RhasError
from rhas.inspection.describe import describe_path
from rhas.inspection.show import format_facts
from rhas.stores.scores import SampleScores, write_sample_scores


def shown(path: Path) -> str:
    console = Console(width=200, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        for piece in format_facts(describe_path(path)):
            console.print(piece)
    return capture.get()


def test_a_feature_store(data: Path) -> None:
    path = data / "features" / "blip2" / f"{MOVIE}.zarr"
    facts = describe_path(path)
    first, second = facts["persons"]
    assert facts["bytes"] == sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    assert facts["arrays"]["holistic"] == {
        "shape": [2, FRAMES, 6], "dtype": "float16", "chunk": [1, 1000, 6], "shard": [1, 1000, 6],
        "files": 2, "bytes": 2 * FRAMES * 6 * 2, "compression": [],
        "stored_bytes": facts["arrays"]["holistic"]["stored_bytes"],
    }  # fmt: skip
    assert first["coverage"] == {"missing": 20, "detected": 8, "interpolated": 32}
    assert second["coverage"] == {"missing": 50, "detected": 2, "interpolated": 8}
    assert (first["flags"], second["flags"]) == ([], ["missing in 83% of the frames"])
    text = shown(path)
    assert MOVIE in text
    assert all(reference in text for reference in REFERENCES)
    json.dumps(facts)


def test_compression_is_told(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr")
    group = edit_zarr(path)
    data = np.zeros((2, FRAMES, 6), np.float16)
    del group["partial"]
    group.create_array("partial", data=data)
    partial = describe_path(path)["arrays"]["partial"]
    assert (partial["compression"], partial["shard"]) == (["zstd"], None)


def test_coverage_without_fitting_tracks_is_present_and_missing(data: Path) -> None:
    with edit_hdf5(data / "tracks" / f"{MOVIE}.h5") as file:
        file["person_000/source"][0] = 0
    first, second = describe_path(data / "features" / "blip2" / f"{MOVIE}.zarr")["persons"]
    assert first["coverage"] == {"missing": 20, "present": 40}
    assert second["coverage"] == {"missing": 50, "detected": 2, "interpolated": 8}


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"statistics": [{"holistic": {"mean": 0.0, "std": 0.0, "abs_max": 0.0}}]},
         "holistic constant"),
        ({"statistics": [{"partial": {"mean": 0.0, "std": 1e4, "abs_max": 4e4}}]},
         "partial near the end of float16"),
        ({"truth": True}, "made from true boxes"),
        ({"frames": 59}, "attribute 'frames' is not the arrays' length"),
        ({"references": ["he", "she"]},
         "attribute 'references' is not one per person of the arrays"),
    ],
)  # fmt: skip
def test_what_metadata_give_away(tmp_path: Path, changed: dict[str, object], flag: str) -> None:
    store = write_store(tmp_path / "m.zarr", [features(0)], **changed)
    facts = describe_path(store)
    assert [*facts["flags"], *facts["persons"][0]["flags"]] == [flag]


def test_a_folder_of_stores(data: Path) -> None:
    folder = data / "features" / "blip2"
    write_store(folder / "other.zarr", [features(0)], checkpoint_hash="1" * 64)
    facts = describe_path(folder)
    rows = {row["store"]: row for row in facts["stores"]}
    assert rows[f"{MOVIE}.zarr"]["present"] == pytest.approx(1 - 70 / 120)
    assert rows["other.zarr"]["present"] is None
    assert "different ways" in facts["flags"][0]
    text = shown(folder)
    assert "2 stores" in text
    assert "42%" in text


def test_frames(data: Path) -> None:
    facts = describe_path(data / "frames" / f"{MOVIE}.h5")
    assert (facts["frames"], facts["seconds"], facts["size"]) == (FRAMES, 4.0, "32×24")
    assert facts["repeated"] == 0
    assert facts["flags"] == []
    with edit_hdf5(data / "frames" / f"{MOVIE}.h5") as file:
        file["time"][10] = 5.0
        file.attrs["lost_frames"] = 3
    flags = describe_path(data / "frames" / f"{MOVIE}.h5")["flags"]
    assert flags == ["3 pictures of the film were lost", "source times go back"]
    assert MOVIE in shown(data / "frames" / f"{MOVIE}.h5")


def test_boxes_and_tracks(data: Path) -> None:
    person = describe_path(data / "boxes" / f"{MOVIE}.h5")["persons"][1]
    assert (person["candidates"], person["frames_without"]) == (12, 6)
    assert person["best_score"] == {"10 %": 0.75, "50 %": 0.75, "90 %": 0.75}
    facts = describe_path(data / "tracks" / f"{MOVIE}.h5")
    assert facts["shots"] == 2
    assert facts["persons"][0]["coverage"] == {"missing": 20, "detected": 8, "interpolated": 32}
    assert facts["persons"][0]["longer_side"] == 17
    text = shown(data / "tracks")
    assert "1: missing in 83% of the frames" in text
    assert "detected" not in shown(data / "frames")
    assert REFERENCES[1] in shown(data / "boxes" / f"{MOVIE}.h5")


def test_samples(data: Path) -> None:
    facts = describe_path(data / "samples")
    assert facts["sides"]["train"] == {
        "samples": 1, "movies": 1, "persons": 1, "frames": 60, "padding": pytest.approx(0.4),
        "intervals": 1, "classes": 1,
    }  # fmt: skip
    assert facts["classes"] == {
        "standing": {"train": 0, "val": 1, "test": 0},
        "walking": {"train": 1, "val": 0, "test": 0},
    }
    assert any("no test sample" in flag for flag in facts["flags"])
    assert any("train does not have" in flag for flag in facts["flags"])
    assert any("several sides" in flag for flag in facts["flags"])
    assert "cross_movie" in shown(data / "samples")


def test_a_checkpoint_from_its_header(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["CLIPModel"], "model_type": "clip"}')
    tensors = {"a.b.c": torch.zeros(2, 3), "a.b.d": torch.zeros(4), "e": torch.zeros(1)}
    save_file(tensors, tmp_path / "model.safetensors")
    facts = describe_path(tmp_path)
    assert (facts["kind"], facts["architecture"], facts["parameters"]) == (
        "weights",
        "CLIPModel",
        11,
    )
    assert facts["parts"]["a.b"] == {"tensors": 2, "parameters": 10}
    assert "CLIPModel" in shown(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    for broken in (whole[:-1], whole[:5], b"", b"\xff" * 40):
        (tmp_path / "model.safetensors").write_bytes(broken)
        with pytest.raises(RhasError, match="truncated"):
            describe_path(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(RhasError, match="no weights"):
        describe_path(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        "[1]", '"a"', "null", "[" * 100_000, '{"a": 1}', '{"a": {}}', '{"a": null}',
        '{"a": {"dtype": "F32", "shape": 3, "data_offsets": [0, 0]}}',
        '{"a": {"dtype": "F32", "shape": ["3"], "data_offsets": [0, 0]}}',
        '{"a": {"dtype": 1, "shape": [3], "data_offsets": [0, 0]}}',
        '{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0]}}',
        '{"a": {"dtype": "F32", "shape": [3], "data_offsets": ["0", "0"]}}',
        '{"a": {"dtype": "F32", "shape": [N, N], "data_offsets": [0, 0]}}'.replace("N", "9" * 4000),
    ],
    ids=lambda header: header[:60],
)  # fmt: skip
def test_a_header_that_describes_no_tensors(tmp_path: Path, header: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    length = len(header).to_bytes(8, "little")
    (tmp_path / "model.safetensors").write_bytes(length + header.encode())
    with pytest.raises(RhasError, match="not a safetensors file"):
        shown(tmp_path)


@pytest.mark.parametrize("config", ["[]", "3", '"method"', "null"])
def test_a_configuration_that_is_no_mapping(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(RhasError, match="the configuration cannot be read"):
        describe_path(tmp_path)


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("text")
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "a.h5", "not an HDF5 file"), (tmp_path / "b", "no such file"),
                          (tmp_path / "empty", "not one of the project's stores")):  # fmt: skip
        with pytest.raises(RhasError, match=message):
            describe_path(path)


def test_a_folder_of_folders_says_where_to_look(data: Path) -> None:
    with pytest.raises(RhasError, match=r"look into .*features/blip2"):
        describe_path(data / "features")


def test_a_folder_of_all_data_says_where_to_look(data: Path) -> None:
    with pytest.raises(RhasError, match=r"look into .*boxes or .*features/blip2 or .*frames"):
        describe_path(data)


def test_scores_are_told_from_features(tmp_path: Path) -> None:
    store = tmp_path / "results" / "scores.zarr"
    scores = SampleScores("m_000_000000", "m", 0, 0, 3, np.zeros((3, 2), np.float16))
    write_sample_scores({"test": [scores]}, store)
    for path in (store, store.parent):
        with pytest.raises(RhasError, match=r"scores\.zarr: evaluate's scores, not features"):
            describe_path(path)


def test_damaged_scores_are_named(tmp_path: Path) -> None:
    store = write_scores(tmp_path / "scores.zarr")
    edit_zarr(store)["person_001"].attrs["classes"] = ["walking"]
    with pytest.raises(RhasError, match="person_001: not a name per class"):
        describe_path(store)
    (store / "person_000" / "scores" / "zarr.json").write_text("{")
    with pytest.raises(RhasError, match="the scores are damaged"):
        describe_path(store)


@pytest.mark.parametrize("name", ["present", "partial", "text", "holistic"])
def test_a_store_without_an_array(tmp_path: Path, name: str) -> None:
    path = write_store(tmp_path / "m.zarr")
    shutil.rmtree(path / name)
    with pytest.raises(RhasError, match=rf"m\.zarr: the feature store lacks '{name}'"):
        describe_path(path)


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = write_store(tmp_path / "m.zarr")
    (path / "holistic" / "zarr.json").write_text("{")
    with pytest.raises(RhasError, match=r"holistic/zarr\.json: .* damaged"):
        describe_path(path)
