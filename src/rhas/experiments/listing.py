"""A list of experiments as a YAML file: tables × rows × seeds, each with parameters that differ.

::

    title: what the list is about
    seeds: [0]                       # of every table that names none
    tables:
      table_3:
        title: cross-movie, BLIP-2
        seeds: [0, 1, 2]
        settings: {split: cross_movie}
    rows:
      LTContext: {method: ltcontext, train.learning_rate: 0.001}

A setting is a parameter of params.yaml, its sections joined by dots; a row's settings come after
its table's. Below ``train.overrides`` any name may stand: the methods check it.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rhas.base.errors import RhasError

Scalar = str | int | float | bool

_FREE = "train.overrides."  # parameters of methods: params.yaml need not list them


@dataclass(frozen=True)
class Experiment:
    """One run of the pipeline.

    Args:
        table: name of its table.
        row: name of its row.
        seed: ``seed`` of params.yaml.
        settings: parameters that differ from params.yaml, by dotted name; without the seed.
    """

    table: str
    row: str
    seed: int
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.table}, {self.row}, seed {self.seed}"


@dataclass(frozen=True)
class Listing:
    """A list of experiments.

    Args:
        name: the file's, without its ending; results are named so.
        title: what it is about.
        tables: title of each table by its name, in order.
        experiments: table by table, in it seed by seed, so that each seed's rows come together.
    """

    name: str
    title: str
    tables: Mapping[str, str]
    experiments: Sequence[Experiment]

    def only(self, tables: Sequence[str]) -> Listing:
        """The list with some of its tables; all of them where none is named.

        Raises:
            RhasError: a table that it has not.
        """
        for name in tables:
            if name not in self.tables:
                raise _unknown("table", name, self.tables, self.name)
        kept = list(tables) or list(self.tables)
        return Listing(
            self.name,
            self.title,
            {name: title for name, title in self.tables.items() if name in kept},
            [e for e in self.experiments if e.table in kept],
        )


def read_listing(path: Path, params: Mapping[str, Any]) -> Listing:
    """The list in a file.

    Args:
        path: YAML, see above.
        params: params.yaml, which has to know every setting.

    Raises:
        RhasError: no such file, one that cannot be read, another form, or a setting that
            params.yaml has not.
    """
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RhasError("no such list of experiments", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RhasError(
            "the list of experiments cannot be read", where=str(path),
            expected="a YAML file in UTF-8, such as benchmarks/ablations.yaml", got=str(error),
        ) from error  # fmt: skip
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise RhasError("not YAML", where=str(path), got=str(error)) from error
    top = _mapping(said, str(path), {"title", "seeds", "tables", "rows"})
    rows = {str(k): _settings(v, f"{path}, rows.{k}") for k, v in _some(top, "rows", path).items()}
    titles: dict[str, str] = {}
    experiments: list[Experiment] = []
    for key, value in _some(top, "tables", path).items():
        name, where = str(key), f"{path}, tables.{key}"
        table = _mapping(value or {}, where, {"title", "seeds", "settings", "rows"})
        titles[name] = str(table.get("title", name))
        shared = _settings(table.get("settings") or {}, f"{where}.settings")
        for seed in _seeds(table.get("seeds", top.get("seeds", [0])), f"{where}.seeds"):
            for row in _chosen(table.get("rows"), rows, where):
                settings = {**shared, **rows[row]}
                for parameter in settings:
                    check_setting(parameter, params, f"{where}, row {row}")
                experiments.append(Experiment(name, row, seed, settings))
    return Listing(path.stem, str(top.get("title", path.stem)), titles, experiments)


def applied(params: Mapping[str, Any], experiment: Experiment) -> dict[str, Any]:
    """params.yaml as the experiment sees it; an empty section is one without parameters.

    Raises:
        RhasError: a single value where a setting needs a section.
    """
    values = copy.deepcopy(dict(params))
    for name, value in (*experiment.settings.items(), ("seed", experiment.seed)):
        *sections, last = name.split(".")
        inner = values
        for depth, section in enumerate(sections, start=1):
            if inner.get(section) is None:
                inner[section] = {}
            inner = inner[section]
            if not isinstance(inner, dict):
                raise RhasError(
                    f"no section for {name}",
                    where=f"{experiment}, {'.'.join(sections[:depth])}",
                    expected="parameters by name",
                    got=repr(inner),
                )
        inner[last] = value
    return values


def check_setting(name: str, params: Mapping[str, Any], where: str) -> None:
    """Raises a RhasError where params.yaml has no such single parameter."""
    if name.startswith(_FREE) and name.count(".") == 3:
        return
    known = list(_leaves(params))
    if name not in known:
        raise _unknown("parameter", name, known, where)


def _leaves(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _mapping(value: Any, where: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RhasError("not a mapping", where=where, expected=", ".join(sorted(known)))
    for key in value:
        if key not in known:
            raise _unknown("entry", str(key), sorted(known), where)
    return value


def _some(top: Mapping[str, Any], key: str, path: Path) -> Mapping[Any, Any]:
    value = top.get(key)
    if not isinstance(value, Mapping) or not value:
        raise RhasError(f"no {key}", where=str(path), expected=f"{key}: a mapping, not empty")
    return value


def _settings(value: Any, where: str) -> dict[str, Any]:
    fits = isinstance(value, Mapping) and all(
        isinstance(v, Scalar) or (isinstance(v, list) and all(isinstance(x, Scalar) for x in v))
        for v in value.values()
    )
    if not fits:
        raise RhasError(
            "settings are single parameters", where=where,
            expected="a mapping such as {frame_len: 2000, train.overrides.hopadiff.bca: false}",
            got=repr(value),
        )  # fmt: skip
    if "seed" in value:
        raise RhasError("the seed is no setting", where=where, do="write it under seeds")
    return {str(key): item for key, item in value.items()}


def _seeds(value: Any, where: str) -> list[int]:
    whole = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
    if not whole or not value or len(set(value)) < len(value):
        raise RhasError(
            "seeds are different whole numbers", where=where, expected="[0, 1, 2]", got=repr(value)
        )
    return value


def _chosen(names: Any, rows: Mapping[str, Any], where: str) -> list[str]:
    if names is None:
        return list(rows)
    if not isinstance(names, list):
        raise RhasError("rows are a list of names", where=f"{where}.rows", got=repr(names))
    chosen = [str(name) for name in names]  # as the keys of rows: 1000 is a number to YAML
    for name in chosen:
        if name not in rows:
            raise _unknown("row", name, rows, where)
    return chosen


def _unknown(what: str, got: str, known: Any, where: str) -> RhasError:
    near = difflib.get_close_matches(got, list(known), n=1)
    return RhasError(
        f"unknown {what} '{got}'",
        where=where,
        expected=", ".join(known),
        do=f"did you mean '{near[0]}'?" if near else f"choose a known {what}",
    )
