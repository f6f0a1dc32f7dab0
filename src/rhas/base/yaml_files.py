"""YAML: its values are a tree of bounded size, and dvc.lock names stages, paths and hashes.

A text of a few lines can refer to itself so often that its values unfold to billions, or to
themselves without end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from rhas.base.errors import RhasError

MAX_VALUES = 1_000_000
"""Values of a file, references to others unfolded."""


def check_unfolded(values: object, where: str) -> None:
    """Checks plain values before anything copies, prints or walks them.

    Args:
        values: what YAML holds.
        where: for the error.

    Raises:
        RhasError: more than `MAX_VALUES`, for example in a list that contains itself.
    """
    waiting, count = [values], 0
    while waiting:
        value = waiting.pop()
        inner = (
            [*value.keys(), *value.values()] if isinstance(value, Mapping)
            else value if isinstance(value, list | tuple | set) else ()
        )  # fmt: skip
        count += len(inner)
        if count > MAX_VALUES:
            raise RhasError(
                "the file holds too many values", where=where, expected=f"at most {MAX_VALUES:,}",
                do="write the values out instead of references (&name, *name)",
            )  # fmt: skip
        waiting.extend(inner)


def parse_lock(text: str | bytes, where: str = "dvc.lock") -> dict[str, Any]:
    """The stages of a dvc.lock by name, their ``deps`` and ``outs`` as DVC writes them.

    Raises:
        RhasError: not YAML, for example after a merge with conflicts, or not DVC's form.
    """
    do = "run `git checkout dvc.lock`, or remove it and run `dvc repro`"
    try:
        values = yaml.safe_load(text) or {}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        got = " ".join(str(error).split())[:200]
        raise RhasError("dvc.lock cannot be read", where=where, got=got, do=do) from error
    check_unfolded(values, where)
    stages = values.get("stages") or {} if isinstance(values, dict) else None
    if not isinstance(stages, dict) or not all(map(_is_stage, stages.values())):
        raise RhasError("not a dvc.lock", where=where, expected="stages with deps, outs", do=do)
    return stages


def _is_stage(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    deps, outs = entry.get("deps", []), entry.get("outs", [])
    params = entry.get("params", {})
    return (
        isinstance(deps, list)
        and isinstance(outs, list)
        and all(isinstance(p, dict) and isinstance(p.get("path"), str) for p in [*deps, *outs])
        and isinstance(params, dict)
        and all(isinstance(values, dict) for values in params.values())
    )
