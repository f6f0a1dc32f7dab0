"""Frozen records (configurations of methods, what was fitted) from plain values, with checks."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from rhas.base.errors import RhasError
from rhas.base.names import unknown_name

ConfigT = TypeVar("ConfigT")


def from_mapping(cls: type[ConfigT], values: Mapping[str, Any], where: str) -> ConfigT:
    """A config dataclass from plain values.

    Raises:
        RhasError: an unknown key (names the nearest known one), a missing one, or a wrong type.
    """
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise unknown_name("parameter", key, known, where)
    made = {}
    for name, item in known.items():
        if name not in values:
            if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
                raise RhasError(f"parameter '{name}' is missing", where=where, do=f"add '{name}'")
            continue
        made[name] = _check_value(values[name], hints[name], f"{where}.{name}")
    return cls(**made)


def _check_value(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_mapping(hint, value, where)  # type: ignore[arg-type]
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        options = typing.get_args(hint)
    else:
        options = (hint,)
    for option in options:
        if typing.get_origin(option) is typing.Literal:
            if value in typing.get_args(option):
                return value
        elif (typing.get_origin(option) or option) is tuple and isinstance(value, list):
            item, *_ = typing.get_args(option) or (Any,)
            return tuple(_check_value(v, item, f"{where}[{n}]") for n, v in enumerate(value))
        elif option is float and isinstance(value, int) and not isinstance(value, bool):
            with suppress(OverflowError):
                return float(value)
        elif option is Any or (isinstance(option, type) and isinstance(value, option)):
            if option is int and isinstance(value, bool):
                continue
            return value
    allowed = " or ".join(
        " | ".join(map(repr, typing.get_args(o)))
        if typing.get_origin(o) is typing.Literal
        else getattr(o, "__name__", str(o))
        for o in options
    )
    raise RhasError("parameter has a wrong value", where=where, expected=allowed, got=repr(value))
