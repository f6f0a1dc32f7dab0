"""``rhas cache`` on entries in use and out of use, and on unfinished trainings."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from film_functions import make_job
from typer.testing import CliRunner

from rhas.cli import app
from rhas.engine.leases import in_use
from rhas.engine.stage import stage_lock, stage_run, work_root
from rhas.engine.workcache import Entry, WorkCache, link_files

NO_SCM = "[core]\n    no_scm = true\n    analytics = false\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkCache:
    """The work cache of a project, empty, in the project's folder."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text(f"{NO_SCM}[cache]\n    type = hardlink,symlink,copy\n")
    monkeypatch.chdir(root)
    return WorkCache(work_root())


def entry(work: WorkCache, stage: str, movie: str, linked: bool = False) -> Entry:
    """A result of 6 bytes, as `run_jobs` leaves it at the stage's end, or before."""
    job = replace(make_job(work.root.parent, movie=movie), step=stage)
    made = work.compute_entry(movie, job, lambda frames: None)
    if linked:
        link_files(made.result, Path("data") / stage / job.target)
    return made


def cache(*words: str) -> str:
    result = CliRunner().invoke(app, ["cache", *words])
    assert result.exit_code == 0, result.output
    return result.output


def shown() -> dict[str, tuple[object, ...]]:
    """Entries, films, bytes, unlinked entries and unlinked bytes by stage."""
    return {row.pop("stage"): tuple(row.values()) for row in json.loads(cache("show", "--json"))}


def test_prune_removes_what_nothing_links_to(work: WorkCache) -> None:
    kept = [entry(work, "decode", "a", linked=True), entry(work, "crop", "a", linked=True)]
    entry(work, "decode", "b")
    entry(work, "ground", "a")
    assert shown() == {
        "crop": (1, 1, 6, 0, 0),
        "decode": (2, 2, 12, 1, 6),
        "ground": (1, 1, 6, 1, 6),
    }
    assert cache("prune", "--dry-run") == "would remove 2 entries, 0.0 MB\n"
    assert len(list(work.list_entries())) == 4
    assert cache("prune") == "removed 2 entries, 0.0 MB\n"
    assert sorted(work.list_entries(), key=lambda e: e.stage) == sorted(kept, key=lambda e: e.stage)
    assert shown() == {"crop": (1, 1, 6, 0, 0), "decode": (1, 1, 6, 0, 0)}
    assert cache("prune", "--all") == "removed 2 entries, 0.0 MB\n"
    assert Path("data/decode/a.out").read_text() == "HELLO!"


def test_a_stage_at_work_is_left_alone(work: WorkCache) -> None:
    """It links to its entries once all of them are there."""
    entry(work, "decode", "a")
    entry(work, "ground", "a")
    for words in (["--dry-run"], [], ["--all"]):
        with stage_run("decode", work):
            assert "decode: running, left alone\n" in cache("prune", *words)
        assert "decode" in [found.stage for found in work.list_entries()]
    assert [found.stage for found in work.list_entries()] == ["decode"]
    assert cache("prune") == "removed 1 entries, 0.0 MB\n"


def another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)


def other_links(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".dvc/config").write_text(f"{NO_SCM}[cache]\n    type = symlink\n")


@pytest.mark.parametrize("copies", [another_disk, other_links])
def test_copies_are_not_taken_for_out_of_use(
    work: WorkCache, monkeypatch: pytest.MonkeyPatch, copies: Callable[[pytest.MonkeyPatch], None]
) -> None:
    copies(monkeypatch)
    entry(work, "decode", "a", linked=True)
    before = sorted(Path().rglob("*"))
    assert shown() == {"decode": (1, 1, 6, None, None)}
    assert "is unknown" in cache("show")
    said = cache("prune")
    assert "is unknown" in said
    assert said.endswith("\nremoved 0 entries, 0.0 MB\n")
    assert set(Path().rglob("*")) - set(before) <= {Path(".dvc/cache"), Path(".dvc/tmp")}
    assert cache("prune", "--all") == "removed 1 entries, 0.0 MB\n"
    assert Path("data/decode/a.out").read_text() == "HELLO!"


def test_all_lets_go_of_unfinished_trainings(work: WorkCache) -> None:
    place = work.root / "train" / "0a1b" / "checkpoint.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x" * 2_000_000)
    assert cache("prune") == "removed 0 entries, 0.0 MB\n"
    said = cache("prune", "--all", "--dry-run")
    assert said == "would remove 0 entries and 1 unfinished trainings, 2.0 MB\n"
    assert place.exists()
    with stage_lock("train/0a1b", work.root):
        assert "train/0a1b: running, left alone\n" in cache("prune", "--all")
    assert place.exists()
    cache("prune", "--all")
    assert not place.exists()


PIPELINE = """
stages:
  decode:
    cmd: python run.py
    deps: [run.py]
    outs: [out]
"""
SCRIPT = """
from pathlib import Path
from film_functions import make_job
from rhas.engine.stage import run_jobs
if __name__ == "__main__":
    Path("films").mkdir(exist_ok=True)
    jobs = [make_job(Path("films"), movie, movie=movie) for movie in ("a", "b")]
    run_jobs("decode", jobs, Path("out"))
"""


@pytest.fixture
def project(work: WorkCache, monkeypatch: pytest.MonkeyPatch) -> WorkCache:
    """A project whose only stage has run; its outputs, both caches: one inode per film."""
    Path("dvc.yaml").write_text(PIPELINE)
    Path("run.py").write_text(SCRIPT)
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RHAS_WORKERS", "1")
    reproduce()
    assert Path("out/a.out").stat().st_nlink == 3
    return work


def reproduce(*options: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q", *options], check=True)


def damage_output(movie: str, keep_time: bool = False) -> None:
    path = Path(f"out/{movie}.out")
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"J")
    path.chmod(0o444)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def verify(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cache", "verify", *words])
    return result.exit_code, result.output


def test_one_command_brings_damaged_bytes_back(project: WorkCache) -> None:
    lock = Path("dvc.lock").read_text()
    damage_output("a", keep_time=True)
    assert verify("--quick")[0] == 0
    status, said = verify()
    assert status == 1
    assert "damaged: decode, a: result has other content" in said
    assert "2 damaged" in said  # DVC's copy is the other
    assert "decode: its output had damaged files" in cache("verify", "--repair")
    assert Path("out/a.out").read_text() == "A!"
    damage_output("b")
    assert "decode, b: result has other content" in verify("--quick")[1]
    cache("verify", "--quick", "--repair")
    assert Path("out/b.out").read_text() == "B!"
    assert "0 damaged" in cache("verify")
    assert "set aside: 2 entries" in cache("show")
    assert Path("dvc.lock").read_text() == lock
    assert Path("films/calls").read_text().split() == ["a", "b", "a", "b"]


def test_damage_of_a_stage_that_runs_is_left_alone_and_told(project: WorkCache) -> None:
    """With what is linked to it, in DVC's cache and the workspace; others are repaired."""
    damage_output("a", keep_time=True)
    entry(project, "crop", "c").result.unlink()
    with in_use(project.root / "decode"):
        status, said = verify("--repair")
    assert status == 1
    assert "\nnot repaired: decode is running\n" in said
    assert "\nrepaired" not in said
    assert "runs again" not in said
    assert Path("out/a.out").stat().st_nlink == 3
    status, said = verify()
    assert (status, "damaged: crop" in said, "2 damaged" in said) == (1, False, True)
    assert "\nrepaired" in cache("verify", "--repair")
    assert Path("out/a.out").read_text() == "A!"


def test_stages_that_run_are_named_once(work: WorkCache) -> None:
    for stage, movie in (("crop", "a"), ("decode", "a"), ("decode", "b")):
        entry(work, stage, movie).result.unlink()
    with in_use(work.root / "decode"), in_use(work.root / "crop"):
        status, said = verify("--repair")
    assert status == 1
    assert "not repaired: crop, decode are running\n" in said


def test_a_stage_that_runs_again_records_no_damaged_bytes(project: WorkCache) -> None:
    """Even where DVC trusts its own read-only copy."""
    damage_output("a", keep_time=True)
    lock = Path("dvc.lock").read_text()
    reproduce("--force")
    assert Path("out/a.out").read_text() == "A!"
    assert Path("dvc.lock").read_text() == lock
    assert "0 damaged" in cache("verify")


def test_damage_that_no_output_has_runs_no_stage(work: WorkCache) -> None:
    entry(work, "decode", "a").result.unlink()
    entry(work, "decode", "b", linked=True)
    said = cache("verify", "--repair")
    assert "a: its result is missing" in said
    assert "runs again" not in said
    assert [found.name for found in work.list_entries()] == ["b"]
