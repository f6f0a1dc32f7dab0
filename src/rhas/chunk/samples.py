"""The samples of one side of the split, as a torch dataset."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from rhas.chunk.labels import Interval, boundary_of, labels_of
from rhas.stores import featurestore

_WITHOUT_TOKENS = ("clip", "siglip2")  # encoders whose feature is no mean of query tokens


@dataclass(frozen=True)
class Sample:
    """One person's window ``[start, stop)`` of a movie, in frames."""

    sample: str
    movie: str
    person: int
    start: int
    stop: int
    split: str


class Samples(Dataset):
    """The samples of one side of the split.

    Items are dicts of tensors, one row of the batch of DESIGN.md (no batch dimension), padded at
    their end to L. ``samples`` lists the windows in the items' order.

    Args:
        folder: ``data/samples``.
        split: ``train``, ``val`` or ``test``.
        tokens: items hold query tokens too; of an encoder without them, the feature is the only
            one. Reading an item is a RhasError where `extract.keep_tokens` was not set.
    """

    def __init__(self, folder: Path, split: str, tokens: bool = False) -> None:
        self.tokens = tokens
        self.info: dict[str, Any] = json.loads((folder / "info.json").read_text("utf-8"))
        with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == split]
        self.samples = [
            Sample(
                r["sample"], r["movie"], int(r["person"]), int(r["start"]), int(r["stop"]), split
            )
            for r in rows
        ]
        self._intervals: dict[tuple[str, int], list[Interval]] = defaultdict(list)
        with (folder / "intervals.csv").open(newline="", encoding="utf-8") as file:
            for r in csv.DictReader(file):
                interval = (int(r["class_id"]), int(r["start"]), int(r["stop"]))
                self._intervals[r["movie"], int(r["person"])].append(interval)
        self._features = Path(self.info["features"])

    def __len__(self) -> int:
        return len(self.samples)

    def reference(self, sample: Sample) -> str:
        """The sentence that says whom the sample is about."""
        return self.info["references"][sample.movie][sample.person]

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        sample = self.samples[number]
        read = featurestore.read_window(
            self._features / f"{sample.movie}.zarr", sample.person, sample.start, sample.stop
        )
        tokens = self._tokens(sample, read) if self.tokens else {}
        labels = labels_of(self._intervals[sample.movie, sample.person], sample.start, sample.stop)
        mask = np.ones(len(labels), bool)
        row: Mapping[str, np.ndarray] = {
            "holistic": read.holistic,
            "partial": read.partial,
            "present": read.present,
            "mask": mask,
            "labels": labels,
            "boundary": boundary_of(labels, self.info["boundary_sigma"]),
            **tokens,
        }
        length = self.info["L"]
        padded = {key: torch.from_numpy(_pad(value, length)) for key, value in row.items()}
        return {**padded, "text": torch.from_numpy(read.text)}

    def _tokens(self, sample: Sample, read: featurestore.Features) -> dict[str, np.ndarray]:
        store, person = self._features / f"{sample.movie}.zarr", sample.person
        if featurestore.attributes(store, person)["encoder"] in _WITHOUT_TOKENS:
            only = {name: getattr(read, name)[:, None] for name in featurestore.STREAMS}
        else:
            only = {
                name: featurestore.read_tokens(store, person, name, sample.start, sample.stop)
                for name in featurestore.STREAMS
            }
        return {f"{name}_tokens": value.astype(np.float16) for name, value in only.items()}


def _pad(value: np.ndarray, length: int) -> np.ndarray:
    width = [(0, length - len(value))] + [(0, 0)] * (value.ndim - 1)
    return np.pad(value, width)
