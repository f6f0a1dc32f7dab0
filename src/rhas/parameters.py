"""docs/PARAMETERS.md, written from the dataclasses: ``python -m rhas.parameters`` in the project.

What a parameter does stands beside it in its dataclass, under ``Args:`` of the class or as a string
below the field; its values come from its type, its default from params.yaml or a method's presets.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rhas.base.config import load_params
from rhas.base.errors import RhasError
from rhas.check.parameters import DATASETS, SECTIONS, SWITCHES
from rhas.extract.film import ExtractConfig
from rhas.methods import METHODS

PAGE = Path("docs/PARAMETERS.md")
_HEAD = """# Parameters

What `params.yaml` can say. Written by `python -m rhas.parameters` from the dataclasses; change
those. `dvc exp run -S crop.margin=0.2` sets one for a run, `rhas check` tells what is wrong with
them. A stage runs again when a parameter in its line of `dvc.yaml` changes.
"""
_METHODS = """## Methods

`train.preset` chooses a column, and single parameters are set by method in `train.overrides`:
`dvc exp run -S train.overrides.hopadiff.bca=false`. [METHOD.md](METHOD.md) and
[BASELINES.md](BASELINES.md) say what the methods are.
"""
_NAMES = {int: "whole number", float: "number", bool: "true, false", str: "text", dict: "by name"}


def page(root: Path) -> str:
    """The page as Markdown.

    Args:
        root: folder of params.yaml.

    Raises:
        RhasError: a parameter that nothing is said of.
    """
    values = load_params(root / "params.yaml")
    comments = _comments((root / "params.yaml").read_text("utf-8"))
    parts = [_HEAD, "## Everyday switches\n", _switches(values, comments)]
    for section, (config, shared) in SECTIONS.items():
        parts += [f"## `{section}`\n", f"`{_path(config)}`. {_summary(config)}\n"]
        parts.append(_table(_rows(config, values[section], section, shared)))
    parts.append(_METHODS)
    for method in METHODS:
        module = importlib.import_module(f"rhas.methods.{method}")
        parts += [f"### `{method}`\n", f"{_summary(module.Config)}\n"]
        parts.append(_method_table(module.Config, module.PRESETS))
    return "\n".join(parts)


def _switches(values: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    described = {
        "dataset": (" or ".join(f"`{name}`" for name in DATASETS), ""),
        "vlm": (_allowed(_hints(ExtractConfig)["vlm"]), ""),
        "method": (", ".join(f"`{name}`" for name in METHODS), "which one is trained, see Methods"),
        "seed": (
            "whole number",
            "of weights, order and noise; the split has its own, `chunk.seed`",
        ),
    }
    rows = []
    for name in SWITCHES:
        if name in described:
            allowed, said = described[name]
        else:
            config = SECTIONS["chunk"][0]
            allowed, said = _allowed(_hints(config)[name]), descriptions(config)[name]
        rows.append([f"`{name}`", allowed, _value(values[name]), said or comments[name]])
    return _table(rows)


def _rows(
    config: Any, values: Mapping[str, Any], section: str, shared: tuple[str, ...]
) -> list[list[str]]:
    """A row per parameter of a section, those of nested dataclasses by dotted name."""
    said, hints = descriptions(config), _hints(config)
    rows = []
    for field in dataclasses.fields(config):
        name = f"{section}.{field.name}"
        if field.name in shared:
            continue
        if dataclasses.is_dataclass(hints[field.name]):
            rows += _rows(hints[field.name], values[field.name], name, ())
        elif field.name == "checkpoint" and "checkpoints" in values:
            for vlm, where in values["checkpoints"].items():
                rows.append([f"`{section}.checkpoints.{vlm}`", "text", _value(where),
                             said["checkpoint"]])  # fmt: skip
        elif isinstance(values[field.name], Mapping):
            rows.append([f"`{name}`", "by method", "see params.yaml", said[field.name]])
        else:
            allowed = _allowed(hints[field.name])
            rows.append([f"`{name}`", allowed, _value(values[field.name]), said[field.name]])
    return rows


def _method_table(config: Any, presets: Mapping[str, Any]) -> str:
    said, hints = descriptions(config), _hints(config)
    rows = [
        [
            f"`{field.name}`", _allowed(hints[field.name]),
            *(_value(getattr(preset, field.name)) for preset in presets.values()),
            said[field.name],
        ]
        for field in dataclasses.fields(config)
    ]  # fmt: skip
    return _table(rows, [f"`{name}`" for name in presets])


def descriptions(config: Any) -> dict[str, str]:
    """What is said of each field of a dataclass, in it or in those it inherits from.

    Raises:
        RhasError: nothing is said of a field.
    """
    said: dict[str, str] = {}
    for owner in reversed(config.__mro__):
        if dataclasses.is_dataclass(owner):
            said |= _arguments(owner.__dict__.get("__doc__") or "") | _below_fields(owner)
    for field in dataclasses.fields(config):
        if field.name not in said:
            raise RhasError("nothing is said of a parameter", where=f"{_path(config)}.{field.name}",
                            do="describe it under `Args:`")  # fmt: skip
    return said


def _arguments(docstring: str) -> dict[str, str]:
    """By name, from the section ``Args:``; ``a, b: text`` is said of both."""
    lines = inspect.cleandoc(docstring).splitlines()
    if "Args:" not in lines:
        return {}
    section = lines[lines.index("Args:") + 1 :]
    stop = next((i for i, line in enumerate(section) if line and line[0] != " "), len(section))
    said: dict[str, str] = {}
    names: list[str] = []
    for line in textwrap.dedent("\n".join(section[:stop])).splitlines():
        if found := re.match(r"(\w+(?:, \w+)*): (.*)", line):
            names = found[1].split(", ")
            said |= dict.fromkeys(names, found[2])
        elif line.strip():
            said |= {name: f"{said[name]} {line.strip()}" for name in names}
    return said


def _below_fields(owner: Any) -> dict[str, str]:
    """By name, from the strings that stand below the fields."""
    (made,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(made, ast.ClassDef)
    said = {}
    for field, below in zip(made.body, made.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            said[field.target.id] = " ".join(inspect.cleandoc(below.value.value).split())
    return said


def _summary(config: Any) -> str:
    """The docstring up to its section ``Args:``, as one paragraph."""
    told = " ".join(inspect.cleandoc(config.__doc__).split("Args:")[0].split())
    return told.replace("``", "`")


def _allowed(hint: Any) -> str:
    return " or ".join(_options(hint))


def _options(hint: Any) -> Iterator[str]:
    if typing.get_origin(hint) is typing.Literal:
        yield from (f"`{option}`" for option in typing.get_args(hint))
    elif typing.get_origin(hint) in (types.UnionType, typing.Union):
        for option in typing.get_args(hint):
            yield from _options(option)
    elif (typing.get_origin(hint) or hint) is tuple:
        inner = [option for option in typing.get_args(hint) if option is not Ellipsis]
        yield f"list of {' or '.join(_options(inner[0]))}" if inner else "list"
    else:
        yield _NAMES[typing.get_origin(hint) or hint]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value)


def _table(rows: list[list[str]], defaults: list[str] | None = None) -> str:
    header = ["parameter", "values", *(defaults or ["default"]), "what it does"]
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", r"\|").replace("``", "`") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _comments(text: str) -> dict[str, str]:
    """By name, the comments of the switches at the top of params.yaml."""
    return dict(re.findall(r"^(\w+): \S+ +# (.+)$", text, re.MULTILINE))


def _hints(config: Any) -> dict[str, Any]:
    return typing.get_type_hints(config)


def _path(config: Any) -> str:
    return f"{config.__module__}.{config.__qualname__}"


if __name__ == "__main__":
    PAGE.write_text(page(Path()), "utf-8")
