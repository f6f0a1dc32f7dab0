"""What every command has in common: how it ends."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from datafolder import MOVIE, write_data

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
    monkeypatch.setattr("rhas.base.program.os._exit", left.append)
    with pytest.raises(SystemExit):
        rhas.cli.main()
    assert left == [1]
    assert "out/a.h5: the disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOENT, "No such file or directory"),
        OSError(errno.ENOENT, "No such file or directory", 3),
        OSError(errno.ENOENT, "No such file", str(Path(rhas.cli.__file__).with_name("none.css"))),
        KeyError("out/a.h5"),
    ],
)
def test_other_errors_are_no_users_errors(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(rhas.cli, "app", fail)
    with pytest.raises(type(error)) as raised:
        rhas.cli.main()
    assert raised.value is error


@pytest.fixture
def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a command that fails says, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["rhas", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            rhas.cli.main()
        assert ended.value.code == 1
        return capsys.readouterr().err

    return run


RUN = '{"name": "a", "settings": {"method": "fact", "seed": 0}, "metrics": {"test": {}}}'


def test_a_file_for_a_folder_that_is_not_there(told: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(RUN)
    data = write_data(tmp_path)
    store = data / "features" / "blip2" / f"{MOVIE}.zarr"
    for words, out in (
        (("table", "--runs", "runs.jsonl", "--out"), "no/t.md"),
        (("table", "--runs", "runs.jsonl", "--save"), "no/t.jsonl"),
        (("table", "statistics", data / "raw", "--fps", 15, "--plot"), "no/s.png"),
        (("inspect", store, "--window", "0:5", "--out"), "no/w.npz"),
    ):
        said = told(*words, out)
        assert (
            said == f"error: {out}: its folder does not exist\n  do: create the folder no first\n"
        )


def test_a_path_that_cannot_be_written(told: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(RUN)
    (tmp_path / "folder").mkdir()
    for out, what in (
        ("folder", "is a directory"), ("runs.jsonl/t.md", "not a directory"),
        ("a" * 300, "file name too long"),
    ):  # fmt: skip
        assert told("table", "--runs", "runs.jsonl", "--out", out).startswith(
            f"error: {out}: {what}\n  do: "
        )


def test_the_report_for_a_folder_that_is_not_there(
    told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(out: Path, *_: object) -> None:
        out.with_name(".page.tmp").write_text("")

    monkeypatch.setattr("rhas.report.seeds.write_page_with_seeds", write)
    assert "no/.page.tmp: its folder does not exist" in told("report", "--out", "no/page.html")


@pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("prune",)])
def test_the_cache_outside_a_project(
    told: Callable[..., str], words: tuple[str], tmp_path: Path
) -> None:
    said = told("cache", *words)
    assert said == f"error: {tmp_path}: no DVC repository here\n  do: go to the project's folder\n"
