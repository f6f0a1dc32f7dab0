"""A Slurm cluster: an array of jobs per step, each with some of the films.

The login node and all others see the project's folder and the work cache under the same paths.
``RHAS_SLURM`` holds options of sbatch, such as ``--partition=gpu --time=4:00:00``. An array is
described in a folder of its own: a driver that was killed and is started again finds it there and
waits for it. What a job has not done when it ends, at its time limit for instance, goes into
another one.
"""

from __future__ import annotations

import os
import pickle
import queue
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.base.progress import ignore_progress
from rhas.engine.executors import (
    LOSSES,
    ONE_THREAD,
    Outcome,
    Outcomes,
    Task,
    describe_loss,
    portable_error,
)
from rhas.engine.progress import Message, film_progress
from rhas.engine.workcache import Entry, WorkCache
from rhas.engine.workers import count_workers

FOLDER = Path(".dvc/tmp/rhas/slurm")
_ACTIVE = {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "REQUEUED", "RESIZING"}
_JOBS = 100  # of an array at most; RHAS_WORKERS is another number
_POLL = 2.0  # seconds


@dataclass(frozen=True)
class _Array:
    """An array of jobs that was submitted: its folder, its number in Slurm, films by job."""

    folder: Path
    number: str
    chunks: Sequence[Sequence[Task]]

    def read_outcomes(self, chunk: int) -> dict[str, Outcome] | None:
        """What is no entry, by key; None where the job did not come to its end."""
        try:
            found: dict[str, Outcome] = pickle.loads((self.folder / f"{chunk}.pkl").read_bytes())
        except FileNotFoundError:
            return None
        return found


def execute(tasks: Sequence[Task]) -> Outcomes:
    """An `Executor`."""
    step, jobs = tasks[0].job.step, [task.job for task in tasks]
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    arrays = _find_arrays(step)
    try:
        with film_progress(step, jobs, messages):
            for task, outcome in _run_all(tasks, arrays):
                messages.put((task.job.name, int(task.job.size)))
                yield task, outcome
    except BaseException:
        _leave(step, arrays)
        raise
    for array in arrays:
        shutil.rmtree(array.folder, ignore_errors=True)


def _run_all(tasks: Sequence[Task], arrays: list[_Array]) -> Iterator[tuple[Task, Outcome]]:
    """Adds to ``arrays`` what it submits."""
    left, submitted = {task.key: task for task in tasks}, Counter[str]()
    while left:
        states = _query_states()
        yield from _collect_entries(left)
        at_work: set[str] = set()
        for array in arrays:
            for number, chunk in enumerate(array.chunks):
                state = states.get(f"{array.number}_{number}", "")
                if state in _ACTIVE:
                    at_work |= {task.key for task in chunk}
                    continue
                for key, outcome in _end_chunk(array, number, state).items():
                    if key in left:
                        yield left.pop(key), outcome
        for key in [key for key in left if submitted[key] == LOSSES and key not in at_work]:
            yield left[key], describe_loss(left.pop(key), LOSSES, f"logs in {FOLDER}")
        if waiting := [task for key, task in left.items() if key not in at_work]:
            submitted.update(task.key for task in waiting)
            arrays.append(_submit(waiting))
        time.sleep(_POLL if left else 0)


def _collect_entries(left: dict[str, Task]) -> Iterator[tuple[Task, Outcome]]:
    """Takes those out that have been published."""
    task = next(iter(left.values()))
    cache, folder = WorkCache(task.root), task.root / task.job.step
    for key in left.keys() & set(os.listdir(folder) if folder.is_dir() else ()):
        entry = cache.find_entry(task.job.step, key)
        if isinstance(entry, Entry):
            yield left.pop(key), entry


def _end_chunk(array: _Array, number: int, state: str) -> dict[str, Outcome]:
    outcomes = array.read_outcomes(number)
    if outcomes is None and state == "CANCELLED":
        error = RhasError(
            "its Slurm job was cancelled", where=f"job {array.number}_{number}", do="run this again"
        )
        return dict.fromkeys([task.key for task in array.chunks[number]], error)
    return outcomes or {}


def _find_arrays(step: str) -> list[_Array]:
    """Those of an earlier run that are still at work; removes the folders of others."""
    states, found = _query_states(), []
    active = {name.partition("_")[0] for name, state in states.items() if state in _ACTIVE}
    for folder in sorted(FOLDER.glob(f"{step}-*")):
        with suppress(OSError, pickle.UnpicklingError, AttributeError, ImportError):
            number = (folder / "job").read_text("ascii")
            chunks = pickle.loads((folder / "tasks.pkl").read_bytes())
            if number in active:
                found.append(_Array(folder, number, chunks))
                continue
        shutil.rmtree(folder, ignore_errors=True)
    if found:
        print(
            f"{step}: waiting for Slurm job {', '.join(a.number for a in found)}", file=sys.stderr
        )
    return found


def _submit(tasks: Sequence[Task]) -> _Array:
    folder = FOLDER.absolute() / f"{tasks[0].job.step}-{uuid.uuid4().hex[:8]}"
    chunks = split_tasks(tasks, count_jobs(len(tasks)))
    folder.mkdir(parents=True)
    (folder / "tasks.pkl").write_bytes(pickle.dumps(chunks))
    (folder / "script.sh").write_text(make_script(tasks, len(chunks), folder), "utf-8")
    number = _run("sbatch", "--parsable", str(folder / "script.sh")).partition(";")[0].strip()
    (folder / "job").write_text(number, "ascii")
    step, count = tasks[0].job.step, len(tasks)
    where = f"{len(chunks)} jobs of Slurm: {number}"
    print(f"{step}: {count} films or parts of films in {where}", file=sys.stderr)
    return _Array(folder, number, chunks)


def count_jobs(films: int) -> int:
    """Jobs of an array for so many films."""
    return min(films, count_workers() if "RHAS_WORKERS" in os.environ else _JOBS)


def split_tasks(tasks: Sequence[Task], count: int) -> list[list[Task]]:
    """Tasks in so many lists, of about the same size together."""
    chunks: list[list[Task]] = [[] for _ in range(count)]
    sizes = [0.0] * len(chunks)
    for task in sorted(tasks, key=lambda task: -task.job.size):
        smallest = sizes.index(min(sizes))
        chunks[smallest].append(task)
        sizes[smallest] += task.job.size or 1.0
    return chunks


def make_script(tasks: Sequence[Task], count: int, folder: Path) -> str:
    """What sbatch is given for an array of ``count`` jobs."""
    job = max((task.job for task in tasks), key=lambda job: job.memory)
    options = [
        f"--job-name=rhas-{job.step}", f"--array=0-{count - 1}", "--cpus-per-task=1",
        f"--mem={job.memory >> 20}M", f"--output={folder}/%a.log", "--open-mode=append",
        *(["--gres=gpu:1"] if any(task.job.on_gpu for task in tasks) else []),
        *map(shlex.quote, shlex.split(os.environ.get("RHAS_SLURM", ""))),
    ]  # fmt: skip
    variables = {**ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    lines = [f"#SBATCH {option}" for option in options]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [f"cd {shlex.quote(os.getcwd())}"]
    command = shlex.join([sys.executable, "-m", __name__, str(folder)])
    return "\n".join(["#!/bin/bash", *lines, f"exec {command} $SLURM_ARRAY_TASK_ID", ""])


def _query_states() -> dict[str, str]:
    """The states of this user's jobs by number, those of jobs that have just ended, too."""
    lines = _run("squeue", "--me", "-h", "-r", "-t", "all", "-o", "%i %T").splitlines()
    return dict(line.split() for line in lines)


def _leave(step: str, arrays: Sequence[_Array]) -> None:
    """Jobs go on without the driver, unless ``RHAS_SLURM_CANCEL`` is set."""
    numbers = [array.number for array in arrays]
    if os.environ.get("RHAS_SLURM_CANCEL"):
        subprocess.run(["scancel", *numbers], check=False)
    elif numbers:
        print(
            f"{step}: the jobs go on; run this again to wait for them, or `scancel "
            f"{' '.join(numbers)}`",
            file=sys.stderr,
        )


def _run(*words: str) -> str:
    """What a command prints.

    Raises:
        RhasError: there is no such command, or it failed.
    """
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise RhasError(
            "no Slurm here", where=words[0], do="go to a login node, or unset RHAS_EXECUTOR"
        ) from error
    except subprocess.CalledProcessError as error:
        raise RhasError(
            "Slurm refuses", where=words[0], got=error.stderr.strip(), do="correct RHAS_SLURM"
        ) from error


def main() -> None:
    """A job of an array, which Slurm runs: its folder and its number are the arguments."""
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    outcomes: dict[str, Outcome] = {}
    for task in pickle.loads((folder / "tasks.pkl").read_bytes())[number]:
        try:
            outcome: Outcome = task.run(ignore_progress)
        except Exception as error:  # of this film
            outcome = portable_error(error)
        if not isinstance(outcome, Entry):
            outcomes[task.key] = outcome
    temporary = folder / f"{number}.pkl.new"
    temporary.write_bytes(pickle.dumps(outcomes))
    temporary.rename(folder / f"{number}.pkl")


if __name__ == "__main__":
    run_script(main)
