"""How many worker processes this machine takes for a stage, and the GPU of each."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from rhas.base.errors import RhasError
from rhas.base.memory import read_free_memory
from rhas.engine.steps import Job

_SHARE = 0.8  # of the free memory that workers may take
_MIB = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use.

    Args:
        name: as in CUDA_VISIBLE_DEVICES.
        free: bytes of its memory; None where that is unknown, as for a part of a GPU (MIG).
    """

    name: str
    free: int | None


def count_workers() -> int:
    """Worker processes: ``RHAS_WORKERS``, else one per core. It never changes a result.

    Raises:
        RhasError: that is no whole number above 0.
    """
    wanted = os.environ.get("RHAS_WORKERS", str(os.cpu_count() or 1))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise RhasError(
            "not a number of processes",
            where="RHAS_WORKERS",
            expected="1 or more",
            got=repr(wanted),
        )
    return int(wanted)


def assign_devices(jobs: Sequence[Job]) -> list[str | None]:
    """A worker process per item, as many as jobs, cores and memory allow; the GPU of each, or None.

    ``RHAS_WORKERS`` is the number of processes whatever their memory.
    """
    memory = max(job.memory for job in jobs)
    workers = min(count_workers(), len(jobs))
    bounded = "RHAS_WORKERS" not in os.environ
    if bounded:
        workers = min(workers, _count_fitting(read_free_memory(), memory))
    gpus = list_gpus() if any(job.on_gpu for job in jobs) else []
    if not gpus:
        return [None] * workers
    shared = not any(job.fills_gpu for job in jobs)
    places = [_count_fitting(gpu.free, memory) if shared and gpu.free else 1 for gpu in gpus]
    if bounded:
        workers = min(workers, sum(places))
    rounds = [
        g.name for n in range(max(places)) for g, p in zip(gpus, places, strict=True) if n < p
    ]
    return [rounds[number % len(rounds)] for number in range(workers)]


def _count_fitting(free: int, memory: int) -> int:
    return max(1, int(_SHARE * free) // memory)


def list_gpus() -> list[Gpu]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all."""
    free = dict(_query_gpus())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = list(free) if visible is None else [name for name in visible.split(",") if name]
    return [Gpu(name, free.get(name)) for name in names]


def _query_gpus() -> list[tuple[str, int]]:
    """Index and free bytes of each, from the driver: torch would take some of a GPU's memory."""
    if not shutil.which("nvidia-smi"):
        return []
    query = ["nvidia-smi", "--query-gpu=index,memory.free", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    rows = [line.split(", ") for line in answer.splitlines()]
    return [(index, int(free) * _MIB) for index, free in rows if free.isdecimal()]
