"""What a store holds, and what happens where it does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from film_functions import make_job, tell_place

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.progress import ignore_progress
from rhas.engine.executors import Task
from rhas.engine.executors.travel import (
    PackedTask,
    Store,
    StoreError,
    pack_task,
    take_result,
)

pytest.importorskip("fsspec")


def pack(folder: Path, text: str = "one") -> tuple[Task, PackedTask, str]:
    """A task whose film is gone from the driver's disk, so that only the store has it."""
    job = make_job(folder, text)
    object.__setattr__(job, "function", tell_place)
    task = Task(folder / "work", "key", job)
    store = str(folder / "store")
    packed = pack_task(task, store)
    job.records[0].film.unlink()  # type: ignore[union-attr]
    return task, packed, store


def test_a_film_travels_there_and_back(tmp_path: Path) -> None:
    """The bytes and the report of the entry are those of a job that ran here."""
    (tmp_path / "node").mkdir()
    task, packed, store = pack(tmp_path)
    result = packed.run(tmp_path / "node", ignore_progress)
    entry = take_result(task, store, result)
    assert (entry.result / "text").read_text() == "ONE"
    assert (entry.stage, entry.key, entry.report) == ("decode", "key", {"frames": 1})
    place = Path((entry.result / "place").read_text().split("\n")[0])
    assert place.is_relative_to(tmp_path / "node")
    assert place.name == "a.txt"
    assert entry.digests == {
        f"result/{name}": hash_file(entry.result / name) for name in ("place", "text")
    }


def test_a_worker_keeps_the_last_films_inputs_alone(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.mkdir()
    for text in ("one", "two"):
        _, packed, _ = pack(tmp_path, text)
        packed.run(node, ignore_progress)
    packed.run(node, ignore_progress)
    assert [path.read_text() for path in node.rglob("a.txt")] == ["two"]


def test_a_half_written_file_is_written_again(tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.write_text("whole")
    store, sha256 = Store(str(tmp_path / "store")), hash_file(film)
    store.put(film, sha256)
    [stored] = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    stored.write_text("wh")
    store.put(film, sha256)
    assert stored.read_text() == "whole"


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_store_is_no_fault_of_the_film(tmp_path: Path, damage: str) -> None:
    (tmp_path / "node").mkdir()
    _, packed, store = pack(tmp_path)
    for path in Path(store).rglob("*"):
        if path.is_file():
            path.unlink() if damage == "gone" else path.write_text("two")
    with pytest.raises(StoreError, match="cannot read" if damage == "gone" else "other content"):
        packed.run(tmp_path / "node", ignore_progress)


def test_a_store_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="the store cannot be used"):
        Store("nothing://bucket")
    (tmp_path / "file").touch()
    task = Task(tmp_path / "work", "key", make_job(tmp_path))
    with pytest.raises(RhasError, match="the store cannot be written"):
        pack_task(task, str(tmp_path / "file/store"))
