"""What a list's stored experiments say, as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.experiments.listing import Experiment, Listing, applied
from rhas.experiments.stored import experiment_name, git, stored
from rhas.table.runs import EVALUATION, METRICS, Run, run_settings


def write_records(
    listing: Listing, params: Mapping[str, Any], root: Path, out: Path
) -> dict[str, Any]:
    """Writes ``out``: the list's title and tables, and settings and figures of every experiment.

    ``experiments`` holds name, commit, table, row, seed, method, settings, metrics
    (evaluation.json),
    baselines (baselines.json) and model (the model's report.json: parameters, steps, last figures
    of training), in the list's order; ``missing`` those that are neither stored nor recorded. An
    experiment that ``out`` already records and that is not stored, in a new clone say, stays as it
    is: its name says that it is the same.

    Returns:
        What was written.

    Raises:
        RhasError: as `recorded`.
    """
    done, before = stored(root), recorded(out)
    records, missing = [], []
    for experiment in listing.experiments:
        name = experiment_name(experiment, params, root)
        if name not in done:
            there = before.get((name, experiment.table, experiment.row))
            records.append(there) if there else missing.append(str(experiment))
            continue
        commit = done[name]
        method = applied(params, experiment)["method"]
        records.append(
            {
                "name": name,
                "commit": commit,
                "table": experiment.table,
                "row": experiment.row,
                "seed": experiment.seed,
                "method": method,
                "settings": dict(experiment.settings),
                "metrics": _read_evaluation(root, commit),
                "baselines": _cached(root, commit, "results/baselines.json"),
                "model": _cached(root, commit, f"models/{method}/report.json"),
            }
        )
    said = {
        "title": listing.title,
        "tables": dict(listing.tables),
        "experiments": records,
        "missing": missing,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, said)
    return said


def runs_of(said: Mapping[str, Any], params: Mapping[str, Any]) -> list[Run]:
    """The experiments that `write_records` wrote, as ``rhas table`` reads them.

    Args:
        said: what it returned.
        params: those of params.yaml, which the settings of each experiment change.
    """
    runs = []
    for record in said["experiments"]:
        experiment = Experiment(record["table"], record["row"], record["seed"], record["settings"])
        settings = run_settings(applied(params, experiment))
        baselines = record["baselines"] or {}
        runs.append(Run(settings, record["metrics"], record["name"], baselines))
    return runs


def recorded(out: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The records of an earlier `write_records` by name, table and row; none where no file is.

    Raises:
        RhasError: the file is none that `write_records` wrote.
    """
    if not out.is_file():
        return {}
    try:
        records = json.loads(out.read_text("utf-8"))["experiments"]
        return {(r["name"], r["table"], r["row"]): r for r in records}
    except (ValueError, KeyError, TypeError) as error:
        raise RhasError(
            "not the figures of a list of experiments",
            where=str(out), expected="what an earlier `rhas queue` wrote there",
            got=f"{type(error).__name__}: {error}", do="move it away, or choose another --out",
        ) from error  # fmt: skip


def _read_evaluation(root: Path, commit: str) -> Any:
    """Metrics of an experiment; those from before evaluation.json have all in metrics.json."""
    files = git(root, "ls-tree", "--name-only", commit, "results/").splitlines()
    path = EVALUATION if EVALUATION in files else METRICS
    return json.loads(git(root, "show", f"{commit}:{path}"))


def _cached(root: Path, commit: str, path: str) -> Any:
    """A JSON file of an experiment that lies in DVC's cache; None where the cache has lost it."""
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return json.loads(dvc.api.read(path, repo=str(root), rev=commit, encoding="utf-8"))
    except (DvcException, FileNotFoundError):
        return None
