"""The figures of a list's experiments as one JSON file, such as results/ablations.json."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.files import read_json, write_json
from rhas.base.names import unknown_name
from rhas.experiments.listing import Experiment, Listing, Setting, Values, apply_settings
from rhas.experiments.naming import Ingredients, experiment_name, find_ingredients
from rhas.experiments.stored import list_stored, run_git
from rhas.report.paper_tables.runs import EVALUATION, METRICS, Run, find_figure, select_settings


@dataclass(frozen=True)
class RunRecord:
    """An experiment that has been run.

    Args:
        name: what it was called; see `rhas.experiments.naming`.
        commit: where DVC stored it.
        table, row, seed: its place in the list.
        method: that of its parameters.
        settings: parameters that differ from params.yaml.
        metrics: the content of ``results/evaluation.json``.
        baselines: of ``results/baselines.json``; None where DVC's cache has lost it.
        model: of the model's ``report.json``; likewise.
        made_of: what its name is a hash of; None in files of before this was written down.
        films: of ``results/films.csv``: metrics by test film and name, per cent; None in files of
            before it, or where DVC's cache has lost it.
        classes: of ``results/per_class.csv``: average precision on test, per cent, of each class
            that occurs; likewise.
    """

    name: str
    commit: str
    table: str
    row: str
    seed: int
    method: str
    settings: Mapping[str, Setting]
    metrics: Mapping[str, object]
    baselines: Mapping[str, object] | None
    model: Mapping[str, object] | None
    made_of: Ingredients | None = None
    films: Mapping[str, Mapping[str, float]] | None = None
    classes: Mapping[str, float] | None = None

    @property
    def experiment(self) -> Experiment:
        return Experiment(self.table, self.row, self.seed, self.settings)

    def figure(self, name: str, subset: str = "test") -> float | None:
        """A clean figure, per cent; None where it was not measured."""
        return find_figure(self.metrics, subset, name)


@dataclass(frozen=True)
class Results:
    """The figures of a list.

    Args:
        title, tables: the list's, as in `Listing`.
        experiments: those that have been run, in the list's order.
        missing: those that have not.
        earlier: names of those made of other code or data than the present.
    """

    title: str
    tables: Mapping[str, str]
    experiments: Sequence[RunRecord]
    missing: Sequence[str]
    earlier: Sequence[str] = ()

    def select(self, table: str) -> list[RunRecord]:
        """The records of one table."""
        return [record for record in self.experiments if record.table == table]

    def select_rows(
        self, table: str, row: str, only: Sequence[str] | None = None
    ) -> dict[str, list[RunRecord]]:
        """The records of a table by row, in the list's order.

        Args:
            table: its name.
            row: one that has to be there.
            only: further rows; all of the table where it is None.

        Raises:
            RhasError: no such table or row.
        """
        if table not in self.tables:
            raise unknown_name("table", table, self.tables, self.title)
        rows: dict[str, list[RunRecord]] = {}
        for record in self.select(table):
            rows.setdefault(record.row, []).append(record)
        for name in (row, *(only or ())):
            if name not in rows:
                raise unknown_name("row", name, rows, f"{self.title}, table {table}")
        return {name: own for name, own in rows.items() if only is None or name in (row, *only)}

    def find(self, experiment: Experiment, name: str) -> RunRecord | None:
        """The record of an experiment that was made of the same; see `experiment_name`."""
        same = (r for r in self.experiments if (r.name, r.experiment) == (name, experiment))
        return next(same, None)

    def find_earlier(self, experiment: Experiment, made_of: Ingredients) -> RunRecord | None:
        """A record of other code or data. The parameters are the same, or not written down."""
        for record in self.experiments:
            before = record.made_of
            same = before is None or before.parameters == made_of.parameters
            if record.experiment == experiment and same:
                return record
        return None


def read_results(path: Path) -> Results:
    """What an earlier `write_results` wrote; empty where there is no such file.

    Raises:
        RhasError: the file is none that `write_results` wrote.
    """
    if not path.is_file():
        return Results("", {}, [], [])
    try:
        content = read_json(path, do="move it away, or choose another --out")
        records = [_read_record(entry) for entry in content.pop("experiments")]
        return Results(experiments=records, **content)
    except (RhasError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RhasError(
            "not the figures of a list of experiments",
            where=str(path), expected="what an earlier `rhas queue` wrote there",
            got=f"{type(error).__name__}: {error}", do="move it away, or choose another --out",
        ) from error  # fmt: skip


def write_results(listing: Listing, params: Values, root: Path, out: Path) -> Results:
    """Writes what DVC has stored of a list's experiments into a JSON file.

    A record that the file has already stays where DVC has nothing newer: in a fresh clone a record
    of the same name is the same experiment. A record of another name was made of other code or
    data; it stays, named under ``earlier``, until its experiment is run again. It goes where its
    parameters are known to be others.

    Returns:
        What was written.

    Raises:
        RhasError: as `read_results`.
    """
    done, before = list_stored(root), read_results(out)
    records, earlier, missing = [], [], []
    for experiment in listing.experiments:
        made_of = find_ingredients(experiment, params, root)
        name = experiment_name(experiment, params, root)
        if name in done:
            records.append(_read_stored(root, done[name], name, experiment, params, made_of))
        elif record := before.find(experiment, name) or before.find_earlier(experiment, made_of):
            records.append(record)
            earlier += [record.name] if record.name != name else []
        else:
            missing.append(str(experiment))
    results = Results(listing.title, dict(listing.tables), records, missing, earlier)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, asdict(results))
    return results


def convert_to_runs(
    results: Results, params: Values, before: Mapping[str, Run] | None = None
) -> list[Run]:
    """A list's experiments as ``rhas table`` reads them.

    Args:
        results: of the list.
        params: those of params.yaml, which the settings of each experiment change.
        before: runs by name that were written earlier: they say which parameters they had.
    """
    return [(before or {}).get(r.name) or _convert_record(r, params) for r in results.experiments]


def _read_record(entry: Mapping[str, Any]) -> RunRecord:
    made_of = entry.get("made_of")
    return RunRecord(**{**entry, "made_of": Ingredients(**made_of) if made_of else None})


def _convert_record(record: RunRecord, params: Values) -> Run:
    settings = select_settings(apply_settings(params, record.experiment))
    return Run(settings, record.metrics, record.name, record.baselines or {})


def _read_stored(
    root: Path, commit: str, name: str, experiment: Experiment, params: Values, made_of: Ingredients
) -> RunRecord:
    method = str(apply_settings(params, experiment)["method"])
    return RunRecord(
        name, commit, experiment.table, experiment.row, experiment.seed, method,
        dict(experiment.settings),
        metrics=_read_evaluation(root, commit),
        baselines=_read_cached(root, commit, "results/baselines.json"),
        model=_read_cached(root, commit, f"models/{method}/report.json"),
        films=_read_films(root, commit),
        classes=_read_classes(root, commit),
        made_of=made_of,
    )  # fmt: skip


def _read_evaluation(root: Path, commit: str) -> dict[str, object]:
    """All metrics of an experiment; those of before evaluation.json are in metrics.json."""
    names = run_git(root, "ls-tree", "--name-only", commit, EVALUATION, METRICS).splitlines()
    path = EVALUATION if EVALUATION in names else METRICS
    return json.loads(run_git(root, "show", f"{commit}:{path}"))


def _read_cached(root: Path, commit: str, path: str) -> dict[str, object] | None:
    """A JSON file of an experiment."""
    text = _read_text(root, commit, path)
    return None if text is None else json.loads(text)


def _read_films(root: Path, commit: str) -> dict[str, dict[str, float]] | None:
    """Metrics by test film; None where the cache has lost them, or older code wrote none."""
    text = _read_text(root, commit, "results/films.csv")
    if text is None:
        return None
    rows = {row.pop("movie"): row for row in csv.DictReader(io.StringIO(text))}
    return {
        movie: {name: float(value) for name, value in row.items() if value}
        for movie, row in rows.items()
    }


def _read_classes(root: Path, commit: str) -> dict[str, float] | None:
    """Average precision on test by class; None as in `_read_films`."""
    text = _read_text(root, commit, "results/per_class.csv")
    if text is None:
        return None
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["split"] == "test"]
    return {row["class"]: float(row["ap"]) for row in rows if row["ap"]}


def _read_text(root: Path, commit: str, path: str) -> str | None:
    """A file of an experiment that lies in DVC's cache; None where the cache has lost it."""
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return dvc.api.read(path, repo=str(root), rev=commit, encoding="utf-8")
    except (DvcException, FileNotFoundError):
        return None
