"""HDF5 files where the file system, or another program, stands in the way."""

from __future__ import annotations

import errno
import fcntl
import shutil
from pathlib import Path

import h5py
import pytest

from rhas.base.errors import RhasError
from rhas.base.system_errors import explain_error
from rhas.stores.checking import guard_reading
from rhas.stores.hdf5 import create_hdf5, open_hdf5
from rhas.stores.kinds import find_kind


def test_a_file_that_another_program_has_locked_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with create_hdf5(path) as file:
        file["jpeg"] = [1]
    with path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with open_hdf5(path) as file:
            assert "jpeg" in file
        assert find_kind(path) == "frames"


def test_a_file_that_is_being_written_is_not_called_damaged(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.h5", tmp_path / "seen.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["jpeg"] = [1]
        file.flush()
        shutil.copy(path, seen)  # HDF5 knows what this process has open
    for read in (lambda: open_hdf5(seen).__enter__(), lambda: find_kind(seen)):
        with pytest.raises((RhasError, OSError)) as caught:
            read()
        message = explain_error(caught.value)
        assert message is not None
        assert message.what == "another program has the file open"


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE, errno.ESTALE])
def test_an_error_of_the_system_is_no_damage(tmp_path: Path, number: int) -> None:
    with pytest.raises(RhasError) as caught, guard_reading(tmp_path / "a.h5"):
        raise OSError(number, "why", str(tmp_path / "a.h5"))
    assert "damaged" not in str(caught.value)
    assert "cache verify" not in caught.value.do
