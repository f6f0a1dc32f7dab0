"""The samples of one subset, as a torch dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.utils.data import Dataset

from rhas.base.batch import Batch
from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.chunk.labels import make_boundary, make_labels
from rhas.config.section import TOKEN_ENCODERS
from rhas.stores.features import STREAMS, Features, FeatureStore
from rhas.stores.samples import Sample, SampleIndex


def make_sample(
    features: Features,
    labels: np.ndarray | None = None,
    *,
    length: int | None = None,
    boundary_sigma: float = 4.0,
    tokens: Mapping[str, np.ndarray] | None = None,
) -> Batch:
    """One person's frames as a `Batch` without B, for training or prediction.

    Args:
        features: of n frames.
        labels: (n, C), non-zero where a class is annotated; None: no class is, of the 137.
        length: L, frames to which the row is padded at its end; None: n.
        boundary_sigma: width of a label-set change in ``boundary``, frames.
        tokens: ``holistic_tokens`` and ``partial_tokens`` (n, Q, D), for methods that read them.

    Raises:
        RhasError: labels of another number of frames, or more frames than ``length``.
    """
    frames = len(features.present)
    length = frames if length is None else length
    if labels is None:
        labels = np.zeros((frames, len(CLASSES)), np.float32)
    if labels.ndim != 2 or len(labels) != frames:
        raise RhasError(
            "'labels' does not fit the features",
            where="make_sample",
            expected=f"({frames}, C)",
            got=str(labels.shape),
            do="give one row per frame",
        )
    if frames > length:
        raise RhasError(
            "the sample is longer than its length",
            where="make_sample, length",
            expected=f"up to {length} frames",
            got=str(frames),
            do="cut it into windows",
        )
    labels = (labels != 0).astype(np.float32)
    row: Mapping[str, np.ndarray] = {
        "holistic": features.holistic.astype(np.float32, copy=False),
        "partial": features.partial.astype(np.float32, copy=False),
        "present": features.present,
        "mask": np.ones(frames, bool),
        "labels": labels,
        "boundary": make_boundary(labels, boundary_sigma),
        **(tokens or {}),
    }
    padded = {key: torch.from_numpy(_pad_end(value, length)) for key, value in row.items()}
    return cast(Batch, {**padded, "text": torch.from_numpy(features.text)})


class Samples(Dataset):
    """The samples of one side of the split.

    Items are a ``rhas.base.batch.Batch`` without batch dimension, padded at their end to L.
    ``samples`` lists the windows in the items' order.

    Args:
        folder: ``data/samples``.
        split: ``train``, ``val`` or ``test``.
        tokens: items hold query tokens too; of an encoder without them, the feature is the only
            one. Reading an item is a RhasError where `extract.keep_tokens` was not set.
    """

    def __init__(self, folder: Path, split: str, tokens: bool = False) -> None:
        self.tokens = tokens
        index = SampleIndex.read(folder)
        self.info = index.info
        self.samples = index.select_subset(split)
        self._intervals = index.intervals

    def __len__(self) -> int:
        return len(self.samples)

    def reference(self, sample: Sample) -> str:
        """The sentence that says whom the sample is about."""
        return self.info.references[sample.movie][sample.person]

    def __getitem__(self, number: int) -> Batch:
        sample = self.samples[number]
        read = self._open_store(sample).read_window(sample.person, sample.start, sample.stop)
        tokens = self._read_tokens(sample, read) if self.tokens else {}
        intervals = self._intervals.get((sample.movie, sample.person), ())
        labels = make_labels(intervals, sample.start, sample.stop, self.info.C)
        return make_sample(
            read,
            labels,
            length=self.info.L,
            boundary_sigma=self.info.boundary_sigma,
            tokens=tokens,
        )

    def _open_store(self, sample: Sample) -> FeatureStore:
        return FeatureStore(Path(self.info.features) / f"{sample.movie}.zarr")

    def _read_tokens(self, sample: Sample, read: Features) -> dict[str, np.ndarray]:
        store, person = self._open_store(sample), sample.person
        if store.read_info().encoder not in TOKEN_ENCODERS:
            tokens = {name: getattr(read, name)[:, None] for name in STREAMS}
        else:
            tokens = {
                name: store.read_tokens(person, name, sample.start, sample.stop) for name in STREAMS
            }
        return {f"{name}_tokens": value.astype(np.float16) for name, value in tokens.items()}


def _pad_end(value: np.ndarray, length: int) -> np.ndarray:
    width = [(0, length - len(value))] + [(0, 0)] * (value.ndim - 1)
    return np.pad(value, width)
