"""Long films in parts: the same entry, whatever becomes of the parts on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from film_functions import make_job

from rhas.base.errors import RhasError
from rhas.base.progress import ignore_progress
from rhas.engine import parts, stage
from rhas.engine.executors import Outcomes, Task
from rhas.engine.stage import try_jobs
from rhas.engine.workcache import Entry, WorkCache

TEXT = "twelve parts"


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers, which import the film functions; parts of five letters."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("RHAS_WORKERS", "2")
    monkeypatch.setenv("RHAS_PART_FRAMES", "5")
    monkeypatch.chdir(tmp_path)


def execute_here(tasks: Sequence[Task]) -> Outcomes:
    """In this process, whose start takes no time."""
    for task in tasks:
        try:
            yield task, task.run(ignore_progress)
        except Exception as error:
            yield task, error


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "find_executor", lambda: execute_here)


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return sorted(path.read_text().split()) if path.exists() else []


def names(cache: WorkCache) -> list[str]:
    return [entry.name for entry in cache.list_entries()]


def test_workers_share_a_film_and_the_entry_is_that_of_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, TEXT)
    entries, failures = try_jobs(cache, "decode", [job, make_job(tmp_path, "abc", movie="b")])
    assert not failures
    assert calls(tmp_path) == ["a:0", "a:4", "a:8", "b"]
    assert "decode: a in 3 parts\n" in capsys.readouterr().err
    whole = WorkCache(tmp_path / "whole")
    expected = whole.compute_entry(whole.make_key(job), job, ignore_progress)
    assert entries["a"].result.read_text() == "TWELVE PARTS!"
    assert (entries["a"].folder / "entry.json").read_bytes() == (
        expected.folder / "entry.json"
    ).read_bytes()
    assert sorted(names(cache)) == ["a", "b"]  # the parts are removed
    assert not [p for p in (tmp_path / "work/decode").iterdir() if p.name.startswith(".")]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["local", "ray", "slurm"])
def test_one_worker_cuts_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAS_EXECUTOR", name)
    monkeypatch.setenv("RHAS_WORKERS", "1")
    try_jobs(WorkCache(tmp_path / "work"), "decode", [make_job(tmp_path, TEXT)])
    assert calls(tmp_path) == ["a"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("frames", ["12", "0", None])
def test_films_that_are_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: str | None
) -> None:
    """As long as a part; with the setting off; by default only films of more than 20,000 frames."""
    if frames is None:
        monkeypatch.delenv("RHAS_PART_FRAMES")
        assert parts.read_part_frames() == 20_000
    else:
        monkeypatch.setenv("RHAS_PART_FRAMES", frames)
    try_jobs(WorkCache(tmp_path / "work"), "decode", [make_job(tmp_path, TEXT)])
    assert calls(tmp_path) == ["a"]


@pytest.mark.parametrize("wanted", ["-1", "1.5", "all", ""])
def test_a_setting_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("RHAS_PART_FRAMES", wanted)
    with pytest.raises(RhasError, match="RHAS_PART_FRAMES: not a number of frames") as caught:
        try_jobs(WorkCache(tmp_path / "work"), "decode", [make_job(tmp_path, TEXT)])
    error = caught.value
    assert error.got == repr(wanted)
    assert error.expected
    assert error.do


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("text", "frames", "told"),
    [
        ("firstsbrokenthirds", "6", "a, frames 6 to 11: a: this film is broken"),
        ("onebugtwo", "3", "ZeroDivisionError: a bug\nin a, frames 3 to 5\n"),
    ],
)
def test_a_part_that_fails_is_named_and_other_films_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, frames: str, told: str
) -> None:
    monkeypatch.setenv("RHAS_PART_FRAMES", frames)
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, text)
    entries, failures = try_jobs(cache, "decode", [job, make_job(tmp_path, "ok", movie="b")])
    assert list(entries) == ["b"]
    assert told in stage._format_failure(failures["a"])
    assert len(calls(tmp_path)) == 4  # each part once: a film's own error is not tried again
    assert len(names(cache)) == 3


def test_a_killed_part_is_named_and_the_next_run_computes_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "storm").touch()
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, "firstfrailthird")
    entries, failures = try_jobs(cache, "decode", [job])
    assert not entries
    assert str(failures["a"]).startswith("a, frames 5 to 9: its worker process was killed")
    assert sorted(names(cache)) == ["a, frames 0 to 4", "a, frames 10 to 14"]
    (tmp_path / "storm").unlink()
    (tmp_path / "calls").unlink()
    entries, failures = try_jobs(cache, "decode", [job])
    assert not failures
    assert calls(tmp_path) == ["a:5"]
    assert entries["a"].result.read_text() == "FIRSTFRAILTHIRD!"
    assert "a in 3 parts, 2 from the work cache" in capsys.readouterr().err
    assert names(cache) == ["a"]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_run_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """Also where all parts are there, and nothing is left to do but to merge them."""

    def stop(tasks: Sequence[Task]) -> Outcomes:
        for task in tasks[:done]:
            task.run(ignore_progress)
        raise KeyboardInterrupt
        yield

    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, TEXT)
    monkeypatch.setattr(stage, "find_executor", lambda: stop)
    with pytest.raises(KeyboardInterrupt):
        try_jobs(cache, "decode", [job])
    assert len(names(cache)) == done
    monkeypatch.setattr(stage, "find_executor", lambda: execute_here)
    entries, _ = try_jobs(cache, "decode", [job])
    assert entries["a"].result.read_text() == "TWELVE PARTS!"
    assert calls(tmp_path) == ["a:0", "a:4", "a:8"]
    assert names(cache) == ["a"]


@pytest.mark.usefixtures("here")
def test_a_part_that_is_damaged_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, TEXT)
    (film,) = parts._cut_films([Task(cache.root, cache.make_key(job), job)])
    entry = film.parts[1].run(ignore_progress)
    assert isinstance(entry, Entry)
    entry.result.chmod(0o644)
    entry.result.write_text("rot")
    entries, _ = try_jobs(cache, "decode", [job])
    assert entries["a"].result.read_text() == "TWELVE PARTS!"
    assert "a, frames 4 to 7: its entry of the work cache is damaged" in capsys.readouterr().err


def test_two_runs_share_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run finds a part at work in another one, which merges first."""
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, TEXT)
    rounds = []

    def meet(tasks: Sequence[Task]) -> Outcomes:
        rounds.append([task.job.name for task in tasks])
        for task in tasks:
            if not task.waits:  # another run is at it
                yield task, None
            else:
                yield task, task.run(ignore_progress)
        if len(rounds) == 1:
            monkeypatch.setattr(stage, "find_executor", lambda: execute_here)
            try_jobs(cache, "decode", [job])

    monkeypatch.setattr(stage, "find_executor", lambda: meet)
    entries, failures = try_jobs(cache, "decode", [job])
    assert not failures
    assert entries["a"].result.read_text() == "TWELVE PARTS!"
    assert [len(names) for names in rounds] == [3, 1]
    assert calls(tmp_path) == ["a:0", "a:4", "a:8"]
    assert names(cache) == ["a"]


def test_an_input_that_cannot_be_read_is_the_films_error(tmp_path: Path) -> None:
    job = make_job(tmp_path, TEXT)
    task = Task(tmp_path / "work", "key", job)
    (tmp_path / "a.txt").unlink()
    assert parts._cut_films([task]) == []
