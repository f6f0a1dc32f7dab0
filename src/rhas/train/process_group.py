"""The processes that train together, as torchrun starts them; one process is a group of one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

_TIMEOUT = timedelta(hours=2)  # for the first process's checkpoints and reading

_PEER_ENDED = re.compile("Connection (closed|reset) by peer|Broken pipe|remote process exited")

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together.

    Args:
        rank: its number, from 0.
        size: how many there are.
        device: torch's name of the device it computes on.
    """

    rank: int
    size: int
    device: str

    def sum_tensors(self, tensors: list[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes."""
        if self.size > 1 and tensors:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, part in zip(
                tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True
            ):
                tensor.copy_(part.view_as(tensor))

    def gather_values(self, value: ValueT) -> list[ValueT]:
        """Every process's value, by rank, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


def process_rank() -> int:
    """This process's number; 0 outside torchrun."""
    return int(os.environ.get("RANK", 0))


def under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch_torchrun(processes: int) -> None:
    """Replaces this process by torchrun with that many of it; does not return."""
    command = [sys.executable, "-m", "rhas.train.launch", str(processes), *sys.argv]
    os.execv(sys.executable, command)


@contextmanager
def join_process_group(device: str) -> Iterator[ProcessGroup]:
    """The group of this process, joined for the duration of the block.

    Args:
        device: ``cpu`` or ``cuda``; each of several processes has its own GPU.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield ProcessGroup(0, 1, device)
        return
    if device == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        torch.cuda.set_device(local)
        device = f"cuda:{local}"
    dist.init_process_group("nccl" if device != "cpu" else "gloo", timeout=_TIMEOUT)
    try:
        yield ProcessGroup(process_rank(), size, device)
    except RuntimeError as error:
        if _PEER_ENDED.search(str(error)):
            raise SystemExit(1) from None  # that one, or whoever started it, says why
        raise
    finally:
        dist.destroy_process_group()
