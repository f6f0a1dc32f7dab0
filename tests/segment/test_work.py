"""Runs into one folder at once: one is at work, the others wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from film_functions import make_job

from rhas.engine import leases
from rhas.engine.leases import leased
from rhas.engine.stage import LOCK
from rhas.engine.workcache import WorkCache
from rhas.segment.request import WORK
from rhas.segment.work import exclusive_work_folder


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set once a run waits for another."""
    event, take_lease = Event(), leases.take_lease

    def told(path: Path) -> leases.Lease | None:
        lease = take_lease(path)
        if lease is None:
            event.set()
        return lease

    monkeypatch.setattr(leases, "take_lease", told)
    return event


def is_held(path: Path) -> bool:
    with leased(path) as lease:
        return lease is None


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
            assert [path.name for path in work.iterdir()] == [f"{LOCK}.1"]
            assert is_held(work / LOCK)
            (work / "boxes.h5").touch()

    with ThreadPoolExecutor() as pool:
        with pytest.raises(ZeroDivisionError):
            fail(out, first)
        waiting[0].result(60)
    assert sorted(path.name for path in (out / WORK).iterdir()) == ["boxes.h5"]
    assert not is_held(out / WORK / LOCK)


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
