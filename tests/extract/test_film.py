"""extract on a made-up film: what is in the store is what the encoder gives, picture by picture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from rhas.base.errors import RhasError
from rhas.extract import extract_film
from rhas.extract.encoders import checkpoint_hash, load_encoder
from rhas.extract.encoders.small import Sizes, make_blip2, make_clip
from rhas.stores.featurestore import attributes, persons, read_window
from rhas.stores.jpegstore import JpegReader, JpegWriter, create_h5, encode_jpeg, person_group

T, SIZE = 11, 32
REFERENCES = ["the woman in the red coat", "the tall man", "nobody"]
PRESENT = np.array([[True] * T, [f not in (0, 4, 5, 10) for f in range(T)], [False] * T])
TINY = Sizes(
    image=SIZE, vision=32, vision_layers=1, vision_heads=2, text=32, text_layers=1, queries=4,
    out=24,
)  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stores as decode and crop write them, and both checkpoints."""
    folder = tmp_path_factory.mktemp("film")
    rng = np.random.default_rng(0)

    def picture(height: int, width: int) -> bytes:
        return encode_jpeg(rng.integers(0, 256, (height, width, 3), np.uint8), 90)

    with create_h5(folder / "frames.h5") as file:
        file.attrs["fps"] = 15.0
        with JpegWriter(file) as jpegs:
            for _ in range(T):
                jpegs.append(picture(36, 64))
    with create_h5(folder / "tracks.h5") as file:
        file.attrs["truth"] = True
        for person, reference in enumerate(REFERENCES):
            group = file.create_group(person_group(person))
            group.attrs["reference"] = reference
            with JpegWriter(group) as jpegs:
                for frame in range(T):
                    jpegs.append(picture(SIZE, SIZE) if PRESENT[person, frame] else b"")
    words = ["the", "woman", "man", "in", "red", "coat", "tall"]
    make_blip2(folder / "blip2", words, TINY)
    make_clip(folder / "clip", words, TINY)
    return {name: folder / f"{name}.h5" for name in ("frames", "tracks")} | {
        name: folder / name for name in ("blip2", "clip")
    }


def extract(film: dict[str, Path], vlm: str, out: Path, **config: Any) -> dict[str, Any]:
    inputs = {"frames": film["frames"], "tracks": film["tracks"], "checkpoint": film[vlm]}
    settings = {"vlm": vlm, "checkpoint": f"weights/{vlm}", "batch_size": 4} | config
    done: list[int] = []
    report = extract_film(inputs, {"movie": "m", "config": settings}, out, done.append)
    assert sum(done) == T
    return report


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("vlm", ["blip2", "clip"])
def test_the_store_holds_what_the_encoder_gives(
    film: dict[str, Path], vlm: str, tmp_path: Path
) -> None:
    report = extract(film, vlm, tmp_path / "m.zarr")
    assert report == {
        "frames": T, "persons": 3, "missing": [0, 4, T], "dropped_text_tokens": [0, 0, 0],
        "batch_size": 4,
    }  # fmt: skip
    encoder = load_encoder(vlm, film[vlm])
    assert persons(tmp_path / "m.zarr") == 3
    with h5py.File(film["frames"]) as frames, h5py.File(film["tracks"]) as tracks:
        pictures = JpegReader(frames)
        for person, reference in enumerate(REFERENCES):
            got = read_window(tmp_path / "m.zarr", person, 0, T)
            text = encoder.encode_text([reference])[0]
            np.testing.assert_array_equal(got.present, PRESENT[person])
            np.testing.assert_array_equal(got.text, text.embedding)
            crops = JpegReader(tracks[person_group(person)])
            for frame in range(T):
                for stream, picture in (
                    (got.holistic, pictures[frame]), (got.partial, crops[frame]),
                ):  # fmt: skip
                    if picture is None:
                        assert not stream[frame].any()
                        continue
                    want = encoder.fuse(encoder.vision(np.stack([picture])), text)[0]
                    np.testing.assert_allclose(stream[frame], want, atol=2e-3)


def test_attributes_tell_where_the_features_come_from(
    film: dict[str, Path], tmp_path: Path
) -> None:
    extract(film, "blip2", tmp_path / "m.zarr")
    facts = attributes(tmp_path / "m.zarr", 1)
    read = read_window(tmp_path / "m.zarr", 1, 0, T)
    statistics = facts.pop("statistics")
    assert facts == {
        "movie": "m", "person": 1, "reference": "the tall man", "fps": 15.0, "frames": T,
        "encoder": "blip2", "checkpoint": "weights/blip2",
        "checkpoint_hash": checkpoint_hash(film["blip2"]), "dtype": "float16", "model_dtype": "float32", "truth": True,
        "D": TINY.text, "D_text": TINY.text,
    }  # fmt: skip
    here = read.partial[read.present]
    assert statistics["partial"]["mean"] == pytest.approx(here.mean(), abs=1e-5)
    assert statistics["partial"]["std"] == pytest.approx(here.std(), rel=1e-4)
    assert statistics["holistic"]["abs_max"] == pytest.approx(np.abs(read.holistic).max())
    assert "partial" not in attributes(tmp_path / "m.zarr", 2)["statistics"]


@pytest.mark.parametrize("vlm", ["blip2", "clip"])
def test_same_input_same_bytes(film: dict[str, Path], vlm: str, tmp_path: Path) -> None:
    for name in ("a.zarr", "b.zarr"):
        extract(film, vlm, tmp_path / name, batch_size=1)
    assert files(tmp_path / "a.zarr") == files(tmp_path / "b.zarr")


def test_the_batch_size_changes_rounding_alone(film: dict[str, Path], tmp_path: Path) -> None:
    extract(film, "blip2", tmp_path / "one.zarr", batch_size=1)
    extract(film, "blip2", tmp_path / "all.zarr", batch_size=T + 1)
    for person in range(3):
        one, all_ = (read_window(tmp_path / f"{n}.zarr", person, 0, T) for n in ("one", "all"))
        np.testing.assert_allclose(one.holistic, all_.holistic, atol=2e-3)
        np.testing.assert_allclose(one.partial, all_.partial, atol=2e-3)


def test_blip2_sees_the_whole_frame_with_each_reference(
    film: dict[str, Path], tmp_path: Path
) -> None:
    extract(film, "blip2", tmp_path / "b.zarr")
    extract(film, "clip", tmp_path / "c.zarr")
    pairs = [[read_window(tmp_path / n, p, 0, T).holistic for p in (0, 1)] for n in
             ("b.zarr", "c.zarr")]  # fmt: skip
    assert (np.abs(pairs[0][0] - pairs[0][1]).max(axis=1) > 1e-3).all()
    np.testing.assert_array_equal(pairs[1][0], pairs[1][1])


def test_a_damaged_picture_is_named(film: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "frames.h5"
    shutil.copy(film["frames"], broken)
    with h5py.File(broken, "r+") as file:
        offsets = file["offsets"][:]
        file["jpeg"][offsets[7] : offsets[8]] = 0
    with pytest.raises(RhasError, match=r"frames\.h5.*frame 7"):
        extract({**film, "frames": broken}, "clip", tmp_path / "m.zarr")
    assert not (tmp_path / "m.zarr").exists()


def test_a_frame_without_a_picture_is_refused(film: dict[str, Path], tmp_path: Path) -> None:
    with create_h5(tmp_path / "frames.h5") as file:
        file.attrs["fps"] = 15.0
        with JpegWriter(file) as jpegs:
            for _ in range(T):
                jpegs.append(b"")
    with pytest.raises(RhasError, match="without a picture"):
        extract({**film, "frames": tmp_path / "frames.h5"}, "clip", tmp_path / "m.zarr")


def test_tracks_of_another_film_are_refused(film: dict[str, Path], tmp_path: Path) -> None:
    with create_h5(tmp_path / "tracks.h5") as file:
        file.attrs["truth"] = False
        group = file.create_group(person_group(0))
        group.attrs["reference"] = "the man"
        with JpegWriter(group) as jpegs:
            jpegs.append(b"")
    with pytest.raises(RhasError, match=f"{T} frames"):
        extract({**film, "tracks": tmp_path / "tracks.h5"}, "clip", tmp_path / "m.zarr")


def test_features_that_are_not_finite_are_an_error(film: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(film["clip"], tmp_path / "clip")
    weights = tmp_path / "clip/model.safetensors"
    state = load_file(weights)
    state["visual_projection.weight"] = 60000 * torch.eye(TINY.out, TINY.vision)
    save_file(state, weights, {"format": "pt"})
    with pytest.raises(RhasError, match="not finite"):
        extract({**film, "clip": tmp_path / "clip"}, "clip", tmp_path / "m.zarr")


@pytest.mark.parametrize("config", [{"batch_size": 0}, {"batchsize": 8}, {"device": "abacus"}])
def test_wrong_settings_are_refused(
    film: dict[str, Path], tmp_path: Path, config: dict[str, Any]
) -> None:
    with pytest.raises(RhasError):
        extract(film, "clip", tmp_path / "m.zarr", **config)


def test_a_hub_name_without_a_snapshot_is_refused(film: dict[str, Path], tmp_path: Path) -> None:
    inputs = {"frames": film["frames"], "tracks": film["tracks"]}
    config = {"vlm": "clip", "checkpoint": "someone/absent"}
    with pytest.raises(RhasError, match="hf download someone/absent"):
        extract_film(inputs, {"movie": "m", "config": config}, tmp_path / "o", lambda n: None)
