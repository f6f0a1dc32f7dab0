"""Actors of a Ray cluster (Ray Core), one film at a time each.

The cluster is that of ``RAY_ADDRESS``, else one that runs on this machine, else a new one on it.
All nodes see the project's folder and the work cache under the same paths: what travels is paths.
Where they share nothing, files travel by the store that ``RHAS_STORE`` names
(`rhas.engine.executors.travel`), and the package travels with Ray.
An actor stays for the whole step, and with it the model that it has loaded.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import rhas
from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.engine.executors import (
    LOSSES,
    ONE_THREAD,
    Outcome,
    Outcomes,
    Task,
    describe_loss,
    portable_error,
)
from rhas.engine.executors.travel import (
    PackedTask,
    Result,
    StoreError,
    find_store,
    pack_task,
    take_result,
)
from rhas.engine.progress import Message, film_progress
from rhas.engine.steps import Job
from rhas.engine.workers import count_workers

_POLL = 0.5  # seconds
_PACKAGE = str(Path(rhas.__file__).parent)


def execute(tasks: Sequence[Task]) -> Outcomes:
    """An `Executor`. A film's own error is an outcome; a film whose actor or node is lost runs
    elsewhere."""
    with optional_import("ray"):
        import ray

    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, include_dashboard=False, runtime_env=_make_environment())
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    jobs = [task.job for task in tasks]
    try:
        cluster = _Cluster(ray, jobs)
        try:
            with film_progress(jobs[0].step, jobs, messages):
                yield from _run_all(cluster, tasks, messages)
        finally:
            cluster.end_all()
    finally:
        if started:
            ray.shutdown()


def _run_all(
    cluster: _Cluster, tasks: Sequence[Task], messages: queue.SimpleQueue[Message]
) -> Iterator[tuple[Task, Outcome]]:
    waiting, lost = deque(tasks), Counter[str]()
    while waiting or cluster.running:
        cluster.start(waiting)
        for task, outcome in cluster.collect(messages):
            if isinstance(outcome, _Loss):
                lost[task.key] += 1
                name = task.job.name
                print(f"{task.job.step}: {name}: its worker was lost: {outcome}", file=sys.stderr)
                if lost[task.key] < LOSSES:
                    waiting.appendleft(task)
                    continue
                outcome = describe_loss(task, LOSSES, str(outcome))
            yield task, outcome


class _Loss(Exception):
    """What Ray says of a worker that is no more."""


class _Worker:
    """Runs tasks in a process of its own; `take_progress` answers meanwhile.

    Args:
        folder: the project's; None where this machine does not see it.
    """

    def __init__(self, folder: str | None) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="rhas-")
        os.chdir(folder or self._own.name)
        self._frames: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def run(self, task: Task | PackedTask) -> Outcome | Result:
        def progress(frames: int) -> None:
            self._frames.put((task.job.name, frames))

        try:
            if isinstance(task, PackedTask):
                return task.run(Path(self._own.name), progress)
            return task.run(progress)
        except StoreError as error:
            return _Loss(str(error))
        except Exception as error:  # of this film
            return portable_error(error)

    def take_progress(self) -> list[Message]:
        return [self._frames.get() for _ in range(self._frames.qsize())]


class _Cluster:
    """The actors of one step.

    Args:
        ray: the module, connected.
        jobs: of the step.
    """

    def __init__(self, ray: Any, jobs: Sequence[Job]) -> None:
        self._ray = ray
        needs = {"CPU": 1.0, "memory": float(max(job.memory for job in jobs))}
        if any(job.on_gpu for job in jobs):
            needs["GPU"] = 1.0
        self._free = min(_count_actors(ray, needs), len(jobs))  # actors that may be made
        self._idle: list[Any] = []
        self._asked: dict[Any, Any] = {}  # answers of `take_progress` to come, by actor
        self.running: dict[Any, tuple[Task, Any]] = {}
        self._store = find_store()
        self._actor = ray.remote(
            num_cpus=1, num_gpus=needs.get("GPU", 0), memory=needs["memory"], max_concurrency=2,
        )(_Worker)  # fmt: skip

    def start(self, waiting: deque[Task]) -> None:
        """Gives the first tasks to idle actors; without tasks those make room for others."""
        while waiting and (self._idle or self._free):
            if self._idle:
                actor = self._idle.pop()
            else:
                actor = self._actor.remote(None if self._store else os.getcwd())
                self._free -= 1
            task = waiting.popleft()
            sent = pack_task(task, self._store) if self._store else task
            self.running[actor.run.remote(sent)] = task, actor
        while self._idle and not waiting:
            self._idle.pop().__ray_terminate__.remote()  # removes its folder, unlike `kill`

    def collect(self, messages: queue.SimpleQueue[Message]) -> Iterator[tuple[Task, Outcome]]:
        """Outcomes of tasks that have ended; waits a little for one."""
        for _, actor in self.running.values():
            if actor not in self._asked:
                self._asked[actor] = actor.take_progress.remote()
        ended, _ = self._ray.wait(list(self.running), timeout=_POLL)
        for actor, answer in list(self._asked.items()):
            if self._ray.wait([answer], timeout=0)[0]:
                del self._asked[actor]
                reported = self._get(answer)
                for message in () if isinstance(reported, _Loss) else reported:
                    messages.put(message)
        for result in ended:
            task, actor = self.running.pop(result)
            outcome = self._take(task, self._get(result))
            if isinstance(outcome, _Loss):
                self._ray.kill(actor)
                self._free += 1
            else:
                self._idle.append(actor)
            yield task, outcome

    def _take(self, task: Task, outcome: Any) -> Any:
        if not isinstance(outcome, Result):
            return outcome
        try:
            return take_result(task, str(self._store), outcome)
        except StoreError as error:
            return _Loss(str(error))
        except Exception as error:  # the driver's disk is full, for instance
            return portable_error(error)

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return _Loss(str(error).splitlines()[0])

    def end_all(self) -> None:
        for actor in (*self._idle, *(actor for _, actor in self.running.values())):
            self._ray.kill(actor)


def _make_environment() -> dict[str, Any]:
    """Of actors. Ray sends the package to machines that do not see it."""
    variables = {"env_vars": {**ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}
    return {**variables, "py_modules": [_PACKAGE]} if find_store() else variables


def _count_actors(ray: Any, needs: dict[str, float]) -> int:
    """``RHAS_WORKERS``, else as many as the nodes hold at once.

    Raises:
        RhasError: no node holds one.
    """
    if "RHAS_WORKERS" in os.environ:
        return count_workers()
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    held = (min(int(node.get(name, 0) // need) for name, need in needs.items()) for node in nodes)
    if count := sum(held):
        return count
    raise RhasError(
        "no node of the Ray cluster holds a worker",
        expected=", ".join(f"{name} {need:g}" for name, need in needs.items()),
        got="; ".join(", ".join(f"{n} {node.get(n, 0):g}" for n in needs) for node in nodes),
        do="add such nodes; where the cluster adds them itself, set RHAS_WORKERS",
    )
