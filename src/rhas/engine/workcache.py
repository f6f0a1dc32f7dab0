"""The work cache: each film's result of each stage, computed once (DESIGN.md, The work cache).

``<root>/<stage>/<key>/`` holds ``result`` (a file or a folder) and ``entry.json``. An entry is
written under a temporary name, renamed when whole, and read-only from then on.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter

import rhas
from rhas.base.files import hash_file
from rhas.base.progress import Progress
from rhas.config.section import Section
from rhas.engine.steps import Job

ReportT = TypeVar("ReportT")

_PACKAGE = Path(rhas.__file__).parent


@dataclass(frozen=True)
class Entry:
    """A finished result of a job, with its report as JSON."""

    stage: str
    key: str
    folder: Path
    name: str
    report: dict[str, JsonValue]

    def read_report(self, kind: type[ReportT]) -> ReportT:
        """The report as the record that the job's function returned."""
        return TypeAdapter(kind).validate_python(self.report)

    @property
    def result(self) -> Path:
        return self.folder / "result"

    def list_files(self) -> list[Path]:
        """The result's files, sorted."""
        return [p for p in walk_folder(self.result) if p.is_file()]


class WorkCache:
    """Results by key under ``root``; safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make_key(self, job: Job) -> str:
        """Hash of all that the result depends on: step, files, values, code."""
        described = {
            "step": job.step,
            "records": [self._describe(record) for record in job.records],
            "code": code_hash(job.function),
        }
        text = json.dumps(described, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _describe(self, value: Any) -> Any:
        """JSON-able values; a path by the content it leads to."""
        if isinstance(value, Section):
            return value.key_values()
        if isinstance(value, Path):
            return {"content": self.hash_content(value)}
        if isinstance(value, tuple | list):
            return [self._describe(item) for item in value]
        if is_dataclass(value):
            return {
                field.name: self._describe(getattr(value, field.name)) for field in fields(value)
            }
        return value

    def find_entry(self, stage: str, key: str) -> Entry | None:
        """The entry, or None where it has not been computed."""
        return self._read_entry(self.root / stage / key)

    def list_entries(self) -> Iterator[Entry]:
        """All entries, by stage and key."""
        for folder in sorted(self.root.glob("*/*")):
            entry = self._read_entry(folder)
            if entry is not None:
                yield entry

    @staticmethod
    def _read_entry(folder: Path) -> Entry | None:
        record = folder / "entry.json"
        if folder.name.startswith(".") or not record.is_file():
            return None
        values = json.loads(record.read_text("utf-8"))
        return Entry(folder.parent.name, folder.name, folder, values["name"], values["report"])

    def compute_entry(self, key: str, job: Job, progress: Progress) -> Entry:
        """Runs a job and stores its result; nothing is left behind where it fails."""
        parent = self.root / job.step
        parent.mkdir(parents=True, exist_ok=True)
        temporary = parent / f".tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        temporary.mkdir()
        try:
            report = job.run(temporary / "result", progress)
            record = {"name": job.name, "report": report}
            text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
            (temporary / "entry.json").write_text(text + "\n", "utf-8")
            for path in walk_folder(temporary):
                if path.is_file():
                    _flush_file(path)
                    path.chmod(0o444)
            final = parent / key
            try:
                temporary.rename(final)
            except OSError:
                if not final.is_dir():  # otherwise another process was faster with the same result
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        entry = self.find_entry(job.step, key)
        assert entry is not None
        return entry

    def remove_unfinished(self, stage: str) -> None:
        """Removes what killed processes left half-written."""
        for folder in (self.root / stage).glob(".tmp-*"):
            if not _is_alive(int(folder.name.split("-")[1])):
                shutil.rmtree(folder, ignore_errors=True)

    def remove_entry(self, entry: Entry) -> None:
        """Deletes an entry; linked stage outputs keep their files."""
        doomed = entry.folder.with_name(f".tmp-{os.getpid()}-{entry.key}")
        entry.folder.rename(doomed)
        shutil.rmtree(doomed)

    def hash_content(self, path: Path) -> str:
        """SHA-256 of a file, or of a folder's names and contents; remembered per unchanged file."""
        if path.is_dir():
            combined = hashlib.sha256()
            for file in walk_folder(path):
                if file.is_file():
                    line = f"{file.relative_to(path).as_posix()}\0{self.hash_content(file)}\n"
                    combined.update(line.encode())
            return combined.hexdigest()
        state = path.stat()
        identity = f"{state.st_dev}:{state.st_ino}:{state.st_size}:{state.st_mtime_ns}"
        self.root.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.root / "digests.db", timeout=60)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS digest (file TEXT PRIMARY KEY, sha256 TEXT)"
            )
            row = database.execute(
                "SELECT sha256 FROM digest WHERE file = ?", (identity,)
            ).fetchone()
            if row is not None:
                return row[0]
        computed = hash_file(path)
        with closing(sqlite3.connect(self.root / "digests.db", timeout=60)) as database, database:
            database.execute("INSERT OR REPLACE INTO digest VALUES (?, ?)", (identity, computed))
        return computed


def link_files(source: Path, target: Path) -> None:
    """Hard-links a file or every file of a folder; copies where the file system cannot link."""
    if source.is_dir():
        target.mkdir(parents=True)
        for path in walk_folder(source):
            if path.is_dir():
                (target / path.relative_to(source)).mkdir()
            else:
                _link_file(path, target / path.relative_to(source))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_file(source, target)


def code_hash(function: Callable[..., Any]) -> str:
    """Hash of the syntax trees of the project modules that a function's module imports, itself
    included; comments, docstrings and layout do not count."""
    source = Path(inspect.getfile(function))
    state = hashlib.sha256()
    for path in sorted({source, *import_closure(source)}):
        state.update(f"{path.name}\n{canonical_source(path)}\n".encode())
    return state.hexdigest()


def import_closure(
    script: Path, package: Path | None = None, without: Sequence[Path] = ()
) -> list[Path]:
    """Files of the package ``rhas`` that a Python file imports, directly or not; sorted.

    The file itself is included where it belongs to the package. Imports inside functions count,
    and so do the ``__init__`` files of the packages passed through; imports for type checkers
    alone do not.

    Args:
        script: a Python file.
        package: folder of the package ``rhas``; by default the running one.
        without: folders of the package whose imports are not followed.
    """
    package = package or _PACKAGE
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        for imported in _find_imports(path, package):
            if imported not in found and not any(imported.is_relative_to(f) for f in without):
                found.add(imported)
                waiting.append(imported)
    if script.is_relative_to(package):
        found.add(script)
    return sorted(found)


def _find_imports(path: Path, package: Path) -> Iterator[Path]:
    parents = path.relative_to(package.parent).parent.parts if path.is_relative_to(package) else ()
    for node in _nodes_that_run(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(tuple(alias.name.split(".")), package)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else ()
            module = base + (tuple(node.module.split(".")) if node.module else ())
            yield from _module_files(module, package)
            for alias in node.names:
                yield from _module_files((*module, alias.name), package)
        elif isinstance(node, ast.Call):
            yield from _modules_chosen(node, package)


def _modules_chosen(call: ast.Call, package: Path) -> Iterator[Path]:
    """``import_module(f"rhas.some.package.{name}")`` may import every module of that package."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != "import_module" or not call.args or not isinstance(call.args[0], ast.JoinedStr):
        return
    first = call.args[0].values[0]
    if isinstance(first, ast.Constant) and str(first.value).startswith("rhas."):
        parts = tuple(str(first.value).removesuffix(".").split("."))
        for path in package.joinpath(*parts[1:]).glob("*.py"):
            yield from _module_files((*parts, path.stem), package)


def _nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below ``if TYPE_CHECKING:``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _module_files(module: tuple[str, ...], package: Path) -> Iterator[Path]:
    """The file of a module of the package and the ``__init__`` files above it."""
    if not module or module[0] != "rhas":
        return
    for depth in range(1, len(module) + 1):
        base = package.joinpath(*module[1:depth])
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                yield path


def canonical_source(path: Path) -> str:
    """The syntax tree of a Python file as text, without docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return ast.dump(tree)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def walk_folder(path: Path) -> Iterator[Path]:
    """Everything below a folder in a fixed order, parents first; a file itself."""
    if path.is_file():
        yield path
        return
    for child in sorted(path.iterdir()):
        yield child
        if child.is_dir():
            yield from walk_folder(child)


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
