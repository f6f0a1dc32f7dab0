"""Training samples: their contract, batches of them, and how they are held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods import Dims


class SampleSet(Protocol):
    """A side of the split; items are rows of the batch of DESIGN.md, see ``rhas.chunk``."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Mapping[str, Tensor]: ...


def dims_of(sample: Mapping[str, Tensor]) -> Dims:
    """The sizes that a sample's tensors have."""
    length, width = sample["holistic"].shape
    return Dims(D=width, D_text=len(sample["text"]), C=sample["labels"].shape[1], L=length)


def batch_of(samples: SampleSet, numbers: list[int]) -> dict[str, Tensor]:
    """Rows as a batch.

    Raises:
        RhasError: rows of different shapes.
    """
    rows = [samples[number] for number in numbers]
    for number, row in zip(numbers, rows, strict=True):
        for key, value in rows[0].items():
            if row[key].shape != value.shape:
                raise RhasError(
                    f"samples of different shapes in '{key}'",
                    where=f"sample {number}",
                    expected=str(tuple(value.shape)),
                    got=str(tuple(row[key].shape)),
                    do="run `dvc repro -f chunk`",
                )
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


class Held:
    """Samples that stay in memory once read, up to a number of gigabytes."""

    def __init__(self, samples: SampleSet, gigabytes: float) -> None:
        self._samples = samples
        self._room = gigabytes * 1e9
        self._kept: dict[int, Mapping[str, Tensor]] = {}
        self._digest = ""

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Mapping[str, Tensor]:
        if number in self._kept:
            return self._kept[number]
        item = self._samples[number]
        size = sum(tensor.nbytes for tensor in item.values())
        if size <= self._room:
            self._kept[number] = item
            self._room -= size
        return item

    def name(self, number: int) -> str:
        """A sample's name where the set has names, and its number."""
        listed = getattr(self._samples, "samples", None)
        return f"{listed[number].sample} ({number})" if listed else str(number)

    def digest(self) -> str:
        """SHA-256 of all samples' contents."""
        if not self._digest:
            state = hashlib.sha256()
            for sample in self:
                for key in sorted(sample):
                    value = sample[key].contiguous()
                    state.update(f"{key} {tuple(value.shape)} {value.dtype}\n".encode())
                    state.update(value.numpy().data)
            self._digest = state.hexdigest()
        return self._digest
