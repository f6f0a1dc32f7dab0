"""Arrays of jobs, of a Slurm that three scripts stand for: its jobs are local processes."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import pytest
from film_functions import make_job

from rhas.base.errors import RhasError
from rhas.engine.executors import Outcome, Task, slurm
from rhas.engine.executors.slurm import execute, make_script, split_tasks
from rhas.engine.stage import try_jobs
from rhas.engine.workcache import Entry, WorkCache

SBATCH = """#!{python}
import os, re, subprocess, sys
from pathlib import Path
home = Path("{home}")
script = sys.argv[-1]
number = len(list(home.glob("*.jobs"))) + 1
last = int(re.search("--array=0-(\\\\d+)", Path(script).read_text())[1])
for job in range(last + 1):
    env = dict(os.environ, SLURM_ARRAY_TASK_ID=str(job))
    process = subprocess.Popen(["bash", script], env=env, stdout=-3, stderr=open(home / "log", "a"))
    with (home / f"{{number}}.jobs").open("a") as file:
        file.write(f"{{number}}_{{job}} {{process.pid}}\\n")
print(number)
"""
SQUEUE = """#!{python}
import os
from pathlib import Path
for jobs in Path("{home}").glob("*.jobs"):
    for line in jobs.read_text().splitlines():
        job, process = line.split()
        stat = Path(f"/proc/{{process}}/stat")
        alive = stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
        cancelled = Path("{home}", f"{{job}}.cancelled").exists()
        print(job, "CANCELLED" if cancelled else "RUNNING" if alive else "FAILED")
"""
SCANCEL = """#!/bin/sh
echo "$@" > {home}/cancelled
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in keeps its jobs."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (folder / name).write_text(text.format(python=sys.executable, home=folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RHAS_WORKERS", "2")
    monkeypatch.setattr(slurm, "_POLL", 0.1)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    return folder


def make_tasks(folder: Path, texts: dict[str, str]) -> list[Task]:
    jobs = [make_job(folder, text, movie=movie) for movie, text in texts.items()]
    return [Task(folder / "work", job.name, job) for job in jobs]


def run(tasks: list[Task]) -> dict[str, Outcome]:
    return {task.job.name: outcome for task, outcome in execute(tasks)}


def calls(folder: Path) -> list[str]:
    return sorted((folder / "calls").read_text().split())


def test_films_errors_and_lost_jobs(home: Path, tmp_path: Path) -> None:
    """A lost job's other films are done by the next one."""
    texts = {"a": "killed", "b": "fine", "c": "broken", "d": "bug", "e": "fine"}
    outcomes = run(make_tasks(tmp_path, texts))
    assert "its worker was lost 3 times" in str(outcomes["a"])
    assert "this film is broken" in str(outcomes["c"])
    assert "ZeroDivisionError: a bug" in str(outcomes["d"])
    for name in "be":
        assert isinstance(outcomes[name], Entry)
    assert calls(tmp_path).count("a") == 3
    assert not list(slurm.FOLDER.iterdir())


def test_a_long_films_parts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost job's part is done by the next one; a film whose part is lost again fails."""
    monkeypatch.setenv("RHAS_EXECUTOR", "slurm")
    monkeypatch.setenv("RHAS_PART_FRAMES", "6")
    texts = {"a": "firstssecondthirds", "b": "firstskilledthirds"}
    jobs = [make_job(tmp_path, text, movie=movie) for movie, text in texts.items()]
    cache = WorkCache(tmp_path / "work")
    entries, failures = try_jobs(cache, "decode", jobs)
    assert entries["a"].result.read_text() == "FIRSTSSECONDTHIRDS!"
    assert str(failures["b"]).startswith("b, frames 6 to 11: its worker was lost 3 times")
    assert set(calls(tmp_path)) == {f"{movie}:{first}" for movie in "ab" for first in (0, 6, 12)}
    assert len(list(cache.list_entries())) == 3  # the film, and the parts of the other one


def test_a_driver_that_starts_again_waits_for_its_jobs(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = make_tasks(tmp_path, {"a": "patient", "b": "patient"})
    slurm._submit(tasks)  # and the driver is killed
    outcomes = run(tasks)
    assert [type(outcomes[name]) for name in "ab"] == [Entry, Entry]
    assert calls(tmp_path) == ["a", "b"]
    assert "waiting for Slurm job 1" in capsys.readouterr().err
    assert len(list(home.glob("*.jobs"))) == 1


def test_a_job_that_was_cancelled_is_not_put_into_another(home: Path, tmp_path: Path) -> None:
    (home / "1_0.cancelled").touch()
    outcome = run(make_tasks(tmp_path, {"a": "killed"}))["a"]
    assert "its Slurm job was cancelled" in str(outcome)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_driver_that_is_stopped(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cancel: bool,
) -> None:
    """Its jobs go on, unless it was told to cancel them."""

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    if cancel:
        monkeypatch.setenv("RHAS_SLURM_CANCEL", "1")
    monkeypatch.setattr(slurm.time, "sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        run(make_tasks(tmp_path, {"a": "patient"}))
    assert (home / "cancelled").exists() == cancel
    assert ("the jobs go on" in capsys.readouterr().err) != cancel


def test_no_slurm_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RhasError, match="no Slurm here"):
        run(make_tasks(tmp_path, {"a": "fine"}))


def test_what_sbatch_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAS_SLURM", "--partition=gpu --comment='two words'")
    script = make_script(make_tasks(tmp_path, {"a": "fine"}), 3, tmp_path).splitlines()
    assert script[0] == "#!/bin/bash"
    for option in ("--array=0-2", "--mem=1024M", "--partition=gpu", "'--comment=two words'"):
        assert f"#SBATCH {option}" in script
    assert "export OMP_NUM_THREADS=1" in script
    assert "#SBATCH --gres=gpu:1" not in script


def test_jobs_of_about_the_same_size(tmp_path: Path) -> None:
    tasks = make_tasks(
        tmp_path, {name: name * size for name, size in zip("abcde", (9, 4, 3, 2, 1), strict=True)}
    )
    chunks = split_tasks(tasks, 2)
    assert [[task.job.name for task in chunk] for chunk in chunks] == [["a", "e"], ["b", "c", "d"]]
    assert pickle.loads(pickle.dumps(chunks)) == chunks
