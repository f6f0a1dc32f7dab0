"""The layout of the paper's Tables 2 to 6: our runs beside the paper's figures.

A table exists twice: under the clean figures, and as published. Runs of equal settings but for the
seed are one row; what no run has measured is absent.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from rhas.base.errors import RhasError
from rhas.metrics.names import FURTHER_METRICS, PAPER_METRICS
from rhas.table.runs import Run

Evaluator = Literal["clean", "as_published"]
Source = Literal["ours", "paper", "constant", "chance"]

EVALUATORS: tuple[Evaluator, ...] = ("clean", "as_published")
SIDES = ("val", "test")
FIGURES = {metric.key: metric.heading for metric in PAPER_METRICS}
"""The paper's metrics."""
FURTHER = {metric.key: metric.heading for metric in FURTHER_METRICS}
"""Those that the paper does not have."""
METHODS = {
    "fact": "FACT",
    "actdiff": "ActDiff",
    "asquery": "ASQuery",
    "ltcontext": "LTContext",
    "refatomnet": "RefAtomNet",
    "hopadiff": "HopaDIFF",
}
SWITCHES = {
    "partial_branch": "HCMGB",
    "hp_xlstm": "HP-XLSTM",
    "bca": "BCAF",
    "dft_condition": "DFT-cond",
}
"""HopaDIFF's ablations, by the names of Table 5."""
ABLATIONS = 5


@dataclass(frozen=True)
class Cell:
    """A figure, 0-100.

    Args:
        mean: over runs.
        spread: standard deviation of the sample, None where there is one run.
    """

    mean: float
    spread: float | None = None


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Args:
        label: the method, the ablation, or the baseline.
        source: whose figures: ours, the paper's, or those of an answer that knows no film.
        runs: how many of ours are behind them.
        cells: by side and figure; an absent one has not been measured.
    """

    label: str
    source: Source
    runs: int
    cells: Mapping[tuple[str, str], Cell]


@dataclass(frozen=True)
class Table:
    """A table of the paper under one evaluator.

    Args:
        number: in the paper.
        title: what is the same for all rows.
        evaluator: clean or as_published.
        figures: names of the columns of each side, by key.
        rows: in the paper's order.
        notes: what a reader must know.
    """

    number: int
    title: str
    evaluator: Evaluator
    figures: Mapping[str, str]
    rows: Sequence[Row]
    notes: Sequence[str]


@cache
def paper() -> dict[str, Any]:
    """The paper's figures with their source: ``paper.json`` beside this module."""
    return json.loads(files("rhas.table").joinpath("paper.json").read_text("utf-8"))


def numbers() -> list[int]:
    """The tables that there are."""
    return [int(number) for number in paper()["tables"]]


def paper_tables(
    runs: Sequence[Run], only: Iterable[int] = (), further: Sequence[str] = ()
) -> list[Table]:
    """The paper's tables with our runs: each under the clean figures, then as published.

    Args:
        runs: any; each goes into the tables whose settings it has.
        only: numbers of tables; all where none is given.
        further: keys of `FURTHER`, more columns under the clean figures.

    Raises:
        RhasError: no such table, or figure.
    """
    wanted = list(only) or numbers()
    for number in wanted:
        if number not in numbers():
            raise RhasError("no such table", expected=", ".join(map(str, numbers())),
                            got=str(number))  # fmt: skip
    for key in further:
        if key not in FURTHER:
            raise RhasError("no such figure", expected=", ".join(FURTHER), got=key)
    return [
        paper_table(number, runs, evaluator, further if evaluator == "clean" else ())
        for number in wanted
        for evaluator in EVALUATORS
    ]


def paper_table(
    number: int, runs: Sequence[Run], evaluator: Evaluator, further: Sequence[str] = ()
) -> Table:
    """One table under one evaluator; see `paper_tables`."""
    printed = paper()["tables"][str(number)]
    figures = {**FIGURES, **{key: FURTHER[key] for key in further}}
    mine = [run for run in runs if _belongs(run, number, printed["settings"])]
    groups = grouped(mine, _ablation if number == ABLATIONS else _method)
    rows: list[Row] = []
    labels = [*printed["rows"], *(label for label in groups if label not in printed["rows"])]
    for label in labels:
        variants = groups.get(label, {})
        if "" not in variants:
            rows.append(Row(label, "ours", 0, {}))
        for difference, own in variants.items():
            name = f"{label}, {difference}" if difference else label
            rows.append(Row(name, "ours", len(own), _cells(own, figures, evaluator)))
        if label in printed["rows"]:
            rows.append(Row(label, "paper", 0, _printed(printed["rows"][label])))
    usual = [run for variants in groups.values() for run in variants.get("", ())]
    rows += [_baseline(kind, usual, figures, evaluator) for kind in ("constant", "chance")]
    return Table(number, printed["title"], evaluator, figures, rows,
                 _notes(number, groups, usual, evaluator))  # fmt: skip


def grouped(
    runs: Sequence[Run], label: Callable[[Run], tuple[str, Mapping[str, Any]]]
) -> dict[str, dict[str, list[Run]]]:
    """Runs by label, and by what differs from the label's usual settings ("" where nothing does).

    The usual value of a setting is that of most of the label's runs, the first one's of equally
    many. The seed is no difference.

    Args:
        runs: any.
        label: gives a run's label, and those of the method's overrides that it does not name.
    """
    labelled: dict[str, list[tuple[Run, dict[str, Any]]]] = defaultdict(list)
    for run in runs:
        name, overrides = label(run)
        own = {"train.preset": run.settings.get("preset"), **run.settings.get("others", {})}
        own |= {f"overrides.{key}": value for key, value in overrides.items()}
        labelled[name].append((run, own))
    groups: dict[str, dict[str, list[Run]]] = {}
    for name, entries in labelled.items():
        usual = _usual([own for _, own in entries])
        variants: dict[str, list[Run]] = defaultdict(list)
        for run, own in entries:
            keys = sorted(key for key in {*usual, *own} if own.get(key) != usual.get(key))
            variants[", ".join(f"{key}={_plain(own.get(key))}" for key in keys)].append(run)
        groups[name] = dict(sorted(variants.items()))
    return groups


def cell(values: Iterable[float | None]) -> Cell | None:
    """Mean and spread of the figures of several runs; None where one of them has none."""
    known = list(values)
    if not known or None in known:
        return None
    present = [float(value) for value in known if value is not None]
    spread = statistics.stdev(present) if len(present) > 1 else None
    return Cell(statistics.fmean(present), spread)


def _belongs(run: Run, number: int, wanted: Mapping[str, Any]) -> bool:
    if number == ABLATIONS:
        if run.settings["method"] != "hopadiff":
            return False
    elif _switched_off(run)[0]:  # shown in the table of ablations alone
        return False
    return all(run.settings.get(key) == value for key, value in wanted.items())


def _method(run: Run) -> tuple[str, Mapping[str, Any]]:
    name = run.settings["method"]
    return METHODS.get(name, name), _switched_off(run)[1]


def _ablation(run: Run) -> tuple[str, Mapping[str, Any]]:
    off, others = _switched_off(run)
    if not off:
        return METHODS["hopadiff"], others
    if off == ["partial_branch", "hp_xlstm", "dft_condition"]:
        return "w/o all", others
    return f"w/o {', '.join(SWITCHES[key] for key in off)}", others


def _switched_off(run: Run) -> tuple[list[str], dict[str, Any]]:
    """Ablations of a run, and its other overrides. Without a second branch, or HP-xLSTM, there is
    nothing that ``bca`` could do, whatever it says."""
    overrides = dict(run.settings.get("overrides", {}))
    if run.settings["method"] != "hopadiff":
        return [], overrides
    on = {key: overrides.pop(key, True) for key in SWITCHES}
    if not (on["partial_branch"] and on["hp_xlstm"]):
        on["bca"] = True
    return [key for key in SWITCHES if not on[key]], overrides


def _usual(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    usual = {}
    for key in {key for own in settings for key in own}:
        counted = Counter(json.dumps(own.get(key), sort_keys=True) for own in settings)
        usual[key] = json.loads(counted.most_common(1)[0][0])  # of equal counts the first met
    return usual


def _cells(
    runs: Sequence[Run], figures: Iterable[str], evaluator: Evaluator
) -> dict[tuple[str, str], Cell]:
    return _filled([run.metrics for run in runs], figures, evaluator)


def _filled(
    metrics: Sequence[Mapping[str, Any]], figures: Iterable[str], evaluator: Evaluator
) -> dict[tuple[str, str], Cell]:
    cells = {}
    for side in SIDES:
        found = [values.get(side) or {} for values in metrics]
        if evaluator == "as_published":
            found = [values.get("as_published", {}) for values in found]
        for key in figures:
            if made := cell(values.get(key) for values in found):
                cells[side, key] = made
    return cells


def _printed(row: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], Cell]:
    return {
        (side, key): Cell(value)
        for side, values in row.items()
        for key, value in zip(paper()["figures"], values, strict=True)
    }


def _baseline(
    kind: Literal["constant", "chance"],
    runs: Sequence[Run],
    figures: Iterable[str],
    evaluator: Evaluator,
) -> Row:
    """Mean over the runs' different answers: they hang on the samples alone, so most are equal."""
    key, label = {"constant": ("constant_class", "constant class"), "chance": ("chance",) * 2}[kind]
    different = {}
    for run in runs:
        values = {side: own[key] for side, own in run.baselines.items() if key in own}
        if values:
            different[json.dumps(values, sort_keys=True)] = values
    cells = _filled(list(different.values()), figures, evaluator)
    return Row(label, kind, len(different), cells)


def _notes(
    number: int,
    groups: Mapping[str, Mapping[str, Sequence[Run]]],
    usual: Sequence[Run],
    evaluator: Evaluator,
) -> list[str]:
    notes = []
    if usual:
        datasets = sorted(
            {str(run.settings.get("others", {}).get("dataset", "?")) for run in usual}
        )
        presets = sorted({str(run.settings.get("preset", "?")) for run in usual})
        seeds = sorted({run.settings["seed"] for run in usual})
        notes.append(
            f"ours: data set {', '.join(datasets)}, preset {', '.join(presets)}, "
            f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}; "
            "± is the sample's standard deviation over seeds"
        )
    else:
        notes.append("ours: no run with these settings")
    told = "paper: data set RHAS133, its own evaluator"
    if evaluator == "clean":
        told += ", so not comparable with clean figures"
    notes.append(told)
    notes += [note] if (note := paper()["notes"].get(str(number))) else []
    if usual and not any(run.baselines for run in usual):
        notes.append("constant class and chance: baselines.json is not in the cache, `dvc pull`")
    if differing := _differing(groups):
        notes.append(f"not the same for all of ours: {', '.join(differing)}")
    return notes


def _differing(groups: Mapping[str, Mapping[str, Sequence[Run]]]) -> list[str]:
    """Settings whose usual value is another for another label."""
    firsts = [variants[""][0] for variants in groups.values() if "" in variants]
    settings = [
        {"train.preset": run.settings.get("preset"), **run.settings.get("others", {})}
        for run in firsts
    ]
    keys = sorted({key for own in settings for key in own})
    return [k for k in keys if len({json.dumps(own.get(k)) for own in settings}) > 1]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
