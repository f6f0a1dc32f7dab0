"""Hash of the source that a function runs: the project's modules that its module imports."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import rhas

_PACKAGE = Path(rhas.__file__).parent


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
        for imported in _list_imports(path, package, _file_state(path)):
            if imported not in found and not any(imported.is_relative_to(f) for f in without):
                found.add(imported)
                waiting.append(imported)
    if script.is_relative_to(package):
        found.add(script)
    return sorted(found)


_FileState = tuple[int, int]  # size and time of change


def _file_state(path: Path) -> _FileState:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


@functools.cache
def _list_imports(path: Path, package: Path, state: _FileState) -> tuple[Path, ...]:
    """`_find_imports` of a file in this state; a stage asks for each of its films."""
    return tuple(_find_imports(path, package))


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
    """The syntax tree of a Python file as text, without docstrings: the same in every version of
    Python that parses it to the same meaning (`ast.dump` differs between versions)."""
    return _dump_source(path, _file_state(path))


@functools.cache
def _dump_source(path: Path, state: _FileState) -> str:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return _describe_node(tree)


def _describe_node(node: object) -> str:
    """Fields that are empty are left out: newer versions have more of them."""
    if isinstance(node, list):
        return f"[{', '.join(map(_describe_node, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.JoinedStr):
        fields["values"] = _join_strings(node.values)
    described = (
        f"{name}={_describe_node(value)}"
        for name, value in fields.items()
        if value is not None and value != []
    )
    return f"{type(node).__name__}({', '.join(described)})"


def _join_strings(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, its text in as few pieces as possible."""
    joined: list[ast.expr] = []
    for value in values:
        last = joined[-1] if joined else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            joined[-1] = ast.Constant(str(last.value) + str(value.value))
        elif not (isinstance(value, ast.Constant) and value.value == ""):
            joined.append(value)
    return joined


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
