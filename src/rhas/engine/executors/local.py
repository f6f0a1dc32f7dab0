"""Worker processes on this machine, each with a GPU of its own where the job uses one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from rhas.base.errors import RhasError
from rhas.engine.executors import ONE_THREAD, Outcome, Outcomes, Task
from rhas.engine.progress import film_progress
from rhas.engine.workcache import Entry
from rhas.engine.workers import assign_devices


def execute(tasks: Sequence[Task]) -> Outcomes:
    """An `Executor`. Where a worker is killed, half as many go on, and at last one.

    Raises:
        RhasError: this machine lacks what the tasks need, such as a GPU.
    """
    tasks[0].job.check_machine()
    step, left = tasks[0].job.step, {task.key: task for task in tasks}
    devices = assign_devices([task.job for task in tasks])
    while left:
        for task, outcome in _run_pool(list(left.values()), devices[: len(left)]):
            del left[task.key]
            yield task, outcome
        if left and len(devices) == 1:
            task = left.pop(next(iter(left)))  # they are done in their order
            yield (
                task,
                RhasError(
                    "its worker process was killed",
                    where=task.job.name,
                    do="most often memory ran out: choose a smaller batch_size or model; where "
                    "several runs share this machine set RHAS_WORKERS to a smaller number",
                ),
            )
        elif left:
            devices = devices[: len(devices) // 2]
            print(
                f"{step}: a worker process was killed, most often since memory ran out; "
                f"going on with {len(devices)}",
                file=sys.stderr,
            )


def _run_pool(
    tasks: Sequence[Task], devices: Sequence[str | None]
) -> Iterator[tuple[Task, Outcome]]:
    """Outcomes, until all tasks are done or a worker is killed."""
    os.environ.update(ONE_THREAD)
    context = multiprocessing.get_context("spawn")  # decoders and torch do not survive a fork
    messages, places = context.SimpleQueue(), context.SimpleQueue()
    for device in devices:
        places.put(device)
    pool = ProcessPoolExecutor(
        len(devices), context, _start_worker, (messages, places, os.getpid())
    )
    jobs = [task.job for task in tasks]
    with pool, film_progress(jobs[0].step, jobs, messages), _killed_on_error(pool):
        with _without_ctrl_c():
            futures: dict[Future[Entry | None], Task] = {
                pool.submit(_run_task, task): task for task in tasks
            }
        for future in as_completed(futures):
            error = future.exception()
            if not isinstance(error, BrokenProcessPool):
                yield futures[future], error or future.result()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes that are started within the block never get the signal that Ctrl-C sends to all
    of a terminal; this one gets it at the block's end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _killed_on_error(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Where the block is stopped nobody waits for the films at work."""
    try:
        yield
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise


_messages: Any = None


def _start_worker(messages: Any, places: Any, parent: int) -> None:
    global _messages
    _messages = messages
    if (device := places.get()) is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _run_task(task: Task) -> Entry | None:
    return task.run(lambda n: _messages.put((task.job.name, n)))
