"""A method's scores over a whole film, from overlapping windows.

T frames of the film, L frames of a window, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from rhas.base.batch import Batch
from rhas.base.progress import Progress
from rhas.engine.code import code_hash
from rhas.evaluate.scoring import score_samples
from rhas.methods import Dims
from rhas.segment.chunks import FilmChunk
from rhas.stores.features import STREAMS, FeatureStore
from rhas.stores.samples import Sample
from rhas.train import SavedConfig, load_method

OVERLAP = 8  # an eighth of a window


def find_window_starts(frames: int, length: int, overlap: int) -> list[int]:
    """Starts of windows that cover a film: evenly spaced, with this overlap or more.

    A film no longer than a window is one window. 25 frames by 10, overlap 2: 0, 8, 15.
    """
    if frames <= length:
        return [0]
    steps = -(-(frames - length) // (length - overlap))
    return [round(step * (frames - length) / steps) for step in range(steps + 1)]


def blend_windows(
    frames: int, length: int, starts: Sequence[int], scored: Iterable[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Scores (T, C) of the film as weighted means of those of its windows, (L, C) each.

    Where windows overlap the mean is weighted: a window's weight rises in equal steps from its
    edge, 1 / (n + 1) on the first of n common frames, n / (n + 1) on the last. A frame that one
    window covers has the scores of that window, bit by bit.

    Args:
        frames: T.
        length: L.
        starts: of the windows, ascending.
        scored: the windows' scores in that order; one at a time is in memory.
    """
    stops = [min(start + length, frames) for start in starts]
    common = [0, *(stop - start for (_, start), (stop, _) in
                   zip(pairwise(starts), pairwise(stops), strict=True)), 0]  # fmt: skip
    total: NDArray[np.float32] | None = None
    weight = np.zeros((frames, 1), np.float32)
    for number, scores in enumerate(scored):
        place = np.arange(1, len(scores) + 1, dtype=np.float32)[:, None]
        rise = place / (common[number] + 1)
        fall = place[::-1] / (common[number + 1] + 1)
        share = np.minimum(np.minimum(rise, fall), 1)
        if total is None:
            total = np.zeros((frames, scores.shape[1]), np.float32)
        at = slice(starts[number], stops[number])
        total[at] += share * scores
        weight[at] += share
    assert total is not None
    return np.clip(total / weight, 0, 1)


class FilmWindow:
    """One window of a person as the only item of a sample set; labels are all zero.

    Args:
        chunks: feature stores of the film's chunks, in order.
        window: which frames of whom.
        length: L, the item is padded to it at its end.
        classes: C.
    """

    def __init__(
        self, chunks: Sequence[FilmChunk], window: Sample, length: int, classes: int
    ) -> None:
        self.samples = [window]
        self._chunks, self._length, self._classes = chunks, length, classes

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> Batch:
        window = self.samples[number]
        read = [
            FeatureStore(chunk.path).read_window(
                window.person,
                max(window.start, chunk.start) - chunk.start,
                min(window.stop, chunk.stop) - chunk.start,
            )
            for chunk in self._chunks
            if chunk.start < window.stop and window.start < chunk.stop
        ]
        rows = {
            name: _pad_end(np.concatenate([getattr(r, name) for r in read]), self._length)
            for name in (*STREAMS, "present")
        }
        rows["mask"] = _pad_end(np.ones(window.stop - window.start, bool), self._length)
        rows["labels"] = np.zeros((self._length, self._classes), np.float32)
        rows["text"] = read[0].text
        return cast(Batch, {name: torch.from_numpy(value) for name, value in rows.items()})


@dataclass(frozen=True)
class ScoreInput:
    """A person of a film whose features are in parts.

    Args:
        model: folder of a trained method.
        features: stores of the film's parts.
        spans: start and stop of every part, frames.
        seed: of the sampling.
        code: hash of the method's code (`hash_method_code`); counts for the work cache alone.
    """

    movie: str
    person: int
    model: Path
    features: tuple[Path, ...]
    spans: tuple[tuple[int, int], ...]
    seed: int
    code: str = ""


@dataclass(frozen=True)
class ScoreReport:
    """Starts of the windows, frames."""

    windows: list[int]


def score_person(source: ScoreInput, out: Path, progress: Progress) -> ScoreReport:
    """Writes one person's scores of a film, ``.npy`` float16 (T, C).

    A window's sample has the name that `rhas.chunk` gives it and its random numbers, so a film of
    one window has the scores that the stages give it.

    Args:
        source: whose scores.
        out: the file to write.
        progress: called with the number of frames scored since the last call.

    Raises:
        RhasError: the method's scores are not probabilities.
    """
    method = load_method(source.model)
    dims = read_model_dims(source.model)
    parts = [
        FilmChunk(*span, path) for span, path in zip(source.spans, source.features, strict=True)
    ]
    movie, person, frames = source.movie, source.person, parts[-1].stop
    starts = find_window_starts(frames, dims.L, dims.L // OVERLAP)

    def scored(start: int) -> NDArray[np.float32]:
        stop = min(start + dims.L, frames)
        name = f"{movie}_{person:03d}_{start:06d}"
        window = FilmWindow(parts, Sample(name, movie, person, start, stop, "film"), dims.L, dims.C)
        return score_samples(method, window, source.seed, dims.C, progress)[0].scores

    scores = blend_windows(frames, dims.L, starts, map(scored, starts))
    with out.open("wb") as file:
        np.save(file, scores.astype(np.float16))
    return ScoreReport(starts)


def read_model_dims(model: Path) -> Dims:
    """The sizes of a trained method: feature widths, classes, frames of a window."""
    return SavedConfig.read(model).dims


def read_model_classes(model: Path) -> tuple[str, ...]:
    """The names of a trained method's classes."""
    return SavedConfig.read(model).class_names


def hash_method_code(model: Path) -> str:
    """Hash of the code of the method in a folder, which is found by name, not by import."""
    return code_hash(type(load_method(model)))


def _pad_end(value: NDArray[Any], length: int) -> NDArray[Any]:
    return np.pad(value, [(0, length - len(value))] + [(0, 0)] * (value.ndim - 1))
