"""The extract stage: a film's frames and crops through a vision-language model.

Legend: T frames, P persons, D feature width (docs/DESIGN.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.extract.encoders import Encoder, Text, checkpoint_folder, checkpoint_hash, load_encoder
from rhas.stores.featurestore import Features, FeatureStoreWriter
from rhas.stores.jpegstore import JpegReader, person_group

_READ_AHEAD = 2


@dataclass(frozen=True)
class ExtractConfig:
    """How features are made.

    Args:
        vlm: the encoder.
        checkpoint: folder of its weights, or a hub name.
        batch_size: pictures that go through the model at once; speed and memory only.
        device: torch device of the model.
    """

    vlm: Literal["blip2", "clip"]
    checkpoint: str
    batch_size: int = 64
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise RhasError(
                "batch_size must be positive", where="extract.batch_size", got=str(self.batch_size)
            )


def extract_film(
    inputs: Mapping[str, Path],
    arguments: Mapping[str, Any],
    out: Path,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Writes the feature store of a film (docs/DESIGN.md, Files).

    Holistic features are made of every whole frame with every person's reference, partial ones of
    the person's crop with their own; where there is no crop they are zero and ``present`` is
    False. All of a film's features are held in memory: 4 · T · P · D bytes.

    Args:
        inputs: ``frames`` and ``tracks``, HDF5 files; ``checkpoint``, a folder; without
            it ``config.checkpoint`` is looked up (a hub name, in the local hub cache).
        arguments: ``movie``; ``config``, fields of ``ExtractConfig``.
        out: folder to make.
        progress: called with the number of frames done since the last call.

    Returns:
        frames, persons, missing (frames without a crop, by person), dropped_text_tokens (by
        person, those beyond the encoder's limit).

    Raises:
        RhasError: stores that do not belong together, a damaged picture, a wrong checkpoint,
            or features that are not finite in float16.
    """
    movie = arguments["movie"]
    config = from_mapping(ExtractConfig, arguments["config"], "extract")
    folder = inputs.get("checkpoint") or checkpoint_folder(config.checkpoint)
    encoder = load_encoder(config.vlm, folder, config.device)
    with h5py.File(inputs["frames"]) as frames_file, h5py.File(inputs["tracks"]) as tracks_file:
        film = _Film(frames_file, tracks_file)
        texts = encoder.encode_text(film.references)
        made = [Features(**_empty(film.frames, encoder, text)) for text in texts]
        for block in film.blocks(config.batch_size):
            _encode_block(encoder, texts, block, made)
            progress(len(block.pictures))
        facts = {
            "movie": movie,
            "fps": float(frames_file.attrs["fps"]),
            "frames": film.frames,
            "encoder": config.vlm,
            "checkpoint": config.checkpoint,
            "checkpoint_hash": checkpoint_hash(folder),
            "dtype": "float16",
            "truth": bool(tracks_file.attrs["truth"]),
        }
    writer = FeatureStoreWriter(out)
    for person, (text, features) in enumerate(zip(texts, made, strict=True)):
        _check_finite(features, movie, person)
        own = {"person": person, "reference": text.reference, "statistics": _statistics(features)}
        writer.write_person(person, features, {**facts, **own})
    return {
        "frames": film.frames,
        "persons": len(texts),
        "missing": [int((~features.present).sum()) for features in made],
        "dropped_text_tokens": [text.dropped_tokens for text in texts],
    }


@dataclass(frozen=True)
class _Block:
    """Consecutive frames from ``start`` on: their pictures, and by person (frames, crops)."""

    start: int
    pictures: np.ndarray  # uint8 (n, height, width, 3)
    crops: list[tuple[np.ndarray, np.ndarray]]  # int64 (m,), uint8 (m, size, size, 3)


class _Film:
    """The pictures of a film: whole frames and every person's crops."""

    def __init__(self, frames_file: h5py.File, tracks_file: h5py.File) -> None:
        self._pictures = JpegReader(frames_file)
        self._where = f"{frames_file.filename}, {tracks_file.filename}"
        self.frames = len(self._pictures)
        self._crops: list[JpegReader] = []
        self.references: list[str] = []
        while (name := person_group(len(self._crops))) in tracks_file:
            group = tracks_file[name]
            self._crops.append(JpegReader(group))
            self.references.append(str(group.attrs["reference"]))
        lengths = {len(crops) for crops in self._crops}
        if lengths != {self.frames}:
            raise RhasError(
                "frames and tracks do not belong together",
                where=self._where,
                expected=f"one or more persons with {self.frames} frames each",
                got=f"{len(self._crops)} persons with {sorted(lengths)} frames",
                do="run `dvc repro crop`",
            )

    def blocks(self, size: int) -> Iterator[_Block]:
        """Blocks of ``size`` frames in order; decoding runs ahead of whoever consumes them."""
        waiting: list[Future[_Block]] = []
        with ThreadPoolExecutor(_READ_AHEAD) as pool:
            try:
                for start in range(0, self.frames, size):
                    stop = min(start + size, self.frames)
                    waiting.append(pool.submit(self._block, start, stop))
                    if len(waiting) > _READ_AHEAD:
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _block(self, start: int, stop: int) -> _Block:
        pictures = [self._pictures[frame] for frame in range(start, stop)]
        if any(picture is None for picture in pictures):
            raise RhasError("a frame without a picture", where=f"{self._where}, from {start}")
        crops = []
        for reader in self._crops:
            found = [(f, crop) for f in range(start, stop) if (crop := reader[f]) is not None]
            crops.append((np.array([f for f, _ in found], int), _stack([c for _, c in found])))
        return _Block(start, _stack(pictures), crops)


def _stack(pictures: list[Any]) -> np.ndarray:
    return np.stack(pictures) if pictures else np.empty((0, 1, 1, 3), np.uint8)


def _empty(frames: int, encoder: Encoder, text: Text) -> dict[str, np.ndarray]:
    return {
        "holistic": np.zeros((frames, encoder.D), np.float16),
        "partial": np.zeros((frames, encoder.D), np.float16),
        "present": np.zeros(frames, bool),
        "text": text.embedding,
    }


def _encode_block(encoder: Encoder, texts: list[Text], block: _Block, made: list[Features]) -> None:
    """Fills the block's rows of every person's features."""
    whole = slice(block.start, block.start + len(block.pictures))
    tokens = encoder.vision(block.pictures)
    for text, (frames, crops), features in zip(texts, block.crops, made, strict=True):
        with np.errstate(over="ignore"):  # told by _check_finite
            features.holistic[whole] = encoder.fuse(tokens, text)
            if len(frames):
                features.partial[frames] = encoder.fuse(encoder.vision(crops), text)
        features.present[frames] = True


def _check_finite(features: Features, movie: str, person: int) -> None:
    for stream in ("holistic", "partial"):
        bad = ~np.isfinite(getattr(features, stream)).all(axis=1)
        if bad.any():
            raise RhasError(
                "features are not finite in float16",
                where=f"movie {movie}, person {person}, {stream}, frame {int(bad.argmax())}",
                got=f"{int(bad.sum())} of {len(bad)} frames",
                do="use another checkpoint",
            )


def _statistics(features: Features) -> dict[str, dict[str, float]]:
    """Mean, standard deviation and largest magnitude; of partial features where present."""
    rows = {"holistic": features.holistic, "partial": features.partial[features.present]}
    return {
        stream: {
            "mean": float(values.mean(dtype=np.float64)),
            "std": float(values.std(dtype=np.float64)),
            "abs_max": float(np.abs(values).max()),
        }
        for stream, values in rows.items()
        if values.size
    }
