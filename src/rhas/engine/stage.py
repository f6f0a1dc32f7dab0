"""What every stage does around its film function: lock, pool, progress, output folder."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.base.files import write_json
from rhas.base.system_errors import explain_error
from rhas.engine.lock import exclusive_lock
from rhas.engine.progress import film_progress
from rhas.engine.steps import ConfigT, FilmFiles, FilmStep, InputT, Job, ReportT
from rhas.engine.taking import remove_damaged_objects, take_entries
from rhas.engine.workcache import Entry, WorkCache, link_files

LOCK = ".lock"


def declared_params(stage: str) -> dict[str, Any]:
    """The parameters that dvc.yaml declares for a stage; reading any other is a KeyError."""
    with optional_import("pipeline"):
        import dvc.api

    return dvc.api.params_show(stages=stage)


def work_root() -> Path:
    """The work cache's folder, beside DVC's cache (shared wherever that is shared).

    Raises:
        RhasError: the working folder is in no DVC repository.
    """
    with optional_import("pipeline"):
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo

    try:
        with Repo() as repo:
            return Path(repo.cache.local_cache_dir).parent / "work"
    except NotDvcRepoError as error:
        raise RhasError(
            "no DVC repository here", where=str(Path.cwd()), do="go to the project's folder"
        ) from error


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


def stage_lock(stage: str, root: Path) -> AbstractContextManager[None]:
    """One run of a stage at a time; a killed ``dvc`` may have left its child running."""
    return exclusive_lock(root / stage / LOCK, stage)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the place of ``out`` when the block ends without an error."""
    temporary = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if out.exists():
            shutil.rmtree(out)
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def run_step(
    step: FilmStep[InputT, ConfigT, ReportT],
    films: Sequence[FilmFiles],
    config: ConfigT,
    out: Path,
) -> None:
    """One step of all films; see `run_jobs`."""
    run_jobs(step.name, [step.make_job(film, config) for film in films], out)


def run_jobs(step: str, jobs: Sequence[Job], out: Path) -> None:
    """Computes every film's result, or takes it from the work cache, and links them into ``out``.

    ``out/report.json`` holds what the film functions reported: counts and named drops.

    Raises:
        RhasError: some films failed; all others are done and in the work cache, ``out`` is as
            it was before.
    """
    cache = WorkCache(work_root())
    with stage_lock(step, cache.root):
        entries = compute_jobs(cache, step, jobs)
        with new_folder(out) as folder:
            for job, entry in zip(jobs, entries, strict=True):
                link_files(entry.result, folder / job.target)
            write_json(folder / "report.json", {e.name: e.report for e in entries})


def compute_jobs(cache: WorkCache, step: str, jobs: Sequence[Job]) -> list[Entry]:
    """The entries of all jobs, in their order, computing those that the cache lacks.

    Raises:
        RhasError: names every film that failed, after all others are done.
    """
    entries, failures = try_jobs(cache, step, jobs)
    if failures:
        listed = "\n".join(
            f"- {name}: {_format_failure(error)}" for name, error in failures.items()
        )
        raise RhasError(
            f"{step}: {len(failures)} of {len(jobs)} films failed, the others are done and kept\n"
            + listed,
            do="mend or remove the films named above and run again; nothing is computed twice",
        )
    return [entries[job.name] for job in jobs]


def _format_failure(error: BaseException) -> str:
    """A user's error as its message, an unforeseen one with its traceback."""
    if isinstance(error, RhasError):
        return str(error)
    return "".join(traceback.format_exception(error))


def try_jobs(
    cache: WorkCache, step: str, jobs: Sequence[Job]
) -> tuple[dict[str, Entry], dict[str, BaseException]]:
    """Entries and failures by film; one film's failure does not stop the others.

    Raises:
        RhasError: this machine lacks what a film that is not in the cache needs, such as a GPU.
    """
    keys, failures = _make_keys(cache, jobs)
    entries, damaged = take_entries(cache, step, keys, reread=True, threads=count_workers())
    left = [job for job in jobs if job.name in keys and job.name not in entries]
    waiting = sorted(left, key=lambda job: -job.size)
    if waiting:
        waiting[0].check_machine()
    cache.remove_unfinished(step)
    try:
        for job, outcome in _run_pool(cache, step, waiting, keys) if waiting else ():
            if isinstance(outcome, Entry):
                entries[job.name] = outcome
            else:
                failures[job.name] = outcome
    except KeyboardInterrupt:
        cache.remove_unfinished(step)
        raise
    if damaged:
        remove_damaged_objects(cache, (entries[name] for name in damaged if name in entries))
    taken = len(keys) - len(waiting)
    also = f", {len(damaged)} damaged entries replaced" if damaged else ""
    print(f"{step}: {len(entries) - taken} films computed, {taken} from the work cache{also}")
    return entries, failures


def _make_keys(
    cache: WorkCache, jobs: Sequence[Job]
) -> tuple[dict[str, str], dict[str, BaseException]]:
    """Keys by film, and what is wrong with the inputs of the others."""
    keys: dict[str, str] = {}
    failures: dict[str, BaseException] = {}
    for job in jobs:
        try:
            keys[job.name] = cache.make_key(job)
        except (OSError, RhasError) as error:
            failures[job.name] = explain_error(error) or error
    return keys, failures


def _run_pool(
    cache: WorkCache, step: str, jobs: Sequence[Job], keys: dict[str, str]
) -> Iterator[tuple[Job, Entry | BaseException]]:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # bits must not depend on the number of cores
    context = multiprocessing.get_context("spawn")  # decoders and torch do not survive a fork
    messages = context.SimpleQueue()
    pool = ProcessPoolExecutor(
        min(count_workers(), len(jobs)), context, _start_worker, (messages, os.getpid())
    )
    with pool, film_progress(step, jobs, messages), _killed_on_error(pool):
        with _without_ctrl_c():
            futures: dict[Future[Entry], Job] = {
                pool.submit(_compute_entry, cache, keys[job.name], job): job for job in jobs
            }
        for future in as_completed(futures):
            job = futures[future]
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                error = RhasError(
                    "its worker process was killed",
                    where=job.name,
                    do="most often memory ran out: set RHAS_WORKERS to a smaller number",
                )
            yield job, (explain_error(error) or error) if error else future.result()


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


def _start_worker(messages: Any, parent: int) -> None:
    global _messages
    _messages = messages
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _compute_entry(cache: WorkCache, key: str, job: Job) -> Entry:
    return cache.compute_entry(key, job, lambda n: _messages.put((job.name, n)))
