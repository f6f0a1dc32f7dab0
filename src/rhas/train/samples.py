"""Training samples: their contract, batches of them, and a cache of them in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol, cast

import torch
from torch import Tensor

from rhas.base.batch import Batch, iterate_tensors
from rhas.base.errors import RhasError
from rhas.methods import Dims


class SampleSet(Protocol):
    """The samples of a subset (train, val or test), each a ``rhas.methods.Batch`` without the
    dimension B. A list of them will do; ``rhas.chunk.Samples`` reads them from a folder."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Batch: ...


def infer_dims(sample: Batch) -> Dims:
    """The sizes that a sample's tensors have."""
    length, width = sample["holistic"].shape
    return Dims(D=width, D_text=len(sample["text"]), C=sample["labels"].shape[1], L=length)


def make_batch(samples: SampleSet, numbers: list[int]) -> Batch:
    """Samples as a batch.

    Raises:
        RhasError: samples of different shapes.
    """
    rows = [dict(iterate_tensors(samples[number])) for number in numbers]
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
    return cast(Batch, {key: torch.stack([row[key] for row in rows]) for key in rows[0]})


class CachedSamples:
    """Samples that stay in memory once read, up to a number of gigabytes."""

    def __init__(self, samples: SampleSet, gigabytes: float) -> None:
        self._samples = samples
        self._free_bytes = gigabytes * 1e9
        self._cached: dict[int, Batch] = {}
        self._digest = ""

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Batch]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Batch:
        if number in self._cached:
            return self._cached[number]
        item = self._samples[number]
        size = sum(tensor.nbytes for _, tensor in iterate_tensors(item))
        if size <= self._free_bytes:
            self._cached[number] = item
            self._free_bytes -= size
        return item

    def describe_sample(self, number: int) -> str:
        """A sample's name where the set has names, and its number."""
        windows = getattr(self._samples, "samples", None)
        return f"{windows[number].sample} ({number})" if windows else str(number)

    def hash_contents(self) -> str:
        """SHA-256 of all samples' contents."""
        if not self._digest:
            state = hashlib.sha256()
            for sample in self:
                for key, tensor in sorted(iterate_tensors(sample), key=_first):
                    value = tensor.contiguous()
                    state.update(f"{key} {tuple(value.shape)} {value.dtype}\n".encode())
                    state.update(value.numpy().data)
            self._digest = state.hexdigest()
        return self._digest


def _first(pair: tuple[str, Tensor]) -> str:
    return pair[0]
