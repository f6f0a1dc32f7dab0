"""How many frames fit into one run of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from rhas.base.errors import RhasError

FIRST = 64

Result = TypeVar("Result")


def with_fitting_batches(
    work: Callable[[int], Result], batch_size: int | Literal["auto"]
) -> tuple[Result, int]:
    """``work(n)`` and n: the given number, or ``FIRST`` halved until the device's memory suffices.

    The work is done from its beginning with each n, so what comes back has the bits of that one n,
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
                raise RhasError(
                    "the device's memory does not suffice",
                    where=f"ground.batch_size, {size} frames",
                    got=str(error).splitlines()[0][:200],
                    do="set ground.batch_size to auto or a smaller number, or choose a smaller "
                    "model or RHAS_WORKERS=1"
                    if size > 1
                    else "choose a smaller model, or RHAS_WORKERS=1",
                ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # the error and what it held are gone here
        size //= 2
