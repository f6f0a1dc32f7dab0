"""What every command has in common: how it ends."""

from __future__ import annotations

import errno

import pytest

import rhas.cli
from rhas.base.errors import RhasError


@pytest.mark.parametrize("told", [False, True])
def test_a_full_disk_is_told_and_ends_the_process_before_hdf5_crashes(
    told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left: list[int] = []

    def fill() -> None:
        full = OSError(errno.ENOSPC, "No space left on device", "a.h5", None, "out/a.h5")
        if told:
            raise RhasError("the disk is full", where="out/a.h5") from full
        raise full

    monkeypatch.setattr(rhas.cli, "app", fill)
    monkeypatch.setattr(rhas.cli.os, "_exit", left.append)
    with pytest.raises(SystemExit):
        rhas.cli.main()
    assert left == [1]
    assert "out/a.h5: the disk is full" in capsys.readouterr().err


def test_other_errors_of_the_system_are_no_users_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(rhas.cli, "app", fail)
    with pytest.raises(OSError, match="Input/output error"):
        rhas.cli.main()
