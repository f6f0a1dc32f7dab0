"""How many pictures go through a model at once: given, or found by halving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from rhas.base.errors import RhasError

_FIRST = {"cpu": 64, "cuda": 256}  # what ``auto`` tries first


class Batches:
    """Runs a function over slices that fit into memory.

    Args:
        size: pictures at once; ``auto`` starts high and halves whenever memory runs out.
        device: torch device the function works on.
    """

    def __init__(self, size: int | Literal["auto"], device: str) -> None:
        self.size = _FIRST[device] if size == "auto" else size
        self._may_halve = size == "auto"

    def run(self, function: Callable[[slice], None], items: int) -> None:
        """Calls ``function`` on consecutive slices of ``range(items)``.

        A slice that ran out of memory is tried again in halves, so ``function`` must bear that.

        Raises:
            RhasError: memory ran out at a size that was given, or at one picture.
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
            pictures = rows.stop - rows.start
            if not self._may_halve or pictures == 1:
                raise RhasError(
                    "memory ran out",
                    where="extract.batch_size",
                    got=f"{pictures} pictures at once",
                    do="use a smaller batch_size, or auto"
                    if pictures > 1
                    else "use a smaller encoder, dtype: bfloat16, or a device with more memory",
                ) from error
        else:
            return True
        if torch.cuda.is_available():  # outside of `except`: the error holds the failed tensors
            torch.cuda.empty_cache()
        return False


def _is_host_memory(error: RuntimeError) -> bool:
    return "can't allocate memory" in str(error)
