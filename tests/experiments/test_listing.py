"""Lists of experiments: what is in them, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from rhas.base.errors import RhasError
from rhas.check.parameters import check_parameters
from rhas.config.params import read_yaml
from rhas.experiments import Experiment, read_listing
from rhas.experiments.listing import apply_settings

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {
    "split": "cross_movie", "method": "hopadiff", "seed": 0,
    "chunk": {"fractions": [0.8, 0.2], "folds": 5, "fold": 0},
    "train": {"learning_rate": 0.002, "overrides": {"hopadiff": {"bca": True}}},
}  # fmt: skip
LIST = {
    "title": "All of it",
    "seeds": [4],
    "tables": {
        "one": {"title": "Table 1", "seeds": [0, 1], "settings": {"split": "random"}},
        "two": {"rows": ["b"]},
    },
    "rows": {
        "a": {"method": "fact", "train.overrides.fact.tokens": 7},
        "b": {"train.overrides.hopadiff.bca": False, "split": "cross_movie"},
    },
}


def read(tmp_path: Path, **changes: object):
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump({**LIST, **changes}, sort_keys=False))
    return read_listing(path, PARAMS)


def test_tables_times_seeds_times_rows(tmp_path: Path) -> None:
    listing = read(tmp_path)
    assert (listing.name, listing.title) == ("all", "All of it")
    assert listing.tables == {"one": "Table 1", "two": "two"}
    assert [(e.table, e.row, e.seed) for e in listing.experiments] == [
        ("one", "a", 0), ("one", "b", 0), ("one", "a", 1), ("one", "b", 1), ("two", "b", 4),
    ]  # fmt: skip
    assert listing.experiments[0].settings["split"] == "random"
    assert listing.experiments[1].settings["split"] == "cross_movie", "a row's word counts"


def test_folds_times_all_of_it(tmp_path: Path) -> None:
    rows = {"a": {}, "b": {"method": "fact"}}
    tables: dict[str, object] = {"one": {"folds": 3, "seeds": [0, 1]}, "two": {}}
    listing = read(tmp_path, tables=tables, rows=rows)
    one = [e for e in listing.experiments if e.table == "one"]
    assert [(e.row, e.seed, e.settings["chunk.fold"]) for e in one[:6]] == [
        ("a", 0, 0), ("b", 0, 0), ("a", 0, 1), ("b", 0, 1), ("a", 0, 2), ("b", 0, 2),
    ]  # fmt: skip
    assert {(e.settings["split"], e.settings["chunk.folds"]) for e in one} == {("folds", 3)}
    assert all("chunk.fold" not in e.settings for e in listing.experiments if e.table == "two")
    for folds in (2, True, "5", [3]):
        with pytest.raises(RhasError, match=r"tables\.one\.folds: too few folds"):
            read(tmp_path, tables={"one": {"folds": folds}}, rows=rows)


@pytest.mark.parametrize("setting", [{"chunk.fold": 1}, {"split": "random"}])
def test_what_folds_set_is_refused(tmp_path: Path, setting: dict[str, object]) -> None:
    message = rf"row a: {re.escape(next(iter(setting)))} is what folds set"
    with pytest.raises(RhasError, match=message):
        read(tmp_path, tables={"one": {"folds": 3}}, rows={"a": setting})
    table = {"folds": 3, "settings": setting}
    with pytest.raises(RhasError, match=message):
        read(tmp_path, tables={"one": table}, rows={"a": {}})


def test_only_some_tables(tmp_path: Path) -> None:
    listing = read(tmp_path)
    assert [e.table for e in listing.select_tables(["two"]).experiments] == ["two"]
    assert listing.select_tables([]) == listing
    with pytest.raises(RhasError, match=r"(?s)unknown table 'tow'.*did you mean 'two'"):
        listing.select_tables(["tow"])


def test_parameters_as_the_experiment_sees_them() -> None:
    settings = {"train.overrides.fact.tokens": 7, "split": "random"}
    seen = apply_settings(PARAMS, Experiment("t", "r", 3, settings))
    assert seen["train"]["overrides"] == {"hopadiff": {"bca": True}, "fact": {"tokens": 7}}
    assert (seen["seed"], seen["split"]) == (3, "random")
    assert PARAMS["train"]["overrides"] == {"hopadiff": {"bca": True}}  # type: ignore[index]


@pytest.mark.parametrize("overrides", [None, {"fact": None}, {"hopadiff": {}}, {}])
def test_empty_sections_of_params(overrides: object) -> None:
    params = {**PARAMS, "train": {"overrides": overrides}}
    seen = apply_settings(params, Experiment("t", "r", 3, {"train.overrides.fact.tokens": 7}))
    assert seen["train"]["overrides"]["fact"] == {"tokens": 7}
    assert params["train"] == {"overrides": overrides}


def test_a_value_where_a_setting_needs_a_section() -> None:
    params = {**PARAMS, "train": {"overrides": {"fact": 3}}}
    with pytest.raises(RhasError, match=r"no section for train\.overrides\.fact\.tokens") as raised:
        apply_settings(params, Experiment("t", "r", 3, {"train.overrides.fact.tokens": 7}))
    assert raised.value.where == "t, r, seed 3, train.overrides.fact"


def test_rows_named_by_numbers(tmp_path: Path) -> None:
    rows = {1000: {"method": "fact"}, True: {"split": "random"}}
    tables: dict[str, object] = {"one": {"rows": [1000]}, "two": {"rows": ["1000", True]}}
    listing = read(tmp_path, rows=rows, tables=tables)
    assert [e.row for e in listing.experiments] == ["1000", "1000", "True"]
    with pytest.raises(RhasError, match=r"unknown row '\[1000\]'"):
        read(tmp_path, rows=rows, tables={"one": {"rows": [[1000]]}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": {"a": {"train.learning_rat": 1}}}, r"(?s)unknown parameter.*train.learning_rate"),
        ({"rows": {"a": {"train": 1}}}, "unknown parameter 'train'"),
        ({"rows": {"a": {"seed": 1}}}, "the seed is no setting"),
        ({"rows": {"a": {"method": {"b": 1}}}}, "settings are single parameters"),
        ({"rows": {}}, "no rows"),
        ({"tables": None}, "no tables"),
        ({"tables": {"one": {"sead": [1]}}}, r"(?s)unknown entry 'sead'.*'seeds'"),
        ({"tables": {"one": {"rows": ["c"]}}}, "unknown row 'c'"),
        ({"tables": {"one": {"rows": "a"}}}, "rows are a list of names"),
        ({"seeds": [1, 1], "tables": {"one": {}}}, "seeds are different whole numbers"),
        ({"seeds": [True], "tables": {"one": {}}}, "seeds are different whole numbers"),
    ],
)
def test_what_is_no_list_is_told(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=message):
        read(tmp_path, **changes)


@pytest.mark.parametrize(
    ("text", "where", "name"),
    [
        ("rows: {a: {}, b: {}, a: {split: random}}\ntables: {t: {}}", ":1", '"a"'),
        ("rows: {a: {split: random,\n split: random}}\ntables: {t: {}}", ":2", '"split"'),
        ("rows: {1: {}, '1': {split: random}}\ntables: {t: {}}", ", rows", "1"),
        ("rows: {a: {}}\ntables:\n  t: {}\n  t: {seeds: [1]}", ":4", '"t"'),
        ("rows: {a: {}}\ntables: {0: {}, '0': {}}", ", tables", "0"),
        ("rows: {a: {}, b: {}}\ntables: {t: {rows: [a, b, a]}}", ", tables.t.rows", "a"),
        ("rows: {1: {}}\ntables: {t: {rows: [1, '1']}}", ", tables.t.rows", "1"),
    ],
)
def test_what_is_there_twice_is_named(tmp_path: Path, text: str, where: str, name: str) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(text)
    with pytest.raises(RhasError) as raised:
        read_listing(path, PARAMS)
    assert "twice" in raised.value.what
    assert raised.value.where == f"{path}{where}"
    assert name in raised.value.got


def test_numbers_are_those_of_params(tmp_path: Path) -> None:
    """YAML 1.2, in which 1e-05 is a number and `off` a word."""
    path = tmp_path / "all.yaml"
    path.write_text("rows: {a: {train.learning_rate: 1e-05, method: off}}\ntables: {t: {}}")
    settings = read_listing(path, PARAMS).experiments[0].settings
    assert settings == {"train.learning_rate": 1e-5, "method": "off"}


def test_files_that_are_not_there_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no such list"):
        read_listing(tmp_path / "none.yaml", PARAMS)
    path = tmp_path / "odd.yaml"
    path.write_text("title: größe", "latin-1")
    with pytest.raises(RhasError, match=r"(?s)cannot be read.*UTF-8"):
        read_listing(path, PARAMS)
    for text, message in (
        ("[", "not YAML"), ("2024-13-45", "not YAML"), ("- 1", "not a mapping"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(RhasError, match=message):
            read_listing(path, PARAMS)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_committed_lists_are_sound(path: Path) -> None:
    params = read_yaml(ROOT / "params.yaml")
    experiments = read_listing(path, params).experiments
    assert experiments
    for experiment in experiments:
        checks = check_parameters(apply_settings(params, experiment))
        assert all(check.level != "fail" for check in checks), (str(experiment), checks)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "all.yaml"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(RhasError, match=f"(?s)not a file.*a {kind}"):
        read_listing(path, PARAMS)
