"""The extract stage: a film's frames and crops through a vision-language model.

Legend: T frames, P persons, D feature width (docs/DESIGN.md).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.base.parts import FilmPart, Span, split_at_batches
from rhas.base.progress import Progress
from rhas.config.extract import ExtractConfig
from rhas.config.section import TOKEN_ENCODERS
from rhas.engine.batches import Batches
from rhas.extract.encoders import Encoder, Text, checkpoint_folder, checkpoint_hash, load_encoder
from rhas.extract.pictures import Block, FilmPictures
from rhas.stores.features import (
    STREAMS,
    FeatureInfo,
    Features,
    FeatureStoreWriter,
    TokenWriter,
    measure_statistics,
    merge_features,
)
from rhas.stores.frames import count_frames, open_frames
from rhas.stores.tracks import open_tracks


@dataclass(frozen=True)
class ExtractInput:
    """A film's stores of frames and tracks.

    Args:
        checkpoint: folder of the encoder; None: ``config.checkpoint`` is a hub name, which is
            looked up in the local hub cache.
        span: the frames to extract; None: all.
    """

    movie: str
    frames: Path
    tracks: Path
    checkpoint: Path | None = None
    span: Span | None = None


@dataclass(frozen=True)
class ExtractReport:
    """What became of a film.

    Args:
        frames: T.
        persons: P.
        missing: frames without a crop, by person.
        dropped_text_tokens: by person, those beyond the encoder's limit.
        batch_size: the one that memory was enough for.
    """

    frames: int
    persons: int
    missing: list[int]
    dropped_text_tokens: list[int]
    batch_size: int


def extract_film(
    source: ExtractInput, config: ExtractConfig, out: Path, progress: Progress
) -> ExtractReport:
    """Writes the feature store of a film (docs/DESIGN.md, Files).

    Holistic features are made of every whole frame with every person's reference, partial ones of
    the person's crop with their own; where there is no crop they are zero and ``present`` is
    False. All of a film's features are held in memory: 4 · T · P · D bytes; of query tokens, 1,000
    frames at a time.

    Args:
        source: the film's stores.
        config: parameters of the stage.
        out: folder to make.
        progress: called with the number of frames done since the last call.

    Raises:
        RhasError: stores that do not belong together, a damaged image, a wrong checkpoint,
            or features that are not finite in float16.
    """
    if config.keep_tokens and config.vlm not in TOKEN_ENCODERS:
        raise RhasError(
            f"{config.vlm} has no query tokens to keep",
            where="extract.keep_tokens",
            do=f"set it to false, or use {' or '.join(TOKEN_ENCODERS)}",
        )
    folder = source.checkpoint or checkpoint_folder(config.checkpoint)
    encoder = load_encoder(config.vlm, folder, config.device, config.dtype, config.compile)
    batches = Batches(config.batch_size, config.device)
    with (
        open_frames(source.frames) as frames,
        open_tracks(source.tracks) as tracks,
        _new_store(out, len(tracks.tracks.persons)) as writer,
    ):
        film = FilmPictures(frames, tracks, encoder.resized, source.span)
        texts = encoder.encode_text(film.references)
        made = [_make_empty_features(film.frames, encoder, text) for text in texts]
        with ExitStack() as stack:
            tokens = _token_writers(writer, stack, film, encoder) if config.keep_tokens else []
            sink = _Sink(made, tokens)
            for block in film.read_blocks(batches.size, _count_threads(config.device)):
                _encode_block(encoder, texts, block, batches, sink)
                progress(len(block.frames))
        for person, features in enumerate(made):
            _check_finite(features, source.movie, person, film.first)
        info = FeatureInfo(
            movie=source.movie,
            fps=frames.info.fps,
            frames=film.frames,
            encoder=config.vlm,
            checkpoint=config.checkpoint,
            checkpoint_hash=checkpoint_hash(folder),
            dtype="float16",
            model_dtype=config.dtype,
            truth=tracks.tracks.info.truth,
            references=tuple(text.reference for text in texts),
            statistics=measure_statistics(made),
        )
        writer.write(made, info)
    return ExtractReport(
        frames=film.frames,
        persons=len(texts),
        missing=[int((~features.present).sum()) for features in made],
        dropped_text_tokens=[text.dropped_tokens for text in texts],
        batch_size=batches.size,
    )


def split_film(source: ExtractInput, config: ExtractConfig, longest: int) -> list[Span]:
    """Spans of a film whose batches are those of the whole film; see `split_at_batches`."""
    frames = count_frames(source.frames)
    batch = Batches(config.batch_size, config.device).size
    return split_at_batches(range(frames), frames, batch, longest)


def merge_film(
    parts: Sequence[FilmPart[ExtractReport]], config: ExtractConfig, out: Path
) -> ExtractReport:
    """Writes a film's features from those of its parts; see `rhas.engine.steps.Cutting`."""
    merge_features([part.path for part in parts], out)
    reports = [part.report for part in parts]
    return replace(
        reports[0],
        frames=sum(report.frames for report in reports),
        missing=[sum(counts) for counts in zip(*(r.missing for r in reports), strict=True)],
        batch_size=min(report.batch_size for report in reports),
    )


@contextmanager
def _new_store(out: Path, persons: int) -> Iterator[FeatureStoreWriter]:
    """A store that is gone again where the block fails."""
    writer = FeatureStoreWriter(out, persons)
    try:
        yield writer
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise


def _count_threads(device: str) -> int:
    """Threads that decode: two keep up with a model on a processor, a GPU outruns them."""
    return 2 if device == "cpu" else min(8, os.cpu_count() or 1)


def _make_empty_features(frames: int, encoder: Encoder, text: Text) -> Features:
    return Features(
        holistic=np.zeros((frames, encoder.D), np.float16),
        partial=np.zeros((frames, encoder.D), np.float16),
        present=np.zeros(frames, bool),
        text=text.embedding,
    )


def _token_writers(
    writer: FeatureStoreWriter, stack: ExitStack, film: FilmPictures, encoder: Encoder
) -> list[dict[str, TokenWriter]]:
    shape = (film.frames, encoder.Q, encoder.D)
    return [
        {
            s: stack.enter_context(writer.create_tokens(person, s, shape, film.first))
            for s in STREAMS
        }
        for person in range(len(film.references))
    ]


@dataclass(frozen=True)
class _Sink:
    """Where results go: every person's features, and query tokens where they are kept."""

    features: list[Features]
    tokens: list[dict[str, TokenWriter]]

    def encode(self, encoder: Encoder, vision_tokens: Tensor, text: Text) -> np.ndarray:
        """Features float32 (n, D), or (n, Q, D) where query tokens are kept."""
        make = encoder.query_tokens if self.tokens else encoder.fuse
        return make(vision_tokens, text)

    def put(self, person: int, stream: str, frames: np.ndarray, result: np.ndarray) -> None:
        if self.tokens:
            self.tokens[person][stream].put(frames, result)
            result = torch.from_numpy(result).mean(dim=1).numpy()  # as ``fuse`` does
        with np.errstate(over="ignore"):  # told by _check_finite
            getattr(self.features[person], stream)[frames] = result


def _encode_block(
    encoder: Encoder, texts: list[Text], block: Block, batches: Batches, sink: _Sink
) -> None:
    """Fills the block's rows of every person's features.

    Whatever is put is computed before: a slice that runs out of memory has put nothing.
    """
    frames = np.array(block.frames)

    def encode_whole(rows: slice) -> None:
        seen = encoder.vision(block.whole[rows])
        results = [sink.encode(encoder, seen, text) for text in texts]
        for person, result in enumerate(results):
            sink.put(person, "holistic", frames[rows], result)

    def encode_crops(rows: slice) -> None:
        seen = encoder.vision(block.crops[rows])
        persons, of = block.persons[rows], block.crop_frames[rows]
        parts = {p: slice(*np.searchsorted(persons, (p, p + 1))) for p in np.unique(persons)}
        results = [sink.encode(encoder, seen[part], texts[p]) for p, part in parts.items()]
        for (person, part), result in zip(parts.items(), results, strict=True):
            sink.put(person, "partial", of[part], result)
            sink.features[person].present[of[part]] = True

    batches.run(encode_whole, len(frames))
    batches.run(encode_crops, len(block.crops))


def _check_finite(features: Features, movie: str, person: int, first: int) -> None:
    """Checks features whose first frame is ``first``."""
    for stream in ("holistic", "partial"):
        bad = ~np.isfinite(getattr(features, stream)).all(axis=1)
        if bad.any():
            frame = first + int(bad.argmax())
            raise RhasError(
                "features are not finite in float16",
                where=f"movie {movie}, person {person}, {stream}, frame {frame}",
                got=f"{int(bad.sum())} of {len(bad)} frames",
                do="use another checkpoint",
            )
