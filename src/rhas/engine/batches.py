"""How many images go through a model at once: a given number, or one found by halving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from rhas.base.errors import RhasError

FIRST = 64  # what ``auto`` starts with
_FIRST_ON_GPU = 256  # of encoders

Result = TypeVar("Result")


def with_fitting_batches(
    work: Callable[[int], Result], batch_size: int | Literal["auto"]
) -> tuple[Result, int]:
    """``work(n)`` and n: the given number, or `FIRST` halved until the device's memory suffices.

    The work is done from its beginning with each n, so the result has the bits of that one n,
    wherever memory ran out.

    Raises:
        RhasError: not even one frame fits, or fewer than the given number do.
    """
    size = FIRST if batch_size == "auto" else batch_size
    while True:
        try:
            return work(size), size
        except torch.OutOfMemoryError as error:
            if batch_size != "auto" or size == 1:
                raise _describe_shortage("ground", size, str(error)) from error
        _free_memory()
        size //= 2


class Batches:
    """Runs a function over slices that fit into memory.

    Args:
        size: images at once; ``auto`` starts high and halves whenever memory runs out.
        device: torch device the function works on.
    """

    def __init__(self, size: int | Literal["auto"], device: str) -> None:
        first = FIRST if device == "cpu" else _FIRST_ON_GPU
        self.size = first if size == "auto" else size
        self._may_halve = size == "auto"

    def run(self, function: Callable[[slice], None], items: int) -> None:
        """Call ``function`` on consecutive slices of ``range(items)``.

        A slice that ran out of memory is tried again in halves, so ``function`` must allow that.

        Raises:
            RhasError: memory ran out at a size that was given, or at one image.
        """
        start = 0
        while start < items:
            rows = slice(start, min(start + self.size, items))
            if self._fits(function, rows):
                start = rows.stop
            else:
                self.size = max(1, (rows.stop - rows.start) // 2)

    def _fits(self, function: Callable[[slice], None], rows: slice) -> bool:
        try:
            function(rows)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not (isinstance(error, torch.OutOfMemoryError) or _is_host_memory(error)):
                raise
            images = rows.stop - rows.start
            if not self._may_halve or images == 1:
                raise _describe_shortage("extract", images, str(error)) from error
        else:
            return True
        _free_memory()
        return False


def _free_memory() -> None:
    """Call it outside of ``except``: until there the error holds the failed tensors."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_host_memory(error: RuntimeError) -> bool:
    return "can't allocate memory" in str(error)


def _describe_shortage(stage: str, images: int, message: str) -> RhasError:
    smaller = (
        "choose a smaller model, dtype: bfloat16, a device with more memory, or RHAS_WORKERS=1"
    )
    return RhasError(
        "memory ran out",
        where=f"{stage}.batch_size",
        expected="images at once that fit into memory",
        got=f"{images}: {message.splitlines()[0][:200]}",
        do=f"set {stage}.batch_size to auto or a smaller number, or {smaller}"
        if images > 1
        else smaller,
    )
