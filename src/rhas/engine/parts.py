"""Long films in parts, so that many workers share a film (docs/SCALE.md).

A part is a job like a film's, of the same function, with a key and an entry of its own: executors
know nothing of films. Once all parts of a film are there, this process merges them into the entry
of the film, which has the bytes and the key of a film that was not cut; then it removes the parts.
Parts of a film that failed, or of a killed run, stay for the next one, or for `rhas cache prune`.

``RHAS_PART_FRAMES`` says which films are long. It never changes a result, so it is no parameter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

from rhas.base.errors import RhasError
from rhas.base.parts import FilmPart, Span
from rhas.base.progress import ignore_progress
from rhas.base.system_errors import explain_error
from rhas.engine.executors import Executor, Outcome, Outcomes, Task
from rhas.engine.steps import Job
from rhas.engine.taking import take_entries
from rhas.engine.workcache import Entry, WorkCache
from rhas.engine.workers import assign_devices, count_workers

PART_FRAMES = 20_000


def read_part_frames() -> int:
    """``RHAS_PART_FRAMES``: films of more frames are cut into parts of about so many; 0: none is.

    Raises:
        RhasError: that is no whole number.
    """
    wanted = os.environ.get("RHAS_PART_FRAMES", str(PART_FRAMES))
    if not wanted.isdecimal():
        raise RhasError(
            "not a number of frames",
            where="RHAS_PART_FRAMES",
            expected="1 or more, or 0: no film is cut",
            got=repr(wanted),
            do=f"unset it to cut films of more than {PART_FRAMES:,} frames",
        )
    return int(wanted)


def cut_long_films(execute: Executor) -> Executor:
    """An executor of films that runs the parts of long ones, and all others, by another one."""

    def run(tasks: Sequence[Task]) -> Outcomes:
        films = _cut_films(tasks)
        whole = {task.key for task in tasks} - {film.task.key for film in films}
        waiting = [task for task in tasks if task.key in whole]
        for film in films:
            film.take_parts()
            waiting += film.list_open()
            if not film.list_open():
                yield film.task, film.join()
        if not waiting:
            return
        owners = {part.key: film for film in films for part in film.parts}
        with closing(execute(sorted(waiting, key=lambda task: -task.job.size))) as ended:
            for task, outcome in ended:
                if task.key in whole:
                    yield task, outcome
                elif (film := owners[task.key]).end(task, outcome):
                    yield film.task, film.join()

    return run


def _cut_films(tasks: Sequence[Task]) -> list[_CutFilm]:
    """The long films among some tasks; none where one worker would do all the parts."""
    longest, films = read_part_frames(), []
    for task in tasks:
        with suppress(OSError, RhasError):  # the film function says what is wrong
            spans = _split(task, longest)
            if len(spans) > 1:
                films.append(_CutFilm(task, spans))
    parts = [part.job for film in films for part in film.parts]
    return films if parts and _may_have_workers(parts) else []


def _split(task: Task, longest: int) -> list[Span]:
    """The spans of a film; none where it is not cut, or is there: another run was faster."""
    job = task.job
    if job.cutting is None or not longest or (task.root / job.step / task.key).exists():
        return []
    source, config = job.records
    return job.cutting.split(source, config, longest)


def _may_have_workers(jobs: Sequence[Job]) -> bool:
    """Whether there may be several workers. A cluster has several unless RHAS_WORKERS says so."""
    if (os.environ.get("RHAS_EXECUTOR") or "local") == "local":
        return len(assign_devices(jobs)) > 1
    return "RHAS_WORKERS" not in os.environ or count_workers() > 1


class _CutFilm:
    """A film and its parts.

    Args:
        task: the whole film.
        spans: of the parts, in order.
    """

    def __init__(self, task: Task, spans: Sequence[Span]) -> None:
        self.task, self._cache = task, WorkCache(task.root)
        self.parts = [self._make_part(span, spans[-1].stop) for span in spans]
        self._outcomes: dict[str, Outcome] = {}

    def _make_part(self, span: Span, frames: int) -> Task:
        whole = self.task.job
        source, config = whole.records
        job = replace(
            whole,
            name=f"{whole.name}, {span}",
            records=(replace(source, span=span), config),
            size=whole.size * (span.stop - span.start) / frames,
            cutting=None,
        )
        return replace(self.task, key=self._cache.make_key(job), job=job)

    def take_parts(self) -> None:
        """Takes those that the work cache has."""
        step, keys = self.task.job.step, {part.job.name: part.key for part in self.parts}
        found, _ = take_entries(self._cache, step, keys, reread=True, threads=count_workers())
        self._outcomes |= {entry.key: entry for entry in found.values()}
        taken = f", {len(found)} from the work cache" if found else ""
        print(f"{step}: {self.task.job.name} in {len(self.parts)} parts{taken}", file=sys.stderr)

    def list_open(self) -> list[Task]:
        """The parts without an outcome."""
        return [part for part in self.parts if part.key not in self._outcomes]

    def end(self, part: Task, outcome: Outcome) -> bool:
        """Takes the outcome of a part; whether it is the last one."""
        self._outcomes[part.key] = outcome
        return not self.list_open()

    def join(self) -> Outcome:
        """The film's entry, or the error of its first part that failed; None where another process
        is at work. The parts are removed once the entry is there."""
        entries = []
        for part in self.parts:
            outcome = self._outcomes[part.key]
            if isinstance(outcome, BaseException):
                return _name_part(explain_error(outcome) or outcome, part.job.name)
            if outcome is not None:
                entries.append(outcome)
        if len(entries) < len(self.parts):
            return None
        try:
            entry = replace(self.task, job=self._make_merge(entries)).run(ignore_progress)
        except Exception as error:  # of this film, or the disk is full
            return error
        for part_entry in entries if entry else ():
            with suppress(OSError):  # another process that merged has removed it
                self._cache.remove_entry(part_entry)
        return entry

    def _make_merge(self, entries: Sequence[Entry]) -> Job:
        """The film's job, done by merging."""
        job, cutting = self.task.job, self.task.job.cutting
        assert cutting is not None
        parts = [FilmPart(entry.result, entry.read_report(cutting.report)) for entry in entries]
        return replace(
            job, function=lambda source, config, out, progress: cutting.merge(parts, config, out)
        )


def _name_part(error: BaseException, part: str) -> BaseException:
    """The error of a part, with the film and the frames."""
    if not isinstance(error, RhasError):
        error.add_note(f"in {part}")
        return error
    if part in error.where:
        return error
    where = f"{part}: {error.where}" if error.where else part
    return RhasError(error.what, where=where, expected=error.expected, got=error.got, do=error.do)
