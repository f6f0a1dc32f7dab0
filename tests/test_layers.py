"""Which package may import which (docs/DESIGN.md): no package knows what is built on it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rhas

PACKAGE = Path(rhas.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "config": {"base", "methods"},  # the parameter page lists the options of methods
    "engine": {"base", "config"},
    "metrics": {"base", "config"},
    "stores": {"base"},
    "methods": {"base"},
    "mini": {"base", "config"},
    "data": {"base", "config", "engine", "stores", "decode"},
    "report": {"base", "data", "decode", "metrics", "stores"},
}
"""What stages and commands share."""
STAGES = ("prepare", "decode", "ground", "crop", "extract", "chunk", "train", "evaluate")
COMMANDS = {"segment", "review", "check", "inspection", "experiments", "cli"}


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_shared_package_imports_what_it_may(name: str) -> None:
    assert find_imported(name) <= MAY_IMPORT[name]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_imports_no_later_stage_and_no_command(name: str) -> None:
    later = set(STAGES[STAGES.index(name) + 1 :])
    assert not find_imported(name) & (later | COMMANDS | {"pipeline"})


def test_the_chain_of_steps_imports_no_command() -> None:
    assert not find_imported("pipeline") & COMMANDS


def test_metrics_import_no_torch() -> None:
    modules = {m for path in (PACKAGE / "metrics").rglob("*.py") for m in list_modules(path)}
    assert not {m for m in modules if m.split(".")[0] in {"torch", "h5py", "zarr"}}


def test_every_package_has_its_place() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages == {*MAY_IMPORT, *STAGES, *COMMANDS, "pipeline"}


def find_imported(name: str) -> set[str]:
    """The other packages of rhas that a package imports, inside functions too."""
    modules = {m for path in (PACKAGE / name).rglob("*.py") for m in list_modules(path)}
    return {m.split(".")[1] for m in modules if m.startswith("rhas.")} - {name}


def list_modules(path: Path) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "rhas":
            modules += [f"rhas.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            modules.append(node.module)
    return modules
