"""dvc.yaml and dvc.lock as records, and the hashes that DVC writes into the latter."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rhas.base.errors import RhasError
from rhas.base.names import unknown_name
from rhas.base.yaml_files import check_unfolded, parse_lock
from rhas.engine.workcache import walk_folder
from rhas.experiments.listing import Values

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml: its command, parameters by name, and paths, metrics among ``outs``."""

    command: str
    parameters: Mapping[str, object]
    deps: tuple[str, ...]
    outs: tuple[str, ...]


@dataclass(frozen=True)
class LockedStage:
    """A stage of dvc.lock: what it was run with, and the MD5 of each path that it read and made."""

    command: str
    parameters: Mapping[str, object]
    deps: Mapping[str, str]
    outs: Mapping[str, str]


def read_stages(root: Path, values: Values) -> dict[str, Stage]:
    """The stages of dvc.yaml by name, with ``${...}`` filled in from parameters.

    Raises:
        RhasError: a dvc.yaml that cannot be read, a stage that is none, or ``${...}`` of a
            parameter that does not exist.
    """
    path = root / "dvc.yaml"

    def find(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise unknown_name("parameter", match[1], values, str(path))
        return str(values[match[1]])

    def fill(text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", find, text)

    def paths(entry: Entry, *kinds: str) -> tuple[str, ...]:
        return tuple(fill(path) for kind in kinds for path in _list_names(entry.get(kind)))

    return {
        name: Stage(
            fill(str(entry["cmd"])),
            {parameter: values.get(parameter) for parameter in _list_names(entry.get("params"))},
            paths(entry, "deps"),
            paths(entry, "outs", "metrics", "plots"),
        )
        for name, entry in _read_entries(path).items()
    }


def read_lock(root: Path) -> dict[str, LockedStage]:
    """The stages of dvc.lock by name; none where there is no such file."""
    return {
        name: LockedStage(
            str(entry.get("cmd", "")),
            entry.get("params", {}).get("params.yaml", {}),
            {path["path"]: path.get("md5", "") for path in entry.get("deps", [])},
            {path["path"]: path.get("md5", "") for path in entry.get("outs", [])},
        )
        for name, entry in _read_lock(root / "dvc.lock").items()
    }


@cache
def hash_as_dvc(path: Path) -> str:
    """MD5 of a file, or of a folder's list of files, as in dvc.lock; empty where it is absent."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return ""
    files = [f for f in walk_folder(path) if f.is_file() and "__pycache__" not in f.parts]
    entries = [{"md5": hash_as_dvc(f), "relpath": f.relative_to(path).as_posix()} for f in files]
    listed = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
    return f"{hashlib.md5(listed.encode()).hexdigest()}.dir"


def _read_entries(path: Path) -> dict[str, Entry]:
    return _parse_stages(path.read_bytes(), str(path)) if path.is_file() else {}


def _read_lock(path: Path) -> dict[str, Entry]:
    return _parse_lock(path.read_bytes(), str(path)) if path.is_file() else {}


_parse_lock = cache(parse_lock)  # a second each, and every experiment asks


@cache
def _parse_stages(text: bytes, where: str) -> dict[str, Entry]:
    do = "`git diff dvc.yaml` shows what was changed, `dvc stage list` what DVC says of it"
    try:
        values = yaml.safe_load(text) or {}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        got = " ".join(str(error).split())[:200]
        raise RhasError("dvc.yaml cannot be read", where=where, got=got, do=do) from error
    check_unfolded(values, where)
    stages = values.get("stages") or {} if isinstance(values, dict) else None
    if not isinstance(stages, dict):
        raise RhasError("not a dvc.yaml", where=where, expected="stages by name", do=do)
    for name, entry in stages.items():
        if not _is_stage(entry):
            raise RhasError(
                "not a stage", where=f"{where}, stages.{name}",
                expected="cmd, and lists of params, deps, outs, metrics, plots", do=do,
            )  # fmt: skip
    return stages


def _is_stage(entry: object) -> bool:
    if not isinstance(entry, dict) or not entry.get("cmd"):
        return False
    lists = [entry.get(kind) or [] for kind in ("params", "deps", "outs", "metrics", "plots")]
    return all(
        isinstance(items, list)
        and all(isinstance(i, str) or (isinstance(i, dict) and len(i) == 1) for i in items)
        for items in lists
    )


def _list_names(items: list[str | Entry] | None) -> Iterator[str]:
    """Of a list of names, some with options: ``- name: {cache: false}``."""
    for item in items or []:
        yield item if isinstance(item, str) else next(iter(item))
