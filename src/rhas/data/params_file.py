"""Parameters of params.yaml, changed with comments and layout kept."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML, YAMLError

from rhas.base.errors import RhasError
from rhas.base.files import replace_file
from rhas.config.params import read_yaml

Switches = Mapping[str, bool | int | float | str]
"""New values by name; that of a parameter in a section is dotted, such as ``crop.size``."""
_KEY = re.compile(r"( *)([\w-]+):(?:\s|$)")
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s#"'{\[|>&*][^\s#]*(?:[ \t]+[^\s#]+)*)?"""  # no list or mapping
_SCALAR = re.compile(rf"^( *[\w-]+:)[ \t]*{_VALUE}((?:[ \t]+#.*)?[ \t]*)$")


def set_params(path: Path, values: Switches) -> dict[str, tuple[Any, Any]]:
    """Changes parameters of params.yaml.

    Returns:
        Old and new value of those that changed, see `list_changes`.

    Raises:
        RhasError: see `change_params_text`.
    """
    text, changes = change_params_text(path, values), list_changes(path, values)
    with replace_file(path) as new:
        new.write_text(text, "utf-8", newline="")
    return changes


def list_changes(path: Path, values: Switches) -> dict[str, tuple[Any, Any]]:
    """Old and new value of those parameters that would change; the old one is None where the file
    leaves it to its default.

    Raises:
        RhasError: params.yaml cannot be read.
    """
    before = read_yaml(path)
    changes = {name: (_find_value(before, name), new) for name, new in values.items()}
    return {name: change for name, change in changes.items() if change[0] != change[1]}


def change_params_text(path: Path, values: Switches) -> str:
    """The text of params.yaml with other values of parameters; nothing is written. Lines end as
    those of the file.

    A parameter that is missing in its section becomes the section's first line; a section that is
    missing is put at the end.

    Raises:
        RhasError: no such file, one that cannot be read, or a parameter that does not stand on a
            line of its own.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    before = read_yaml(path)
    with path.open(encoding="utf-8", newline="") as file:
        lines = file.read().splitlines(keepends=True)
    wanted = copy.deepcopy(before)
    for name, value in values.items():
        _change_line(lines, name, yaml.safe_dump(value).splitlines()[0])
        _set_value(wanted, name, value)
    text = "".join(lines)
    if _parse_yaml(text) != wanted:
        raise RhasError(
            "params.yaml could not be changed",
            where=str(path),
            expected="lines such as `dataset: mini`, those of a section indented below it",
            do="set by hand: " + ", ".join(f"{name}: {value}" for name, value in values.items()),
        )
    return text


def _change_line(lines: list[str], name: str, shown: str) -> None:
    """Writes a value into its line; adds the line, and the section, where they are missing."""
    keys = tuple(name.split("."))
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    places = _locate_keys(lines)
    if keys in places:
        line = lines[places[keys]]
        body = line.rstrip("\r\n")
        changed = _SCALAR.sub(lambda found: f"{found[1]} {shown}{found[2]}", body, count=1)
        lines[places[keys]] = changed + line[len(body) :]
        return
    siblings = [number for other, number in places.items() if other[:-1] == keys[:-1]]
    if len(keys) > 1 and siblings:
        first = lines[siblings[0]]
        indent = first[: len(first) - len(first.lstrip())]
        lines.insert(siblings[0], f"{indent}{keys[-1]}: {shown}{end}")
    elif len(keys) == 2 and keys[:1] not in places:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += end
        lines += [f"{keys[0]}:{end}", f"  {keys[1]}: {shown}{end}"]


def _locate_keys(lines: list[str]) -> dict[tuple[str, ...], int]:
    """The line of every key that begins one, by the keys above it and its own."""
    places: dict[tuple[str, ...], int] = {}
    above: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if found := _KEY.match(line):
            indent = len(found[1])
            above = [(depth, key) for depth, key in above if depth < indent]
            above.append((indent, found[2]))
            places.setdefault(tuple(key for _, key in above), number)
    return places


def _find_value(values: Any, name: str) -> Any:
    for key in name.split("."):
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _set_value(values: dict[str, Any], name: str, value: object) -> None:
    section, _, rest = name.partition(".")
    if not rest:
        values[section] = value
        return
    inner = values.get(section)
    values[section] = inner if isinstance(inner, dict) else {}
    _set_value(values[section], rest, value)


def _parse_yaml(text: str) -> object:
    """The values, read as `read_yaml` does; None where it is no YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None
