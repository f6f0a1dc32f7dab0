"""dvc.yaml is honest: what each stage's script imports and reads is what it declares."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rhas.config.params import SECTIONS
from rhas.config.section import Section
from rhas.engine.code import import_closure

ROOT = Path(__file__).resolve().parents[1]
STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_eight_rooms_in_order() -> None:
    assert list(STAGES) == [
        "prepare", "decode", "ground", "crop", "extract", "chunk", "train", "evaluate",
    ]  # fmt: skip
    assert all(stage["cmd"] == f"python stages/{name}.py" for name, stage in STAGES.items())


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_the_code_a_stage_runs(stage: str) -> None:
    script = ROOT / "stages" / f"{stage}.py"
    files = [script, *(path for path in import_closure(script) if _has_code(path))]
    code = {path.relative_to(ROOT).as_posix() for path in files}
    declared = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "stages/"))}
    missing = {c for c in code if not any(c == d or c.startswith(f"{d}/") for d in declared)}
    idle = {d for d in declared if not any(c == d or c.startswith(f"{d}/") for c in code)}
    assert not missing, "add to deps in dvc.yaml"
    assert not idle, "remove from deps in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_those_a_stage_reads(stage: str) -> None:
    assert set(STAGES[stage]["params"]) == _names_read(ROOT / "stages" / f"{stage}.py")


def test_a_stage_script_is_short() -> None:
    lines = {stage: len((ROOT / f"stages/{stage}.py").read_text().splitlines()) for stage in STAGES}
    assert max(lines.values()) <= 30, lines


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.section)
def test_sections_are_the_fields_of_their_config(kind: type[Section]) -> None:
    assert set(PARAMS[kind.section]) == set(kind.model_fields) - set(kind.switches)


@pytest.mark.parametrize("stage", STAGES)
def test_data_folders_read_are_declared(stage: str) -> None:
    """Folders named in a script are its outs or deps (templated ones by their first part)."""
    source = (ROOT / "stages" / f"{stage}.py").read_text()
    named = set(re.findall(r'Path\("((?:data|models|results)[^"]*)"\)', source))
    entry = STAGES[stage]
    listed = [*entry["deps"], *entry["outs"], *entry.get("metrics", [])]
    declared = [item if isinstance(item, str) else next(iter(item)) for item in listed]
    for folder in named:
        assert any(d == folder or d.startswith(f"{folder}/") for d in declared), folder


def _has_code(path: Path) -> bool:
    """Whether a module is more than a docstring and names: ``__all__``, ``__version__``."""
    body = ast.parse(path.read_text("utf-8")).body
    names = [t.id for n in body if isinstance(n, ast.Assign) for t in n.targets if hasattr(t, "id")]
    rest = [n for n in body if not isinstance(n, ast.Expr | ast.Assign)]
    return bool(rest) or any(not name.startswith("__") for name in names)


def _names_read(script: Path) -> set[str]:
    """String keys of ``values[...]`` in a script, and the sections that it reads, each with the
    switches that its class takes."""
    tree = ast.parse(script.read_text())
    read: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id="values"), slice=ast.Constant(value=str(name))):
                read.add(name)
            case ast.Subscript(value=ast.Name(id="values"), slice=ast.Name(id=variable)):
                read |= _loop_values(tree, variable)
            case ast.Call(func=ast.Name(id="read_section"), args=[ast.Name(id=name), _]):
                kind = _imported(tree, name)
                assert issubclass(kind, Section)
                read |= {kind.section, *kind.switches}
    return read


def _loop_values(tree: ast.AST, variable: str) -> set[str]:
    """What a comprehension's variable runs over: an imported tuple of names."""
    (loop,) = (
        node.iter
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        and isinstance(node.target, ast.Name)
        and node.target.id == variable
    )
    assert isinstance(loop, ast.Name)
    return set(_imported(tree, loop.id))


def _imported(tree: ast.AST, name: str) -> Any:
    """The value of a name that a script imports."""
    (module,) = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}
    }
    return getattr(importlib.import_module(str(module)), name)
