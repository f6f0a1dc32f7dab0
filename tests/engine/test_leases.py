"""Leases between processes and hosts: who waits, who passes by, and what a dead owner leaves."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event

import pytest

from rhas.engine import leases, owners
from rhas.engine.leases import exclusive_lease, if_unused, in_use, leased, take_lease
from rhas.engine.owners import Owner

HOLDER = """
import sys
from pathlib import Path
from rhas.engine import leases, owners
owners.MACHINE = sys.argv[2] or owners.MACHINE
owners.HEARTBEAT = 0.1
with leases.exclusive_lease(Path(sys.argv[1]), "other"):
    print("holds", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path, machine: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lease until its standard input ends, or it is killed."""
    words = [sys.executable, "-c", HOLDER, str(path), machine]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        try:
            yield process
        finally:
            process.kill()


def is_free(path: Path) -> bool:
    with leased(path) as lease:
        return lease is not None


def write_foreign_lease(path: Path, seconds_ago: float = 0.0) -> Path:
    """What a process of another host leaves, with its last heartbeat so long ago."""
    path.parent.mkdir(exist_ok=True)
    file = path.with_name(f"{path.name}.1")
    file.write_text(json.dumps(asdict(Owner("far", "another machine", 1, "1"))))
    moment = file.stat().st_mtime - seconds_ago
    os.utime(file, (moment, moment))
    return file


def test_one_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / ".lock"
    with held_by_another(path) as process, ThreadPoolExecutor() as pool:
        assert not is_free(path)
        entered = Event()

        def second() -> bool:
            with exclusive_lease(path, "ground"):
                entered.set()
                return is_free(path)

        waiting = pool.submit(second)
        assert not entered.wait(0.5)
        process.communicate("")
        assert waiting.result(60) is False
    assert is_free(path)
    assert not list(path.parent.iterdir())
    assert capsys.readouterr().err == "ground: another run is still at work, waiting for it\n"


def test_a_killed_one_holds_up_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".lock"
    with held_by_another(path) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        with exclusive_lease(path, "ground"):
            assert not is_free(path)
    assert capsys.readouterr().err == ""
    assert not list(tmp_path.iterdir())


def test_another_host_is_alive_while_its_heart_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the file system's clock; that of this host may be years off."""
    monkeypatch.setattr(owners, "EXPIRY", 1.0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    path = tmp_path / ".lock"
    with held_by_another(path, "another machine") as process:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert not is_free(path)
            time.sleep(0.1)
        process.kill()
        while not is_free(path):
            time.sleep(0.1)


@pytest.mark.parametrize(("seconds", "free"), [(60, False), (180, True)])
def test_another_host_without_a_heartbeat(tmp_path: Path, seconds: float, free: bool) -> None:
    file = write_foreign_lease(tmp_path / ".lock", seconds)
    assert is_free(tmp_path / ".lock") == free
    assert file.exists() != free


def test_one_of_many_takes_a_dead_ones_lease(tmp_path: Path) -> None:
    write_foreign_lease(tmp_path / ".lock", 1000)
    with ThreadPoolExecutor(16) as pool:
        taken = [lease for lease in pool.map(take_lease, [tmp_path / ".lock"] * 16) if lease]
    assert [lease.number for lease in taken] == [2]
    taken[0].release()
    assert not list(tmp_path.iterdir())


def test_one_taken_for_dead_lets_go_of_nothing(tmp_path: Path) -> None:
    """A host that slept: another has taken its lease, and a third must not get it."""
    first = take_lease(tmp_path / ".lock")
    assert first is not None
    assert first.is_held()
    write_foreign_lease(tmp_path / ".lock", 1000)  # in the place of this process's
    with leased(tmp_path / ".lock") as second:
        assert second is not None
        assert not first.is_held()
        first.release()
        assert second.is_held()
        assert not is_free(tmp_path / ".lock")


def test_an_error_lets_go(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), exclusive_lease(path, "ground"):
        raise ZeroDivisionError
    assert is_free(path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "work").touch()
    with pytest.raises(FileExistsError), exclusive_lease(tmp_path / "work" / ".lock", "segment"):
        pass


def test_a_folder_that_is_a_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    """As of a disk that is not mounted; making the folder can never succeed."""
    (tmp_path / "work").symlink_to(tmp_path / "missing")
    with pytest.raises(FileExistsError), exclusive_lease(tmp_path / "work/.lock", "ground"):
        pass


def test_where_nothing_can_be_written_no_lease_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("os.open", refuse)
    with exclusive_lease(tmp_path / ".lock", "ground"), in_use(tmp_path):
        assert not list(tmp_path.iterdir())


def test_many_use_a_folder_and_none_removes_from_it_meanwhile(tmp_path: Path) -> None:
    with in_use(tmp_path), in_use(tmp_path), if_unused(tmp_path) as unused:
        assert not unused
    with if_unused(tmp_path) as unused, ThreadPoolExecutor() as pool:
        assert unused
        entered = Event()

        def run() -> None:
            with in_use(tmp_path):
                entered.set()

        running = pool.submit(run)
        assert not entered.wait(0.5)
        leases_left = list(tmp_path.iterdir())
        for file in leases_left:
            if file.name.startswith(".pruning"):
                file.unlink()
        running.result(60)
    assert not list(tmp_path.iterdir())


def test_a_killed_run_uses_nothing(tmp_path: Path) -> None:
    write_foreign_lease(tmp_path / ".run-0a", 1000)
    write_foreign_lease(tmp_path / ".run-0b", 0)
    with if_unused(tmp_path) as unused:
        assert not unused
    leases.remove_dead_runs(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [".run-0b.1"]
