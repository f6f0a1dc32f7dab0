"""How many processes, and the GPU of each, on machines that do not exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from film_functions import make_job

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.engine import workers
from rhas.engine.steps import GIB, Job
from rhas.engine.workers import assign_devices, count_workers, list_gpus, read_free_memory


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 cores, 64 GiB free, two GPUs with 24 and 10 GiB free."""
    monkeypatch.delenv("RHAS_WORKERS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 16)
    monkeypatch.setattr(workers, "read_free_memory", lambda: 64 * GIB)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, 24576'; echo '1, 10240'; echo '2, [N/A]'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def make_jobs(folder: Path, count: int, gib: float, **config: object) -> list[Job]:
    job = replace(make_job(folder), memory=int(gib * GIB))
    settings = GroundConfig.model_construct(**{"device": "cpu", "batch_size": 1, **config})
    return [replace(job, records=(job.records[0], settings))] * count


@pytest.mark.parametrize(
    ("count", "gib", "expected"), [(100, 1, 16), (3, 1, 3), (100, 10, 5), (100, 500, 1)]
)
def test_as_many_as_films_cores_and_memory_allow(
    tmp_path: Path, count: int, gib: float, expected: int
) -> None:
    assert assign_devices(make_jobs(tmp_path, count, gib)) == [None] * expected


def test_a_number_that_was_given_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAS_WORKERS", "7")
    assert len(assign_devices(make_jobs(tmp_path, 100, 500))) == 7


@pytest.mark.parametrize(
    ("gib", "batch", "expected"),
    [
        (6, 8, ["0", "1", "0", "0"]),  # 3 fit on one and 1 on the other
        (50, 8, ["0"]),  # of main memory there is enough for one
        (1, "auto", ["0", "1"]),  # each fills its GPU
    ],
)
def test_gpus_in_turn(tmp_path: Path, gib: float, batch: object, expected: list[str]) -> None:
    jobs = make_jobs(tmp_path, 100, gib, device="cuda", batch_size=batch)
    assert assign_devices(jobs) == expected


def test_only_visible_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [gpu.name for gpu in list_gpus()] == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,MIG-0a")
    jobs = make_jobs(tmp_path, 100, 4, device="cuda")
    assert assign_devices(jobs) == ["1", "MIG-0a", "1"]  # of the part nothing is known
    monkeypatch.setenv("RHAS_WORKERS", "4")
    assert assign_devices(jobs) == ["1", "MIG-0a", "1", "1"]


def test_without_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage's own check says that there is no GPU."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert assign_devices(make_jobs(tmp_path, 2, 1, device="cuda")) == [None, None]


@pytest.mark.parametrize("wanted", ["auto", "0", "-1", "1.5"])
def test_workers_that_are_no_number(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAS_WORKERS", wanted)
    with pytest.raises(RhasError, match="RHAS_WORKERS"):
        count_workers()


def test_free_memory_is_some_of_this_machines() -> None:
    total = workers.os.sysconf("SC_PHYS_PAGES") * workers.os.sysconf("SC_PAGE_SIZE")
    assert 0 < read_free_memory() <= total
