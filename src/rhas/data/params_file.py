"""Top-level switches of params.yaml, changed with comments and layout kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML, YAMLError

from rhas.base.errors import RhasError
from rhas.config.params import read_yaml

Switches = Mapping[str, str | float]


def set_params(path: Path, values: Switches) -> dict[str, tuple[Any, Any]]:
    """Changes switches of params.yaml.

    Returns:
        Old and new value of those that changed.

    Raises:
        RhasError: see `change_params_text`.
    """
    text, before = change_params_text(path, values), read_yaml(path)
    path.write_text(text, "utf-8")
    return {name: (before[name], new) for name, new in values.items() if before[name] != new}


def change_params_text(path: Path, values: Switches) -> str:
    """The text of params.yaml with other values of switches; nothing is written.

    Raises:
        RhasError: no such file, one that cannot be read, or a switch that does not stand on a line
            of its own.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    before, text = read_yaml(path), path.read_text("utf-8")
    for name, value in values.items():
        shown = yaml.safe_dump(value).splitlines()[0]
        text = re.sub(
            rf"(?m)^({re.escape(name)}:[ \t]*)[^\s#]+([ \t]*(?:#.*)?)$",
            lambda found, shown=shown: f"{found[1]}{shown}{found[2]}",  # type: ignore[misc]
            text,
            count=1,
        )
    if _parse_yaml(text) != {**before, **values}:
        raise RhasError(
            "params.yaml could not be changed",
            where=str(path),
            expected="lines such as `dataset: mini`",
            do="set by hand: " + ", ".join(f"{name}: {value}" for name, value in values.items()),
        )
    return text


def _parse_yaml(text: str) -> object:
    """The values, read as `read_yaml` does; None where it is no YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None
