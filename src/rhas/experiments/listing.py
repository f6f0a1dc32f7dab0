"""A list of experiments as a YAML file: tables × rows × seeds × folds.

::

    title: what the list is about
    seeds: [0]                       # of every table that names none
    folds: 5                         # likewise; without it no cross-validation
    tables:
      table_3:
        title: cross-movie, BLIP-2
        seeds: [0, 1, 2]
        settings: {split: cross_movie}
    rows:
      LTContext: {method: ltcontext, train.learning_rate: 0.001}

With ``folds`` each experiment runs once for every fold (``split: folds``, ``chunk.folds`` and
``chunk.fold``), so that each film is test once. A setting is a parameter of params.yaml, its
sections joined by dots, and YAML 1.2 as there; a row's settings come after its table's. Below
``train.overrides`` any name may stand: the methods check it.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import DuplicateKeyError

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.base.names import unknown_name
from rhas.base.yaml_files import check_unfolded

Scalar = str | int | float | bool
Setting = Scalar | list[Scalar]
Values = Mapping[str, object]
"""Parameters by name, sections as mappings: the content of params.yaml."""

_MIN_FOLDS = 3  # test, val and train
_METHOD_PARAMETERS = "train.overrides."  # parameters of methods: params.yaml need not list them


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
    settings: Mapping[str, Setting]

    def __str__(self) -> str:
        return f"{self.table}, {self.row}, seed {self.seed}"


@dataclass(frozen=True)
class Listing:
    """A list of experiments.

    Args:
        name: the file's, without its ending; results are named so.
        title: what it is about.
        tables: title of each table by its name, in order.
        experiments: table by table, in it seed by seed and fold by fold: all rows of a fold come
            together, so that what is done can be compared.
    """

    name: str
    title: str
    tables: Mapping[str, str]
    experiments: Sequence[Experiment]

    def select_tables(self, tables: Sequence[str]) -> Listing:
        """The list with some of its tables; all of them where none is named.

        Raises:
            RhasError: a table that it has not.
        """
        for name in tables:
            if name not in self.tables:
                raise unknown_name("table", name, self.tables, self.name)
        chosen = list(tables) or list(self.tables)
        return Listing(
            self.name,
            self.title,
            {name: title for name, title in self.tables.items() if name in chosen},
            [e for e in self.experiments if e.table in chosen],
        )


def read_listing(path: Path, params: Values) -> Listing:
    """The list in a file.

    Args:
        path: YAML, see above.
        params: params.yaml, which has to know every setting.

    Raises:
        RhasError: no such file, one that cannot be read, another form, a row or table twice, or a
            setting that params.yaml has not.
    """
    if not path.exists():
        raise RhasError("no such list of experiments", where=str(path))
    check_regular_file(path, "name a YAML file, such as benchmarks/ablations.yaml")
    content = _load(path)
    top = _check_mapping(content, str(path), {"title", "seeds", "folds", "tables", "rows"})
    rows = {
        name: _read_settings(v, f"{path}, rows.{name}")
        for name, v in _require_names(top, "rows", path).items()
    }
    titles: dict[str, str] = {}
    experiments: list[Experiment] = []
    for name, value in _require_names(top, "tables", path).items():
        where = f"{path}, tables.{name}"
        table = _check_mapping(value or {}, where, {"title", "seeds", "folds", "settings", "rows"})
        titles[name] = str(table.get("title", name))
        shared = _read_settings(table.get("settings") or {}, f"{where}.settings")
        folds = _list_folds(table.get("folds", top.get("folds")), f"{where}.folds")
        for seed in _read_seeds(table.get("seeds", top.get("seeds", [0])), f"{where}.seeds"):
            for fold in folds:
                for row in _choose_rows(table.get("rows"), rows, where):
                    settings = {**shared, **rows[row]}
                    for parameter in settings:
                        check_setting(parameter, params, f"{where}, row {row}")
                        if parameter in fold:
                            raise RhasError(
                                f"{parameter} is what folds set",
                                where=f"{where}, row {row}",
                                do=f"take out folds, or {parameter}",
                            )
                    settings |= fold
                    experiments.append(Experiment(name, row, seed, settings))
    return Listing(path.stem, str(top.get("title", path.stem)), titles, experiments)


def _load(path: Path) -> object:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RhasError(
            "the list of experiments cannot be read", where=str(path),
            expected="a YAML file in UTF-8, such as benchmarks/ablations.yaml", got=str(error),
        ) from error  # fmt: skip
    except DuplicateKeyError as error:
        raise RhasError(
            "an entry twice", where=f"{path}:{error.problem_mark.line + 1}", got=error.problem,
            do="rename one of them, or take it out",
        ) from error  # fmt: skip
    except (ValueError, RecursionError, YAMLError) as error:
        raise RhasError("not YAML", where=str(path), got=str(error)) from error
    check_unfolded(content, str(path))
    return content


def apply_settings(params: Values, experiment: Experiment) -> dict[str, object]:
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
            found = inner[section]
            if not isinstance(found, dict):
                raise RhasError(
                    f"no section for {name}",
                    where=f"{experiment}, {'.'.join(sections[:depth])}",
                    expected="parameters by name",
                    got=repr(found),
                )
            inner = found
        inner[last] = value
    return values


def check_setting(name: str, params: Values, where: str) -> None:
    """Raises a RhasError where params.yaml has no such single parameter."""
    if name.startswith(_METHOD_PARAMETERS) and name.count(".") == 3:
        return
    known = list(_leaf_names(params))
    if name not in known:
        raise unknown_name("parameter", name, known, where)


def _leaf_names(values: Values, before: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaf_names(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _check_mapping(value: object, where: str, known: set[str]) -> Values:
    if not isinstance(value, Mapping):
        raise RhasError("not a mapping", where=where, expected=", ".join(sorted(known)))
    for key in value:
        if key not in known:
            raise unknown_name("entry", str(key), sorted(known), where)
    return value


def _require_names(top: Values, key: str, path: Path) -> dict[str, object]:
    """The values of rows, or of tables, by name; a number is the name that it is written as."""
    value = top.get(key)
    if not isinstance(value, Mapping) or not value:
        raise RhasError(f"no {key}", where=str(path), expected=f"{key}: a mapping, not empty")
    _check_once([str(name) for name in value], f"{path}, {key}")
    return {str(name): inner for name, inner in value.items()}


def _check_once(names: Sequence[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise RhasError(
            "a name twice", where=where, got=twice[0], do="rename one of them, or take it out"
        )


def _read_settings(value: object, where: str) -> dict[str, Setting]:
    fits = isinstance(value, Mapping) and all(
        isinstance(v, Scalar) or (isinstance(v, list) and all(isinstance(x, Scalar) for x in v))
        for v in value.values()
    )
    if not isinstance(value, Mapping) or not fits:
        raise RhasError(
            "settings are single parameters", where=where,
            expected="a mapping such as {frame_len: 2000, train.overrides.hopadiff.bca: false}",
            got=repr(value),
        )  # fmt: skip
    if "seed" in value:
        raise RhasError("the seed is no setting", where=where, do="write it under seeds")
    return {str(key): item for key, item in value.items()}


def _read_seeds(value: object, where: str) -> list[int]:
    whole = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
    if not isinstance(value, list) or not whole or not value or len(set(value)) < len(value):
        raise RhasError(
            "seeds are different whole numbers", where=where, expected="[0, 1, 2]", got=repr(value)
        )
    return value


def _list_folds(count: object, where: str) -> list[dict[str, Setting]]:
    """The settings of each fold; one set without any where there are no folds."""
    if count is None:
        return [{}]
    if type(count) is not int or count < _MIN_FOLDS:
        raise RhasError(
            "too few folds", where=where, expected=f"{_MIN_FOLDS} or more", got=repr(count)
        )
    split: dict[str, Setting] = {"split": "folds", "chunk.folds": count}
    return [{**split, "chunk.fold": fold} for fold in range(count)]


def _choose_rows(names: object, rows: Collection[str], where: str) -> list[str]:
    if names is None:
        return list(rows)
    if not isinstance(names, list):
        raise RhasError("rows are a list of names", where=f"{where}.rows", got=repr(names))
    chosen = [str(name) for name in names]  # as the keys of rows: 1000 is a number to YAML
    for name in chosen:
        if name not in rows:
            raise unknown_name("row", name, rows, where)
    _check_once(chosen, f"{where}.rows")
    return chosen
