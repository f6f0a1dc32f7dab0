from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from film_functions import SHOUT, ShoutConfig, make_job
from signals import AS_IN_A_TERMINAL

from rhas.base.errors import RhasError
from rhas.engine import stage
from rhas.engine.steps import FilmFiles
from rhas.engine.workcache import WorkCache

work_root = stage.work_root


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "work_root", lambda: tmp_path / "work")
    monkeypatch.setenv("RHAS_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().split() if path.exists() else []


def test_stage_folder_is_made_of_links_to_the_work_cache(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, movie=movie) for movie in ("a", "b")]
    stage.run_jobs("decode", jobs, tmp_path / "out")
    assert (tmp_path / "out" / "a.out").read_text() == "HELLO!"
    assert (tmp_path / "out" / "a.out").stat().st_nlink == 2
    assert json.loads((tmp_path / "out" / "report.json").read_text())["b"] == {"frames": 5}


def test_a_step_of_all_films(tmp_path: Path) -> None:
    films = []
    for movie in ("a", "b"):
        (tmp_path / f"{movie}.txt").write_text(movie)
        films.append(FilmFiles(movie, film=tmp_path / f"{movie}.txt"))
    stage.run_step(SHOUT, films, ShoutConfig(tail="?"), tmp_path / "out")
    assert (tmp_path / "out" / "b.out").read_text() == "B?"


def test_nothing_is_computed_twice_and_a_new_film_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    stage.run_jobs("decode", [make_job(tmp_path, movie="a")], out)
    stage.run_jobs("decode", [make_job(tmp_path, movie=m) for m in ("a", "b")], out)
    assert calls(tmp_path) == ["a", "b"]
    stage.run_jobs("decode", [make_job(tmp_path, movie="b")], out)
    assert calls(tmp_path) == ["a", "b"]
    assert sorted(p.name for p in out.iterdir()) == ["b.out", "report.json"]


def test_failing_films_are_named_and_stop_no_other(tmp_path: Path) -> None:
    jobs = [
        make_job(tmp_path, "broken", movie="a"),
        make_job(tmp_path, "fine", movie="b"),
        make_job(tmp_path, "bug", movie="c"),
    ]
    out = tmp_path / "out"
    with pytest.raises(RhasError) as caught:
        stage.run_jobs("decode", jobs, out)
    assert "2 of 3 films failed" in str(caught.value)
    assert "a: this film is broken" in str(caught.value)
    assert "ZeroDivisionError" in str(caught.value)
    assert not out.exists()
    (tmp_path / "a.txt").write_text("mended")
    (tmp_path / "c.txt").write_text("mended")
    stage.run_jobs("decode", jobs, out)
    assert sorted(calls(tmp_path)) == ["a", "a", "b", "c", "c"]


def test_a_killed_worker_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="RHAS_WORKERS"):
        stage.run_jobs("decode", [make_job(tmp_path, "killed")], tmp_path / "out")


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RhasError, match="no DVC repository") as failure:
        work_root()
    assert failure.value.where == str(tmp_path)


def test_kill_dash_nine_resumes(tmp_path: Path) -> None:
    """A run killed in its second film: the first is kept, nothing half-written is seen."""
    script = tmp_path / "run.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from film_functions import make_job\n"
        "import rhas.engine.stage\n"
        "root = Path(sys.argv[1]); rhas.engine.stage.work_root = lambda: root / 'work'\n"
        "if __name__ == '__main__':\n"
        "    jobs = [make_job(root, 'quick, but larger', movie='a'),\n"
        "            make_job(root, 'slow', movie='b')]\n"
        "    rhas.engine.stage.run_jobs('decode', jobs, root / 'out')\n"
    )
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    deadline = time.monotonic() + 60
    while calls(tmp_path) != ["a", "b"] and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert calls(tmp_path) == ["a", "b"]
    assert not (tmp_path / "out").exists()
    entries = list(WorkCache(tmp_path / "work").list_entries())
    assert [entry.name for entry in entries] == ["a"]
    jobs = [
        make_job(tmp_path, "quick, but larger", movie="a"),
        make_job(tmp_path, "now", movie="b"),
    ]
    stage.run_jobs("decode", jobs, tmp_path / "out")
    assert calls(tmp_path) == ["a", "b", "b"]
    assert (tmp_path / "out" / "b.out").read_text() == "NOW!"


def is_running(group: int) -> bool:
    """Whether any process of a group is."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_no_worker_and_nothing_half_written(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """SIGINT as a terminal sends it: to the workers, too."""
    script = tmp_path / "run.py"
    script.write_text(
        AS_IN_A_TERMINAL + "import sys; from pathlib import Path\n"
        "import rhas.base.program, rhas.engine.stage\n"
        "from film_functions import make_job\n"
        "root = Path(sys.argv[1]); rhas.engine.stage.work_root = lambda: root / 'work'\n"
        "def main():\n"
        "    jobs = [make_job(root, 'slow', movie=m) for m in 'ab']\n"
        "    rhas.engine.stage.run_jobs('decode', jobs, root / 'out')\n"
        "if __name__ == '__main__':\n"
        "    rhas.base.program.run_script(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "RHAS_WORKERS": "2"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while sorted(calls(tmp_path)) != ["a", "b"] and time.monotonic() < deadline:
        time.sleep(0.05)
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.communicate(timeout=60)[1] == "stopped\n"
    assert process.returncode == status
    while is_running(process.pid) and time.monotonic() < deadline + 60:
        time.sleep(0.05)
    assert not is_running(process.pid)
    assert sorted(p.name for p in (tmp_path / "work" / "decode").iterdir()) == []
    assert not list(tmp_path.glob("*out*"))


def test_one_films_damaged_input_stops_no_other(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, movie=movie) for movie in ("a", "b")]
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(RhasError, match="1 of 2 films failed") as caught:
        stage.run_jobs("decode", jobs, tmp_path / "out")
    assert "not a regular file" in str(caught.value)
    assert calls(tmp_path) == ["b"]
