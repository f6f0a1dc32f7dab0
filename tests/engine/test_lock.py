"""Locks between processes: who waits, who passes by, and what a killed one leaves."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from rhas.engine.lock import exclusive_lock, if_idle

HOLDER = """
import sys
from pathlib import Path
from rhas.engine.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), "other"):
    print("holds", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock until its standard input ends, or it is killed."""
    words = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        try:
            yield process
        finally:
            process.kill()


def is_idle(path: Path) -> bool:
    with if_idle(path) as idle:
        return idle


def test_one_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / ".lock"
    with held_by_another(path) as process, ThreadPoolExecutor() as pool:
        assert not is_idle(path)
        entered = Event()

        def second() -> bool:
            with exclusive_lock(path, "ground"):
                entered.set()
                return is_idle(path)

        waiting = pool.submit(second)
        assert not entered.wait(0.5)
        process.communicate("")
        assert waiting.result(60) is False
    assert is_idle(path)
    assert capsys.readouterr().err == "ground: another run is still at work, waiting for it\n"


def test_a_killed_one_holds_up_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".lock"
    with held_by_another(path) as process:
        process.kill()
        process.wait()
        with exclusive_lock(path, "ground"):
            assert not is_idle(path)
    assert capsys.readouterr().err == ""


def test_the_holder_may_remove_the_folder(tmp_path: Path) -> None:
    """Whoever waited holds the lock of the file that lies there now, not of the one removed."""
    folder = tmp_path / "work"
    with held_by_another(folder / ".lock") as process, ThreadPoolExecutor() as pool:

        def second() -> bool:
            with exclusive_lock(folder / ".lock", "segment"):
                return is_idle(folder / ".lock")

        waiting = pool.submit(second)
        shutil.rmtree(folder)
        process.communicate("")
        assert waiting.result(60) is False


@pytest.mark.parametrize("idle", [True, False])
def test_an_error_lets_go(tmp_path: Path, idle: bool) -> None:
    path = tmp_path / ".lock"
    with (
        pytest.raises(ZeroDivisionError),
        if_idle(path) if idle else exclusive_lock(path, "ground"),
    ):
        raise ZeroDivisionError
    assert is_idle(path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "work").touch()
    with pytest.raises(FileExistsError), exclusive_lock(tmp_path / "work" / ".lock", "segment"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_nobody_waits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """Also where a killed run has left its file."""

    def refuse(file: int, operation: int) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    path = tmp_path / ".lock"
    path.write_text("left by a killed run")
    with exclusive_lock(path, "ground"):
        assert is_idle(path)
    assert "has no file locks" in capsys.readouterr().err


def test_where_nothing_can_be_written_no_lock_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("os.open", refuse)
    with exclusive_lock(tmp_path / ".lock", "ground"):
        assert is_idle(tmp_path / ".lock")


def test_a_folder_that_is_a_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    """As of a disk that is not mounted; making the folder can never succeed."""
    (tmp_path / "work").symlink_to(tmp_path / "missing")
    with pytest.raises(FileExistsError), exclusive_lock(tmp_path / "work/.lock", "ground"):
        pass
