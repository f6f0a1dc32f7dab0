"""Runs into one folder at once: one is at work, the others wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from film_functions import make_job

from rhas.engine import lock
from rhas.engine.lock import if_idle
from rhas.engine.stage import LOCK
from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK
from rhas.segment.work import exclusive_work_folder


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set once a run waits for another."""
    event, lock_file = Event(), lock.lock_file

    def told(file: int, *, waits: bool) -> lock.Lock:
        if waits:
            event.set()
        return lock_file(file, waits=waits)

    monkeypatch.setattr(lock, "lock_file", told)
    return event


def is_locked(path: Path) -> bool:
    with if_idle(path) as idle:
        return not idle


def fail(out: Path, do: Callable[[Path], None]) -> None:
    with exclusive_work_folder(out) as work:
        do(work)
        raise ZeroDivisionError


def test_one_that_fails_gives_way_to_one_that_waits(tmp_path: Path, waits: Event) -> None:
    """The folder is made anew, with a lock that a third run sees."""
    out = tmp_path / "new" / "out"
    waiting: list[Future[None]] = []

    def first(work: Path) -> None:
        (work / "decode" / ".tmp-1").mkdir(parents=True)
        (work / "digests.db").touch()
        waiting.append(pool.submit(second))
        assert waits.wait(60)

    def second() -> None:
        with exclusive_work_folder(out) as work:
            assert [path.name for path in work.iterdir()] == [LOCK]
            assert is_locked(work / LOCK)
            (work / "boxes.h5").touch()

    with ThreadPoolExecutor() as pool:
        with pytest.raises(ZeroDivisionError):
            fail(out, first)
        waiting[0].result(60)
    assert sorted(path.name for path in (out / WORK).iterdir()) == [LOCK, "boxes.h5"]
    assert not is_locked(out / WORK / LOCK)


def test_what_is_worth_keeping_stays_and_so_do_files_of_others(tmp_path: Path) -> None:
    out, job = tmp_path / "out", make_job(tmp_path)
    out.mkdir()
    (out / "notes.txt").touch()
    with pytest.raises(ZeroDivisionError):
        fail(out, lambda work: None)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]

    def one_stage(work: Path) -> None:
        WorkCache(work).compute_entry("0a", job, lambda frames: None)

    with pytest.raises(ZeroDivisionError):
        fail(out, one_stage)
    assert [entry.key for entry in WorkCache(out / WORK).list_entries()] == ["0a"]
