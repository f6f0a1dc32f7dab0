from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from film_functions import ShoutReport, make_job

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.engine import code, digests
from rhas.engine.code import canonical_source, code_hash, import_closure
from rhas.engine.workcache import WorkCache, link_files


def test_entry_is_whole_read_only_and_found_again(tmp_path: Path) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path)
    key = cache.make_key(job)
    assert cache.find_entry("decode", key) is None
    entry = cache.compute_entry(key, job, lambda n: None)
    assert entry.result.read_text() == "HELLO!"
    assert entry.report == {"frames": 5}  # what is None is left out
    assert entry.read_report(ShoutReport) == ShoutReport(5)
    assert entry.result.stat().st_mode & 0o222 == 0
    assert cache.find_entry("decode", key) == entry
    assert list(cache.list_entries()) == [entry]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path, "broken")
    with pytest.raises(RhasError, match="broken"):
        cache.compute_entry("k", job, lambda n: None)
    assert list((tmp_path / "work" / "decode").iterdir()) == []


@pytest.mark.parametrize("change", ["content", "name", "parameter", "step"])
def test_key_follows_inputs_parameters_and_step(tmp_path: Path, change: str) -> None:
    cache = WorkCache(tmp_path / "work")
    before = cache.make_key(make_job(tmp_path))
    assert cache.make_key(make_job(tmp_path)) == before
    changed = {
        "content": lambda: make_job(tmp_path, "other"),
        "name": lambda: make_job(tmp_path, movie="b"),
        "parameter": lambda: make_job(tmp_path, tail="?"),
        "step": lambda: replace(make_job(tmp_path), step="crop"),
    }[change]()
    assert cache.make_key(changed) != before


def test_key_is_the_same_for_a_default_written_out_and_another_place(tmp_path: Path) -> None:
    cache, elsewhere = WorkCache(tmp_path / "work"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    job = make_job(tmp_path)
    source, config = job.records
    moved = replace(source, film=elsewhere / "x.txt")  # type: ignore[type-var]
    moved.film.write_text("hello")  # type: ignore[attr-defined]
    assert type(config)() == config
    assert cache.make_key(replace(job, records=(moved, type(config)()))) == cache.make_key(job)


def test_second_writer_of_one_key_keeps_the_first(tmp_path: Path) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path)
    first = cache.compute_entry("k", job, lambda n: None)
    inode = first.result.stat().st_ino
    assert cache.compute_entry("k", job, lambda n: None).result.stat().st_ino == inode


def test_digest_of_folder_sees_names_and_contents(tmp_path: Path) -> None:
    cache = WorkCache(tmp_path / "work")
    folder = tmp_path / "store"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("1")
    first = cache.hash_content(folder)
    (folder / "sub" / "a").rename(folder / "sub" / "b")
    second = cache.hash_content(folder)
    (folder / "sub" / "b").write_text("22")
    assert len({first, second, cache.hash_content(folder)}) == 3
    assert cache.hash_content(folder / "sub" / "b") == hashlib.sha256(b"22").hexdigest()


def test_digest_is_remembered_per_unchanged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, file = WorkCache(tmp_path / "work"), tmp_path / "film"
    file.write_bytes(b"x")
    calls = []
    monkeypatch.setattr(digests, "hash_file", lambda path: calls.append(path) or hash_file(path))
    assert cache.hash_content(file) == cache.hash_content(file)
    assert len(calls) == 1


def test_sweep_removes_what_dead_processes_left(tmp_path: Path) -> None:
    dead = tmp_path / "work" / "decode" / ".tmp-999999999-abc"
    dead.mkdir(parents=True)
    WorkCache(tmp_path / "work").remove_unfinished("decode")
    assert not dead.exists()


def test_link_shares_the_inode_of_files_in_folders(tmp_path: Path) -> None:
    source = tmp_path / "a"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "file").write_text("x")
    link_files(source, tmp_path / "b")
    linked = tmp_path / "b" / "deep" / "er" / "file"
    assert linked.samefile(source / "deep" / "er" / "file")


def test_code_hash_ignores_comments_and_docstrings_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "rhas"
    package.mkdir()
    monkeypatch.setattr(code, "_PACKAGE", package)
    monkeypatch.setattr(code.inspect, "getfile", lambda function: str(package / "a.py"))

    def hashed(a: str, b: str) -> str:
        (package / "__init__.py").write_text("")
        (package / "a.py").write_text(a)
        (package / "b.py").write_text(b)
        return code_hash(lambda: None)

    base = hashed("from rhas.b import f\n", "def f():\n    'doc'\n    return 1\n")
    described = "from rhas.b import f\n'of what is above'\n"
    assert hashed(described, "def f():\n    'doc'\n    return 1\n") == base
    assert hashed("from rhas.b import f  # why\n", "def f():\n    'other'\n    return 1\n") == base
    assert hashed("from rhas.b import f\n", "def f():\n    return 2\n") != base


SOURCE = '''
"""Of a module."""
from x import (a,
               b as c)
def f(x, /, y=u"é", *z: int, key=None, **more) -> f"a{1}":
    "Of a function."
    return f"{x!r:>{y + 2}} {{b}} " "and" f" {x=}" if (n := len(z)) else b"\\0"
class C:
    async def g(self):
        match self:
            case {"k": [1.5e3, *_]} | C(a=-1): yield lambda: (..., 0x10, 2j, 10**3)
        with a as b, c: del b[1:, ...]
'''


def test_the_hash_of_code_is_the_same_in_every_python(tmp_path: Path) -> None:
    """`ast.dump` gives other text in 3.11, 3.12 and 3.13."""
    (tmp_path / "a.py").write_text(SOURCE, "utf-8")
    described = canonical_source(tmp_path / "a.py")
    assert "Of a" not in described
    assert hashlib.sha256(described.encode()).hexdigest()[:16] == "43f6cdbdde3228d0"


TYPES = "if TYPE_CHECKING:\n    import rhas.unused\nelse:\n    import rhas.c\n"


def test_import_closure_follows_relative_and_local_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "rhas"
    (package / "sub").mkdir(parents=True)
    monkeypatch.setattr(code, "_PACKAGE", package)
    sources = {
        "__init__.py": "",
        "sub/__init__.py": "from .inner import x\n",
        "sub/inner.py": TYPES + "x = 1\n",
        "a.py": "def f():\n    from . import b\n",
        "b.py": "import rhas.sub\n",
        "c.py": "",
        "unused.py": "",
    }
    for name, source in sources.items():
        (package / name).write_text(source)
    script = tmp_path / "stage.py"
    script.write_text("import rhas.a\nimport json\n")
    names = {path.relative_to(package).as_posix() for path in import_closure(script)}
    assert names == {"__init__.py", "a.py", "b.py", "c.py", "sub/__init__.py", "sub/inner.py"}


def test_a_file_system_without_links_and_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    for name in ("link", "chmod", "utime"):
        monkeypatch.setattr(os, name, refuse)
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path)
    entry = cache.compute_entry(cache.make_key(job), job, lambda n: None)
    link_files(entry.result, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "HELLO!"
    assert cache.find_entry("decode", entry.key, reread=True) == entry


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, job = WorkCache(tmp_path / "work"), make_job(tmp_path)
    key = cache.make_key(job)

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RhasError, match="the disk cannot be written"):
        cache.compute_entry(key, job, lambda n: None)
