"""Where jobs run. What is run is a `Task`; an executor decides only on which machine and process.

``RHAS_EXECUTOR`` chooses one: ``local`` (the default), ``ray`` or ``slurm``. It never changes a
result, so it is no parameter.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import unknown_name
from rhas.base.progress import Progress
from rhas.base.system_errors import explain_error
from rhas.engine.steps import Job
from rhas.engine.workcache import Entry, WorkCache

EXECUTORS = ("local", "ray", "slurm")
LOSSES = 3
"""Of workers, with which a film is given up."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Environment of workers: bits must not depend on the number of cores."""


@dataclass(frozen=True)
class Task:
    """A job to be done for a work cache.

    Args:
        root: of the work cache.
        key: of the job's entry.
        job: what to compute.
        waits: while another process computes the same entry; else the outcome is None at once.
    """

    root: Path
    key: str
    job: Job
    waits: bool = False

    def run(self, progress: Progress) -> Entry | None:
        """The entry; None where another process computes it."""
        cache = WorkCache(self.root)
        compute = cache.compute_entry if self.waits else cache.try_computing
        return compute(self.key, self.job, progress)


Outcome = Entry | None | BaseException
"""Of a task: what it returned or raised."""
Outcomes = Generator[tuple[Task, Outcome], None, None]
Executor = Callable[[Sequence[Task]], Outcomes]
"""Runs tasks of one step and returns each with its outcome as it ends, in any order.

A film's own error is an outcome, and the other films go on. Where a process, machine or job is
lost, its films run elsewhere.
"""


def find_executor() -> Executor:
    """The one that ``RHAS_EXECUTOR`` names.

    Raises:
        RhasError: no such executor.
    """
    name = os.environ.get("RHAS_EXECUTOR") or "local"
    if name not in EXECUTORS:
        raise unknown_name("executor", name, EXECUTORS, "RHAS_EXECUTOR")
    execute: Executor = import_module(f"rhas.engine.executors.{name}").execute
    return execute


class ForeignError(Exception):
    """An unforeseen error in another process: its traceback as text."""


def portable_error(error: Exception) -> Exception:
    """An error that any process can read: what a user can correct, else a `ForeignError`."""
    return explain_error(error) or ForeignError("".join(traceback.format_exception(error)))


def describe_loss(task: Task, losses: int, last: str) -> RhasError:
    """The error of a film whose worker was lost so often that it is given up.

    Args:
        task: the film.
        losses: how often.
        last: what the cluster said the last time.
    """
    return RhasError(
        f"its worker was lost {losses} times",
        where=task.job.name,
        got=last,
        do="most often memory ran out: choose a smaller batch_size or model",
    )
