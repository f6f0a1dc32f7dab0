"""What every stage does around its film function: work cache, executor, output folder."""

from __future__ import annotations

import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.base.files import write_json
from rhas.base.system_errors import explain_error
from rhas.engine.executors import Task, find_executor
from rhas.engine.leases import exclusive_lease, in_use
from rhas.engine.parts import cut_long_films
from rhas.engine.steps import ConfigT, FilmFiles, FilmStep, InputT, Job, ReportT
from rhas.engine.taking import remove_damaged_objects, take_entries
from rhas.engine.workcache import Entry, WorkCache, link_files
from rhas.engine.workers import count_workers

LOCK = ".lock"
WORKSPACE = Path(".dvc/tmp/rhas")
"""Of this checkout alone; the work cache may be shared."""


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


def stage_lock(stage: str, root: Path = WORKSPACE) -> AbstractContextManager[None]:
    """One run of a stage at a time; a killed ``dvc`` may have left its child running."""
    return exclusive_lease(root / stage / LOCK, stage)


@contextmanager
def stage_run(stage: str, cache: WorkCache) -> Iterator[None]:
    """The only run of a stage in this checkout; what it takes from the work cache stays there."""
    with stage_lock(stage), in_use(cache.root / stage):
        yield


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
    with stage_run(step, cache):
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
    for name, outcome in _run_tasks(cache, step, waiting, keys).items() if waiting else ():
        if isinstance(outcome, Entry):
            entries[name] = outcome
        else:
            failures[name] = explain_error(outcome) or outcome
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


def _run_tasks(
    cache: WorkCache, step: str, jobs: Sequence[Job], keys: Mapping[str, str]
) -> dict[str, Entry | BaseException]:
    """Entry or error by film. Films that other runs compute come last."""
    execute, outcomes = cut_long_films(find_executor()), {}
    waiting = [Task(cache.root, keys[job.name], job) for job in jobs]
    cache.remove_unfinished(step)
    try:
        while waiting:
            held = []
            with closing(execute(waiting)) as ended:
                for task, outcome in ended:
                    if outcome is None:
                        held.append(replace(task, waits=True))
                    else:
                        outcomes[task.job.name] = outcome
            if held:
                print(f"{step}: another run computes {len(held)} films, waiting", file=sys.stderr)
            waiting = held
    finally:
        cache.remove_unfinished(step)
    return outcomes
