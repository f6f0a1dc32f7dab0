"""Entries of the work cache that are not as they were written: found, set aside, computed anew."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from film_functions import make_job

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.progress import ignore_progress
from rhas.engine.pruning import prune_entries
from rhas.engine.taking import take_entries
from rhas.engine.workcache import Damage, Entry, WorkCache


@pytest.fixture
def cache(tmp_path: Path) -> WorkCache:
    return WorkCache(tmp_path / "work")


@pytest.fixture
def entry(cache: WorkCache, tmp_path: Path) -> Entry:
    job = make_job(tmp_path)
    return cache.compute_entry(cache.make_key(job), job, ignore_progress)


def write_in_place(path: Path, text: bytes, keep_time: bool = False) -> None:
    """As a disk or a careless program does: same inode, read-only again."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(text)
    path.chmod(0o444)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_file(entry: Entry) -> None:
    entry.result.unlink()
    entry.result.mkdir()
    (entry.result / "more").touch()


def rename_key(entry: Entry) -> None:
    entry.folder.rename(entry.folder.with_name("aside"))
    other = entry.folder.with_name("aside")
    other.rename(entry.folder)
    record = entry.folder / "entry.json"
    values = json.loads(record.read_text()) | {"entry": "decode/another"}
    record.chmod(0o644)
    record.write_text(json.dumps(values))


DAMAGES: dict[str, Callable[[Entry], object]] = {
    "changed": lambda entry: write_in_place(entry.result, b"J"),
    "shorter": lambda entry: (entry.result.chmod(0o644), os.truncate(entry.result, 2)),
    "empty": lambda entry: (entry.result.chmod(0o644), os.truncate(entry.result, 0)),
    "missing": lambda entry: entry.result.unlink(),
    "a folder of others": add_file,
    "a link": lambda entry: (entry.result.rename(entry.folder / "x"),
                             entry.result.symlink_to(entry.folder / "x")),
    "a pipe": lambda entry: (entry.result.unlink(), os.mkfifo(entry.result)),
    "no record": lambda entry: (entry.folder / "entry.json").unlink(),
    "half a record": lambda entry: ((entry.folder / "entry.json").chmod(0o644),
                                    os.truncate(entry.folder / "entry.json", 9)),
    "of another key": rename_key,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_named_and_set_aside(
    cache: WorkCache, entry: Entry, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    DAMAGES[damage](entry)
    taken, damaged = take_entries(cache, "decode", {"a": entry.key}, reread=False)
    assert (taken, damaged) == ({}, ["a"])
    aside = cache.list_damaged()
    assert len(aside) == 1
    assert str(aside[0]) in capsys.readouterr().err
    assert not entry.folder.exists()
    assert list(cache.list_entries()) == []
    assert take_entries(cache, "decode", {"a": entry.key}, reread=False) == ({}, [])
    prune_entries(cache, everything=False, dry_run=False, report_busy=print)
    assert cache.list_damaged() == []


def test_what_the_clock_does_not_tell_is_found_by_reading(cache: WorkCache, entry: Entry) -> None:
    write_in_place(entry.result, b"J", keep_time=True)
    assert cache.check_entry(entry.folder, reread=False) == entry
    found = cache.check_entry(entry.folder, reread=True)
    assert isinstance(found, Damage)
    assert found.files == (entry.result,)


def test_a_file_that_was_found_damaged_is_not_taken_by_its_time(
    cache: WorkCache, entry: Entry
) -> None:
    """Else a later stage would compute from it under the key of the sound file."""
    linked = cache.root.parent / "data.h5"
    os.link(entry.result, linked)
    sound = cache.hash_content(linked)
    write_in_place(entry.result, b"J", keep_time=True)
    assert cache.hash_content(linked) == sound  # nobody has read it since
    assert isinstance(cache.check_entry(entry.folder, reread=True), Damage)
    for _ in range(2):
        with pytest.raises(RhasError, match="changed after it was computed"):
            cache.hash_content(linked)


def test_prune_removes_digests_that_nobody_needs(
    cache: WorkCache, entry: Entry, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
        cache.hash_content(tmp_path / name)
    old = cache.digests._record_path(tmp_path / "old")
    os.utime(old, (1, 1))
    os.link(entry.result, tmp_path / "output")
    prune_entries(cache, everything=False, dry_run=True, report_busy=print)
    assert old.exists()
    prune_entries(cache, everything=False, dry_run=False, report_busy=print)
    assert cache.digests.find_record(tmp_path / "old") is None
    assert cache.digests.find_record(tmp_path / "new") is not None
    assert cache.digests.find_record(tmp_path / "output") is not None
    cache.remove_entry(entry)
    cache.digests.prune()
    assert cache.digests.find_record(tmp_path / "output") is None


def test_an_unchanged_entry_is_not_read_again(
    cache: WorkCache, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> str:
        raise AssertionError(path)

    for module in ("workcache", "digests"):
        monkeypatch.setattr(f"rhas.engine.{module}.hash_file", refuse)
    assert cache.check_entry(entry.folder, reread=False) == entry


def test_another_time_alone_is_no_damage(cache: WorkCache, entry: Entry) -> None:
    """Such as a copy of the whole cache has."""
    os.utime(entry.result, (1, 1))
    assert cache.check_entry(entry.folder, reread=False) == entry
    assert cache.check_entry(entry.folder, reread=True) == entry


def test_an_entry_of_an_earlier_version_gets_its_digests(cache: WorkCache, entry: Entry) -> None:
    record = entry.folder / "entry.json"
    values = json.loads(record.read_text())
    record.chmod(0o644)
    record.write_text(json.dumps({"name": values["name"], "report": values["report"]}))
    assert cache.check_entry(entry.folder, reread=False) == entry
    assert json.loads(record.read_text()) == values
    linked = cache.root.parent / "data.h5"
    os.link(entry.result, linked)
    write_in_place(entry.result, b"J")
    assert isinstance(cache.check_entry(entry.folder, reread=False), Damage)
    with pytest.raises(RhasError, match="changed after it was computed"):
        cache.hash_content(linked)


def test_an_entry_of_an_earlier_version_without_its_result_is_damaged(
    cache: WorkCache, entry: Entry
) -> None:
    record = entry.folder / "entry.json"
    values = json.loads(record.read_text())
    record.chmod(0o644)
    record.write_text(json.dumps({"name": values["name"], "report": values["report"]}))
    entry.result.unlink()
    assert isinstance(cache.check_entry(entry.folder, reread=False), Damage)
    assert "files" not in json.loads(record.read_text())


def test_a_damaged_result_is_no_input_of_the_next_step(cache: WorkCache, entry: Entry) -> None:
    linked = cache.root.parent / "data.h5"
    os.link(entry.result, linked)
    assert cache.hash_content(linked) == hash_file(linked)
    write_in_place(linked, b"J")
    with pytest.raises(RhasError, match="changed after it was computed") as caught:
        cache.hash_content(linked)
    assert "rhas cache verify --repair" in caught.value.do
    cache.set_aside(Damage(entry.folder, "a", ""))
    assert cache.hash_content(linked) == hash_file(linked)  # no result any more: a file of its own


@pytest.mark.parametrize("state", ["", "{", "[]", '{"state": 1}', '{"state": {"size": 1}}'])
def test_a_damaged_memory_is_no_memory(cache: WorkCache, entry: Entry, state: str) -> None:
    records = [path for path in (cache.root / "digests").rglob("*") if path.is_file()]
    for path in records:
        path.write_text(state)
    assert records
    assert cache.check_entry(entry.folder, reread=False) == entry


def test_a_memory_that_cannot_be_written_costs_only_time(cache: WorkCache, tmp_path: Path) -> None:
    cache.root.mkdir()
    (cache.root / "digests").write_text("no folder")
    film = tmp_path / "film"
    film.write_text("x")
    assert cache.hash_content(film) == hash_file(film)


def test_a_pipe_among_inputs_is_refused(cache: WorkCache, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film")
    for path in (tmp_path / "film", Path("/dev/zero")):
        with pytest.raises(RhasError, match="not a regular file"):
            cache.hash_content(path)
