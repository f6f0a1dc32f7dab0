from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rhas.base import system_errors
from rhas.base.errors import RhasError
from rhas.base.system_errors import explain_error, is_disk_full, is_system_error


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


H5_FULL = (
    "Can't synchronously write data (file write failed: time = Sun, filename = '/d/a.h5', "
    "file descriptor = 5, errno = 28, error message = 'No space left on device')"
)
H5_BUSY = "Unable to synchronously open file (unable to lock file, errno = 11)"
H5_OPEN = "Unable to synchronously open file (file is already open for write/SWMR write)"


@pytest.mark.parametrize(
    ("error", "what", "where"),
    [
        (OSError(errno.ENOSPC, "No space", "a.h5"), "the disk is full", "a.h5"),
        (OSError(errno.EDQUOT, "Quota"), "the disk is full", ""),
        (OSError(H5_FULL), "the disk is full", "/d/a.h5"),
        (RuntimeError("Can't decrement id ref count (errno = 28)"), "the disk is full", ""),
        (ValueError("I/O error: No space left on device (os error 28)"), "the disk is full", ""),
        (ExceptionGroup("zarr", [OSError(errno.ENOSPC, "No", "z/c")]), "the disk is full", "z/c"),
        (chained(RhasError("the store is damaged", where="b"), OSError(errno.EIO, "I/O")),
         "the disk reports an error", "b"),
        (OSError(errno.EIO, "Input/output error"), "the disk reports an error", ""),
        (OSError(errno.EROFS, "Read-only", "a"), "the disk cannot be written", "a"),
        (OSError(errno.EFBIG, "File too large", "a"), "too large for the disk or for a limit", "a"),
        (OSError(errno.EMFILE, "Too many", "a"), "too many files are open", "a"),
        (BlockingIOError(errno.EAGAIN, H5_BUSY), "another program has the file open", ""),
        (OSError(H5_OPEN), "another program has the file open", ""),
        (OSError(errno.ENOLCK, "No locks", "a"), "the file system has no locks", "a"),
        (MemoryError(), "memory ran out", ""),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "permission denied", "a"),
        (OSError(errno.ENOENT, "No such file", "no/a"), "its folder does not exist", "no/a"),
    ],
)  # fmt: skip
def test_what_a_user_can_correct_is_told(error: Exception, what: str, where: str) -> None:
    message = explain_error(error)
    assert message is not None
    assert what in message.what
    assert message.where == where
    assert message.do


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a.h5"),
        OSError(errno.ENOENT, "No such file or directory"),
        OSError(errno.ENOENT, "No such file", str(Path(system_errors.__file__).with_name("x"))),
        OSError("Unable to open file (truncated file: eof = 96)"),
    ],
)
def test_a_bug_is_none(error: Exception) -> None:
    assert explain_error(error) is None


def test_a_message_stays_as_it_is() -> None:
    error = RhasError("a film is damaged", where="a.mp4")
    assert explain_error(error) is error
    assert explain_error(chained(error, ValueError("bytes"))) is error


def test_a_full_disk_is_seen_below_other_errors() -> None:
    assert is_disk_full(chained(RuntimeError("close"), OSError(errno.ENOSPC, "No space")))
    assert not is_disk_full(chained(RuntimeError("close"), OSError(errno.EIO, "I/O")))
    assert not is_disk_full(None)


def test_damage_is_no_fault_of_the_system() -> None:
    assert is_system_error(OSError(errno.EACCES, "Permission denied"))
    assert not is_system_error(OSError("Unable to open file (file signature not found)"))
    assert not is_system_error(FileNotFoundError(errno.ENOENT, "zarr.json"))


def test_a_message_does_not_repeat_megabytes_of_a_file() -> None:
    error = RhasError("w" * 10**6, where="x" * 10**6, expected="y" * 10**6, got="z" * 10**6)
    assert len(str(error)) < 15_000
    lines = "\n".join(["a film failed"] * 5000)
    assert str(RhasError(lines)) == lines


@pytest.mark.parametrize(
    ("advice", "outside"),
    [
        ("run `dvc repro crop`", "make it again"),
        ("delete the file and run `dvc repro` again", "delete the file and make it again"),
        ("put the film there, or run `dvc repro prepare`", "put the film there"),
        ("check the path", "check the path"),
    ],
)
def test_no_stage_is_advised_where_there_is_no_pipeline(
    advice: str, outside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(RhasError("damaged", do=advice)) == f"damaged\n  do: {outside}"
    (tmp_path / "dvc.yaml").touch()
    assert str(RhasError("damaged", do=advice)) == f"damaged\n  do: {advice}"
