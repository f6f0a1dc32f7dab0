"""A method's scores of samples, beside the truth.

B batch, L frames of a sample, T real frames of it, C classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rhas.base.batch import Batch, add_batch_dimension, select_inputs
from rhas.base.errors import RhasError


class ScoringMethod(Protocol):
    """What every method offers: class probabilities of a batch."""

    def compute_scores(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        """(B, L, C) in [0, 1], from a batch without labels and boundary.

        All randomness is drawn from ``generator``, a CPU generator.
        """
        ...


class SampleWindow(Protocol):
    """One person's window ``[start, stop)`` of a movie, in frames."""

    sample: str
    movie: str
    person: int
    start: int
    stop: int


class WindowedSamples(Protocol):
    """A subset: items are rows of the batch, ``samples`` their windows in order."""

    @property
    def samples(self) -> Sequence[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> Batch: ...


@dataclass(frozen=True)
class ScoredSample:
    """A sample with a method's scores of it; real frames only.

    Args:
        window: where it lies.
        scores: float32 (T, C) as the method gave them.
        truth: bool (T, C).
        present: bool (T,), a crop exists.
    """

    window: SampleWindow
    scores: NDArray[np.float32]
    truth: NDArray[np.bool_]
    present: NDArray[np.bool_]

    @property
    def stored(self) -> NDArray[np.float16]:
        """The scores as scores.zarr holds them."""
        return self.scores.astype(np.float16)

    @property
    def evaluated(self) -> NDArray[np.float32]:
        """The stored scores in float32: all metrics but the published evaluator's are of these."""
        return self.stored.astype(np.float32)


def score_samples(
    method: ScoringMethod,
    samples: WindowedSamples,
    seed: int,
    classes: int,
    progress: Callable[[int], None] = lambda frames: None,
) -> list[ScoredSample]:
    """The method's scores of every sample, one at a time, each with its own generator.

    The method sees neither labels nor boundaries.

    Raises:
        RhasError: scores of a wrong shape, not finite, or outside [0, 1]; names the sample.
    """
    scored = []
    for number, window in enumerate(samples.samples):
        row = samples[number]
        batch = add_batch_dimension(select_inputs(row))
        with torch.inference_mode():
            output = method.compute_scores(batch, sample_generator(seed, window.sample))
        mask = row["mask"].numpy()
        where = f"sample {window.sample}"
        scores = _check_scores(output, mask, (1, len(mask), classes), where)
        if len(scores) != window.stop - window.start:
            raise RhasError(
                "the mask does not fit the sample's window",
                where=where,
                expected=f"{window.stop - window.start} frames",
                got=str(len(scores)),
                do="run `dvc repro chunk`",
            )
        truth = row["labels"].numpy()[mask] != 0
        scored.append(ScoredSample(window, scores, truth, row["present"].numpy()[mask]))
        progress(len(scores))
    return scored


def _check_scores(
    output: torch.Tensor, mask: NDArray[np.bool_], shape: tuple[int, int, int], where: str
) -> NDArray[np.float32]:
    """The scores of the real frames, (T, C)."""
    if output.shape != shape:
        raise RhasError(
            "the method's scores have a wrong shape",
            where=where,
            expected=f"(B, L, C) = {shape}",
            got=str(tuple(output.shape)),
        )
    scores = output[0].float().cpu().numpy()[mask]
    if not (np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1).all()):
        raise RhasError(
            "the method's scores are not probabilities",
            where=where,
            expected="finite values in [0, 1]",
            got=_describe_range(scores),
            do="if training diverged, lower the learning rate",
        )
    return scores


def _describe_range(scores: NDArray[np.floating]) -> str:
    finite = scores[np.isfinite(scores)]
    span = f"{finite.min()} to {finite.max()}, " if finite.size else ""
    return f"{span}{scores.size - finite.size} of {scores.size} not finite"


def sample_generator(seed: int, sample: str) -> torch.Generator:
    """The random numbers of one sample, the same in whatever order samples come."""
    digest = hashlib.sha256(f"{seed}:{sample}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
