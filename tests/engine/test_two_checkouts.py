"""Two checkouts, as of two hosts, with one work cache and no file locks, killed at random."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

KILLS = int(os.environ.get("RHAS_TEST_KILLS", "3"))
FILMS = [f"film_{number:02d}" for number in range(12 + 4 * KILLS)]
RUN = """
import errno, fcntl, os, sys, time
from dataclasses import replace
from pathlib import Path

from film_functions import ShoutReport, make_job
from rhas.engine import owners, stage

home, host = Path(sys.argv[1]), sys.argv[2]
owners.MACHINE, owners.HEARTBEAT, owners.EXPIRY = host, 0.2, 4.0
stage.work_root = lambda: home / "work"


def refuse(*_):
    raise OSError(errno.ENOLCK, "no locks")


def note(event, movie):
    with (home / "events").open("a") as file:
        file.write(f"{event} {movie} {host} {os.getpid()}\\n")


def work(source, config, out, progress):
    note("begin", source.movie)
    time.sleep(0.1)
    out.write_text(source.film.read_text() * 1000)
    note("end", source.movie)
    return ShoutReport(3)


def execute(tasks):
    for task in tasks:
        yield task, task.run(lambda frames: None)


fcntl.flock = fcntl.lockf = refuse
stage.find_executor = lambda: execute
os.chdir(home / host)
films = [make_job(Path("."), movie, movie=movie) for movie in sys.argv[3:]]
stage.run_jobs("decode", [replace(film, function=work) for film in films], Path("out"))
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Starts a run in a checkout, which is made where missing."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    (tmp_path / "run.py").write_text(RUN)

    def begin(host: str, quiet: bool = True) -> subprocess.Popen[bytes]:
        (tmp_path / host).mkdir(exist_ok=True)
        words = [sys.executable, str(tmp_path / "run.py"), str(tmp_path), host, *FILMS]
        return subprocess.Popen(words, stdout=-3, stderr=-3 if quiet else None)

    return begin


def read_events(folder: Path) -> list[list[str]]:
    path = folder / "events"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_two_hosts_share_the_work(tmp_path: Path, start) -> None:  # type: ignore[no-untyped-def]
    """Each film once, and both at work at the same time."""
    runs = [start(host, quiet=False) for host in ("near", "far")]
    assert [run.wait() for run in runs] == [0, 0]
    begun = [movie for event, movie, *_ in read_events(tmp_path) if event == "begin"]
    assert sorted(begun) == FILMS
    check_results(tmp_path)


def test_killed_at_random(tmp_path: Path, start) -> None:  # type: ignore[no-untyped-def]
    choose = random.Random(0)
    runs = {host: start(host) for host in ("near", "far")}
    for _ in range(KILLS):
        before = len(read_events(tmp_path))
        while len(read_events(tmp_path)) == before and any(r.poll() is None for r in runs.values()):
            time.sleep(0.01)
        time.sleep(choose.uniform(0, 0.2))
        host = choose.choice(("near", "far"))
        runs[host].kill()
        runs[host].wait()
        runs[host] = start(host)
    for host, run in runs.items():
        run.wait()
        assert start(host, quiet=False).wait() == 0
    check_results(tmp_path)
    check_events(tmp_path)


def check_results(folder: Path) -> None:
    """Both outputs have the right bytes and nothing is left half-written."""
    for host in ("near", "far"):
        out = folder / host / "out"
        assert {p.stem: p.read_text() for p in out.glob("*.out")} == {m: m * 1000 for m in FILMS}
        assert set(json.loads((out / "report.json").read_text())) == set(FILMS)
    work = folder / "work" / "decode"
    assert not [p.name for p in work.iterdir() if p.name.startswith((".tmp-", ".lease-", ".run-"))]


def check_events(folder: Path) -> None:
    """No film was begun while one who came to its end was at it."""
    at_work: dict[str, set[str]] = defaultdict(set)
    events = read_events(folder)
    ended = {(movie, process) for event, movie, _, process in events if event == "end"}
    for event, movie, _, process in events:
        if event == "end":
            at_work[movie].discard(process)
        else:
            assert not at_work[movie], f"{movie} is computed by two"
            if (movie, process) in ended:
                at_work[movie].add(process)
