"""docs/PARAMETERS.md, written from the sections: ``python -m rhas.config.page`` in the project.

A parameter's description stands below its field, its values come from its type and limits, its
default from params.yaml or a method's presets.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.config.params import SECTIONS, SWITCHES, Params, load_params
from rhas.config.section import Section, describe_values
from rhas.methods import METHODS, find_method

PAGE = Path("docs/PARAMETERS.md")
_HEAD = """# Parameters

What `params.yaml` can say. Written by `python -m rhas.config.page` from the sections in
`src/rhas/config` and the methods' configurations; change those. `dvc exp run -S crop.margin=0.2`
sets one and runs what depends on it, `rhas check` tells what is wrong with them. A stage runs
again when a parameter in its line of `dvc.yaml` changes.
"""
_METHODS = """## Methods

`train.preset` chooses a column, and single parameters are set by method in `train.overrides`:
`dvc exp run -S train.overrides.hopadiff.bca=false`. [METHOD.md](METHOD.md) and
[BASELINES.md](BASELINES.md) say what the methods are.
"""


@dataclass(frozen=True)
class Parameter:
    """One field of a configuration.

    Args:
        values: what it may hold.
        description: what it does.
    """

    name: str
    values: str
    description: str


def write_page(root: Path) -> str:
    """The page as Markdown.

    Args:
        root: folder of params.yaml.

    Raises:
        RhasError: a parameter without a description.
    """
    params = load_params(root / "params.yaml")
    parts = [_HEAD, "## Everyday switches\n", _write_switches(params)]
    for kind in SECTIONS:
        parts += [f"## `{kind.section}`\n", f"`{_format_path(kind)}`. {_first_paragraph(kind)}\n"]
        parts.append(_format_table(_section_rows(params.get_section(kind))))
    parts.append(_METHODS)
    for method in METHODS:
        spec = find_method(method)
        parts += [f"### `{method}`\n", f"{_first_paragraph(spec.config)}\n"]
        parts.append(_method_table(spec.config, spec.presets))
    return "\n".join(parts)


def list_parameters(config: Any) -> list[Parameter]:
    """The fields of a configuration, in order.

    Raises:
        RhasError: a field without a description.
    """
    if issubclass(config, Section):
        found = [
            Parameter(name, describe_values(field.annotation, field.metadata),
                      " ".join((field.description or "").split()))
            for name, field in config.model_fields.items()
        ]  # fmt: skip
    else:
        hints, texts = typing.get_type_hints(config), descriptions(config)
        found = [
            Parameter(field.name, describe_values(hints[field.name]), texts.get(field.name, ""))
            for field in dataclasses.fields(config)
        ]
    for parameter in found:
        if not parameter.description:
            raise RhasError("a parameter without a description",
                            where=f"{_format_path(config)}.{parameter.name}",
                            do="describe it below the field or under Args")  # fmt: skip
    return found


def _write_switches(params: Params) -> str:
    by_name = {parameter.name: parameter for parameter in list_parameters(Params)}
    values = {"method": ", ".join(f"`{name}`" for name in METHODS)}
    return _format_table(
        [
            [
                f"`{name}`",
                values.get(name, by_name[name].values),
                _format_value(getattr(params, name)),
                by_name[name].description,
            ]
            for name in SWITCHES
        ]
    )


def _section_rows(section: Section) -> list[list[str]]:
    """A row per parameter of a section, those of nested ones by dotted name."""
    rows = []
    for parameter in list_parameters(type(section)):
        name, value = f"{section.section}.{parameter.name}", getattr(section, parameter.name)
        if parameter.name in section.switches:
            continue
        if isinstance(value, Section):
            rows += _section_rows(value)
        elif parameter.name == "checkpoints":
            rows += [[f"`{name}.{vlm}`", "text", _format_value(path), parameter.description]
                     for vlm, path in value.items()]  # fmt: skip
        elif isinstance(value, Mapping):
            rows.append([f"`{name}`", "by method", "see params.yaml", parameter.description])
        else:
            rows.append(
                [f"`{name}`", parameter.values, _format_value(value), parameter.description]
            )
    return rows


def _method_table(config: Any, presets: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{parameter.name}`", parameter.values,
            *(_format_value(getattr(preset, parameter.name)) for preset in presets.values()),
            parameter.description,
        ]
        for parameter in list_parameters(config)
    ]  # fmt: skip
    return _format_table(rows, [f"`{name}`" for name in presets])


def descriptions(config: Any) -> dict[str, str]:
    """Descriptions of a dataclass's fields, in it or in those it inherits from."""
    said: dict[str, str] = {}
    for owner in reversed(config.__mro__):
        if dataclasses.is_dataclass(owner):
            said |= _parse_arguments(owner.__dict__.get("__doc__") or "")
    return said


def _parse_arguments(docstring: str) -> dict[str, str]:
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


def _first_paragraph(config: Any) -> str:
    """The docstring up to its section ``Args:``, as one paragraph."""
    told = " ".join(inspect.cleandoc(config.__doc__).split("Args:")[0].split())
    return told.replace("``", "`")


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_format_value(item) for item in value)}]"
    return str(value)


def _format_table(rows: list[list[str]], defaults: list[str] | None = None) -> str:
    header = ["parameter", "values", *(defaults or ["default"]), "what it does"]
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", r"\|").replace("``", "`") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _format_path(config: Any) -> str:
    return f"{config.__module__}.{config.__qualname__}"


if __name__ == "__main__":
    PAGE.write_text(write_page(Path()), "utf-8")
