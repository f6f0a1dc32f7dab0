"""extract on a made-up film: what is in the store is what the encoder gives, picture by picture."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
import yaml
from damage import edit_hdf5
from factory import make_track, write_frames, write_tracks

from rhas.base.errors import RhasError
from rhas.config.extract import ExtractConfig
from rhas.extract.encoders import checkpoint_hash, load_encoder
from rhas.extract.encoding import ExtractInput, extract_film
from rhas.extract.small import Sizes, make_blip2, make_clip
from rhas.stores.features import Features, FeatureStore
from rhas.stores.frames import open_frames
from rhas.stores.jpeg import decode_jpeg, encode_jpeg
from rhas.stores.tracks import open_tracks

T, SIZE = 11, 32
BOX = [0, 0, 8, 8]
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

    write_frames(folder / "frames.h5", [picture(36, 64) for _ in range(T)])
    crops = [[picture(SIZE, SIZE) if there else b"" for there in row] for row in PRESENT]
    write_crops(folder / "tracks.h5", REFERENCES, crops, truth=True)
    words = ["the", "woman", "man", "in", "red", "coat", "tall"]
    make_blip2(folder / "blip2", words, TINY)
    make_clip(folder / "clip", words, TINY)
    return {name: folder / f"{name}.h5" for name in ("frames", "tracks")} | {
        name: folder / name for name in ("blip2", "clip")
    }


def write_crops(
    path: Path, references: list[str], crops: Sequence[Sequence[bytes]], **facts: Any
) -> Path:
    """Tracks whose crops are these."""
    tracks = [
        make_track([BOX if crop else [np.nan] * 4 for crop in row], reference=reference)
        for reference, row in zip(references, crops, strict=True)
    ]
    return write_tracks(path, tracks, crops, **facts)


def read_window(path: Path, person: int) -> Features:
    return FeatureStore(path).read_window(person)


def extract(film: dict[str, Path], vlm: str, out: Path, **config: Any) -> dict[str, Any]:
    source = ExtractInput("m", film["frames"], film["tracks"], film[vlm])
    settings = {"vlm": vlm, "checkpoints": {vlm: f"weights/{vlm}"}, "batch_size": 4} | config
    done: list[int] = []
    report = extract_film(source, ExtractConfig(**settings), out, done.append)
    assert sum(done) == T
    return asdict(report)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("vlm", ["blip2", "clip", "siglip2"])
def test_the_store_holds_what_the_encoder_gives(
    film: dict[str, Path], checkpoints: dict[str, Path], vlm: str, tmp_path: Path
) -> None:
    film = {**film, "siglip2": checkpoints["siglip2"]}
    report = extract(film, vlm, tmp_path / "m.zarr")
    assert report == {
        "frames": T, "persons": 3, "missing": [0, 4, T], "dropped_text_tokens": [0, 0, 0],
        "batch_size": 4,
    }  # fmt: skip
    encoder = load_encoder(vlm, film[vlm])
    assert FeatureStore(tmp_path / "m.zarr").count_persons() == 3
    with open_frames(film["frames"]) as frames, open_tracks(film["tracks"]) as tracks:
        for person, reference in enumerate(REFERENCES):
            got = read_window(tmp_path / "m.zarr", person)
            text = encoder.encode_text([reference])[0]
            np.testing.assert_array_equal(got.present, PRESENT[person])
            np.testing.assert_array_equal(got.text, text.embedding)
            for frame in range(T):
                for stream, picture in (
                    (got.holistic, frames.images[frame]),
                    (got.partial, tracks.crops[person][frame]),
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
    store = FeatureStore(tmp_path / "m.zarr")
    facts = asdict(store.read_info())
    read = read_window(tmp_path / "m.zarr", 1)
    everyone = facts.pop("statistics")
    statistics = everyone[1]
    assert facts == {
        "movie": "m", "references": tuple(REFERENCES), "fps": 15.0, "frames": T,
        "encoder": "blip2", "checkpoint": "weights/blip2",
        "checkpoint_hash": checkpoint_hash(film["blip2"]), "dtype": "float16",
        "model_dtype": "float32", "truth": True,
    }  # fmt: skip
    assert store.read_widths() == (TINY.text, TINY.text)
    here = read.partial[read.present]
    assert statistics["partial"]["mean"] == pytest.approx(here.mean(), abs=1e-5)
    assert statistics["partial"]["std"] == pytest.approx(here.std(), rel=1e-4)
    assert statistics["holistic"]["abs_max"] == pytest.approx(np.abs(read.holistic).max())
    assert "partial" not in everyone[2]


@pytest.mark.parametrize("vlm", ["blip2", "clip"])
def test_same_input_same_bytes(film: dict[str, Path], vlm: str, tmp_path: Path) -> None:
    for name in ("a.zarr", "b.zarr"):
        extract(film, vlm, tmp_path / name, batch_size=1)
    assert files(tmp_path / "a.zarr") == files(tmp_path / "b.zarr")


def test_the_batch_size_changes_rounding_alone(film: dict[str, Path], tmp_path: Path) -> None:
    extract(film, "blip2", tmp_path / "one.zarr", batch_size=1)
    extract(film, "blip2", tmp_path / "all.zarr", batch_size=T + 1)
    for person in range(3):
        one, all_ = (read_window(tmp_path / f"{n}.zarr", person) for n in ("one", "all"))
        np.testing.assert_allclose(one.holistic, all_.holistic, atol=2e-3)
        np.testing.assert_allclose(one.partial, all_.partial, atol=2e-3)


def test_blip2_sees_the_whole_frame_with_each_reference(
    film: dict[str, Path], tmp_path: Path
) -> None:
    extract(film, "blip2", tmp_path / "b.zarr")
    extract(film, "clip", tmp_path / "c.zarr")
    pairs = [[read_window(tmp_path / n, p).holistic for p in (0, 1)] for n in
             ("b.zarr", "c.zarr")]  # fmt: skip
    assert (np.abs(pairs[0][0] - pairs[0][1]).max(axis=1) > 1e-3).all()
    np.testing.assert_array_equal(pairs[1][0], pairs[1][1])


def test_a_damaged_picture_is_named(film: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "frames.h5"
    shutil.copy(film["frames"], broken)
    with edit_hdf5(broken) as file:
        offsets = file["offsets"][:]
        file["jpeg"][offsets[7] : offsets[8]] = 0
    with pytest.raises(RhasError, match=r"frames\.h5.*frame 7"):
        extract({**film, "frames": broken}, "clip", tmp_path / "m.zarr")
    assert not (tmp_path / "m.zarr").exists()


def test_a_frame_without_a_picture_is_refused(film: dict[str, Path], tmp_path: Path) -> None:
    write_frames(tmp_path / "frames.h5", [b""] * T)
    with pytest.raises(RhasError, match="without a picture"):
        extract({**film, "frames": tmp_path / "frames.h5"}, "clip", tmp_path / "m.zarr")


def test_tracks_of_another_film_are_refused(film: dict[str, Path], tmp_path: Path) -> None:
    write_crops(tmp_path / "tracks.h5", ["the man"], [[b""]])
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


def test_query_tokens_are_kept_on_demand(film: dict[str, Path], tmp_path: Path) -> None:
    extract(film, "blip2", tmp_path / "plain.zarr")
    extract(film, "blip2", tmp_path / "kept.zarr", keep_tokens=True, batch_size=3)
    for person in range(3):
        plain = read_window(tmp_path / "plain.zarr", person)
        kept = read_window(tmp_path / "kept.zarr", person)
        for stream in ("holistic", "partial"):
            np.testing.assert_allclose(getattr(kept, stream), getattr(plain, stream), atol=2e-3)
            tokens = FeatureStore(tmp_path / "kept.zarr").read_tokens(person, stream, 0, T)
            assert tokens.shape == (T, TINY.queries, TINY.text)
            mean = tokens.astype(np.float32).mean(axis=1)
            np.testing.assert_allclose(mean, getattr(plain, stream), atol=4e-3)
        absent = FeatureStore(tmp_path / "kept.zarr").read_tokens(person, "partial", 0, T)[
            ~PRESENT[person]
        ]
        assert not absent.any()


def test_an_encoder_without_query_tokens_cannot_keep_them(
    film: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(RhasError, match=r"extract\.keep_tokens"):
        extract(film, "clip", tmp_path / "m.zarr", keep_tokens=True)
    assert not (tmp_path / "m.zarr").exists()


@pytest.mark.parametrize("keep", [False, True])
def test_memory_that_runs_out_halves_the_batch(
    film: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    extract(film, "blip2", tmp_path / "plain.zarr", keep_tokens=keep)
    encoder = load_encoder("blip2", film["blip2"])
    fused = encoder._fused

    def small(seen: torch.Tensor, text: Any) -> torch.Tensor:
        if len(seen) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return fused(seen, text)

    monkeypatch.setattr(encoder, "_fused", small)
    report = extract(film, "blip2", tmp_path / "auto.zarr", batch_size="auto", keep_tokens=keep)
    assert report["batch_size"] == 2  # 11 frames: 11 and 5 do not fit
    for person in range(3):
        plain, auto = (read_window(tmp_path / f"{n}.zarr", person) for n in ("plain", "auto"))
        np.testing.assert_allclose(auto.holistic, plain.holistic, atol=2e-3)
        np.testing.assert_allclose(auto.partial, plain.partial, atol=2e-3)
    with pytest.raises(RhasError, match="memory ran out"):
        extract(film, "blip2", tmp_path / "given.zarr", batch_size=4)
    assert not (tmp_path / "given.zarr").exists()


def test_crops_of_another_size_are_scaled_as_frames_are(
    film: dict[str, Path], tmp_path: Path
) -> None:
    large = np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)
    jpeg = encode_jpeg(large, 95)
    write_crops(tmp_path / "tracks.h5", ["the man"], [[jpeg] * T])
    crop = decode_jpeg(jpeg)
    extract({**film, "tracks": tmp_path / "tracks.h5"}, "blip2", tmp_path / "m.zarr")
    encoder = load_encoder("blip2", film["blip2"])
    want = encoder.fuse(encoder.vision(crop[None]), encoder.encode_text(["the man"])[0])[0]
    got = read_window(tmp_path / "m.zarr", 0).partial
    np.testing.assert_allclose(got, np.tile(want, (T, 1)), atol=2e-3)


@pytest.mark.parametrize("vlm", ["blip2", "clip"])
def test_any_sentence_is_taken_and_what_is_cut_is_told(
    film: dict[str, Path], vlm: str, tmp_path: Path
) -> None:
    references = ["", "the red coat " * 154, "女の人", "[SEP]", "<|endoftext|> <image>", "\n\t"]
    assert len(references[1]) >= 2000
    write_crops(tmp_path / "tracks.h5", references, [[b""] * T] * len(references))
    store = tmp_path / "m.zarr"
    report = extract({**film, "tracks": tmp_path / "tracks.h5"}, vlm, store)
    encoder = load_encoder(vlm, film[vlm])
    dropped = len(encoder._token_ids(references[1])) - encoder.max_text_tokens
    assert dropped > 400
    assert report["dropped_text_tokens"] == [0, dropped, 0, 0, 0, 0]
    texts = [read_window(store, person).text for person in range(len(references))]
    assert np.isfinite(texts).all()
    np.testing.assert_array_equal(texts[0], texts[5])  # nothing said, in two ways
    assert not np.array_equal(texts[0], texts[3])  # "[SEP]" is a word
    assert FeatureStore(store).read_info().references == tuple(references)


@pytest.mark.parametrize(
    "config",
    [
        {"batch_size": 0},
        {"batchsize": 8},
        {"device": "abacus"},
        {"dtype": "int8"},
        {"batch_size": "many"},
    ],
)
def test_wrong_settings_are_refused(
    film: dict[str, Path], tmp_path: Path, config: dict[str, Any]
) -> None:
    with pytest.raises(RhasError):
        extract(film, "clip", tmp_path / "m.zarr", **config)


def test_a_hub_name_without_a_snapshot_is_refused(film: dict[str, Path], tmp_path: Path) -> None:
    source = ExtractInput("m", film["frames"], film["tracks"])
    config = ExtractConfig(vlm="clip", checkpoints={"clip": "someone/absent"})
    with pytest.raises(RhasError, match="hf download someone/absent"):
        extract_film(source, config, tmp_path / "o", lambda n: None)


def test_every_encoder_has_a_setting_and_a_folder_that_dvc_can_watch() -> None:
    """dvc.yaml names ``weights/${vlm}``; an encoder that is not built in has an empty one."""
    root = Path(__file__).resolve().parents[2]
    settings = yaml.safe_load((root / "params.yaml").read_text())["extract"]["checkpoints"]
    encoders = get_args(get_type_hints(ExtractConfig)["vlm"])
    assert settings == {vlm: f"weights/{vlm}" for vlm in encoders}
    assert all((root / folder).is_dir() for folder in settings.values())


def test_an_empty_folder_says_what_to_put_there(film: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "siglip2").mkdir()
    (tmp_path / "siglip2/README.md").write_text("put a checkpoint here")
    with pytest.raises(RhasError, match="hf download"):
        extract({**film, "siglip2": tmp_path / "siglip2"}, "siglip2", tmp_path / "m.zarr")
