"""The layout of the paper's Tables 2 to 6: our runs beside the paper's figures.

A table exists twice: under the clean figures, and as published. Runs of equal settings but for the
seed or fold are one row; what no run has measured is absent. Cross-validation (``split: folds``)
counts as cross-movie: a seed's figure is the mean over its folds.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypedDict

from rhas.base.errors import RhasError
from rhas.metrics.names import FURTHER_METRICS, PAPER_METRICS
from rhas.report.paper_tables.runs import Run, find_figure

Evaluator = Literal["clean", "as_published"]
Values = Mapping[str, object]
Source = Literal["ours", "paper", "nothing", "constant", "chance"]

EVALUATORS: tuple[Evaluator, ...] = ("clean", "as_published")
BASELINES: tuple[Source, ...] = ("nothing", "constant", "chance")
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


class PaperTable(TypedDict):
    """A printed table: its title, the settings that all its rows share, and by label and side the
    values of `Paper`'s ``figures``."""

    title: str
    settings: dict[str, object]
    rows: dict[str, dict[str, list[float]]]


class Paper(TypedDict):
    """The content of ``paper.json``: tables and notes by number, and the size of RHAS133."""

    source: str
    notes: dict[str, str]
    figures: list[str]
    rhas133: dict[str, int]
    tables: dict[str, PaperTable]


@cache
def read_paper() -> Paper:
    """The paper's figures with their source: ``paper.json`` beside this module."""
    return json.loads(files("rhas.report.paper_tables").joinpath("paper.json").read_text("utf-8"))


def list_numbers() -> list[int]:
    """The tables that there are."""
    return [int(number) for number in read_paper()["tables"]]


def make_tables(
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
    wanted = list(only) or list_numbers()
    for number in wanted:
        if number not in list_numbers():
            raise RhasError("no such table", expected=", ".join(map(str, list_numbers())),
                            got=str(number))  # fmt: skip
    for key in further:
        if key not in FURTHER:
            raise RhasError("no such figure", expected=", ".join(FURTHER), got=key)
    return [
        make_table(number, runs, evaluator, further if evaluator == "clean" else ())
        for number in wanted
        for evaluator in EVALUATORS
    ]


def make_table(
    number: int, runs: Sequence[Run], evaluator: Evaluator, further: Sequence[str] = ()
) -> Table:
    """One table under one evaluator; see `make_tables`."""
    printed = read_paper()["tables"][str(number)]
    figures = {**FIGURES, **{key: FURTHER[key] for key in further}}
    mine = [run for run in runs if _belongs_to(run, number, printed["settings"])]
    groups = group_runs(mine, _label_ablation if number == ABLATIONS else _label_method)
    rows: list[Row] = []
    labels = [*printed["rows"], *(label for label in groups if label not in printed["rows"])]
    for label in labels:
        variants = groups.get(label, {})
        if "" not in variants:
            rows.append(Row(label, "ours", 0, {}))
        for difference, members in variants.items():
            name = f"{label}, {difference}" if difference else label
            cells = _fill_from_runs(members, figures, evaluator)
            rows.append(Row(name, "ours", len(members), cells))
        if label in printed["rows"]:
            rows.append(Row(label, "paper", 0, _read_printed(printed["rows"][label])))
    usual = [run for variants in groups.values() for run in variants.get("", ())]
    rows += [_make_baseline(kind, usual, figures, evaluator) for kind in BASELINES]
    return Table(number, printed["title"], evaluator, figures, rows,
                 _write_notes(number, groups, usual, evaluator))  # fmt: skip


def group_runs(
    runs: Sequence[Run], label: Callable[[Run], tuple[str, Values]]
) -> dict[str, dict[str, list[Run]]]:
    """Runs by label, and by what differs from the label's usual settings ("" where nothing does).

    The usual value of a setting is that of most of the label's runs, the first one's of equally
    many; of a method's parameter the preset's, where a run has it. Neither the seed nor the fold
    is a difference.

    Args:
        runs: any.
        label: gives a run's label, and those of the method's overrides that it does not name.
    """
    labelled: dict[str, list[tuple[Run, Values]]] = defaultdict(list)
    for run in runs:
        name, overrides = label(run)
        named = {f"overrides.{key}": value for key, value in overrides.items()}
        labelled[name].append((run, {**_other_settings(run), **named}))
    groups: dict[str, dict[str, list[Run]]] = {}
    for name, entries in labelled.items():
        usual = _find_usual([values for _, values in entries])
        variants: dict[str, list[Run]] = defaultdict(list)
        for run, values in entries:
            keys = sorted(k for k in {*usual, *values} if values.get(k) != usual.get(k))
            variants[", ".join(f"{k}={_format_value(values.get(k))}" for k in keys)].append(run)
        groups[name] = dict(sorted(variants.items()))
    return groups


def make_cell(values: Iterable[float | None]) -> Cell | None:
    """Mean and spread of the figures of several runs; None where one of them has none."""
    known = list(values)
    if not known or None in known:
        return None
    present = [float(value) for value in known if value is not None]
    spread = statistics.stdev(present) if len(present) > 1 else None
    return Cell(statistics.fmean(present), spread)


def _belongs_to(run: Run, number: int, wanted: Values) -> bool:
    if number == ABLATIONS:
        if run.settings["method"] != "hopadiff":
            return False
    elif _switched_off(run)[0]:  # shown in the table of ablations alone
        return False
    settings = dict(run.settings)
    if settings.get("split") == "folds":
        settings["split"] = "cross_movie"
    return all(settings.get(key) == value for key, value in wanted.items())


def _label_method(run: Run) -> tuple[str, Values]:
    name = run.settings["method"]
    return METHODS.get(name, name), _switched_off(run)[1]


def _label_ablation(run: Run) -> tuple[str, Values]:
    off, others = _switched_off(run)
    if not off:
        return METHODS["hopadiff"], others
    if off == ["partial_branch", "hp_xlstm", "dft_condition"]:
        return "w/o all", others
    return f"w/o {', '.join(SWITCHES[key] for key in off)}", others


def _switched_off(run: Run) -> tuple[list[str], dict[str, object]]:
    """Ablations of a run, and its other overrides. Without a second branch, or HP-xLSTM, there is
    nothing that ``bca`` could do, whatever it says."""
    overrides = dict(run.settings.get("overrides", {}))
    if run.settings["method"] != "hopadiff":
        return [], overrides
    on = {key: overrides.pop(key, True) for key in SWITCHES}
    if not (on["partial_branch"] and on["hp_xlstm"]):
        on["bca"] = True
    return [key for key in SWITCHES if not on[key]], overrides


def _find_usual(settings: Sequence[Values]) -> dict[str, object]:
    usual = {}
    for key in {key for values in settings for key in values}:
        counted = Counter(json.dumps(v.get(key), sort_keys=True) for v in settings)
        usual[key] = json.loads(counted.most_common(1)[0][0])  # of equal counts the first met
        if key.startswith("overrides.") and "null" in counted:
            usual[key] = None  # the preset's value, however many runs differ from it
    return usual


def _fill_from_runs(
    runs: Sequence[Run], figures: Iterable[str], evaluator: Evaluator
) -> dict[tuple[str, str], Cell]:
    by_seed: dict[int, list[Values]] = defaultdict(list)
    for run in runs:
        by_seed[run.settings["seed"]].append(run.metrics)
    return _fill_cells(list(by_seed.values()), figures, evaluator)


def _fill_cells(
    seeds: Sequence[Sequence[Values]], figures: Iterable[str], evaluator: Evaluator
) -> dict[tuple[str, str], Cell]:
    """By side and key, from the metrics of each seed's folds."""
    cells = {}
    for side in SIDES:
        path = [side, "as_published"] if evaluator == "as_published" else [side]
        for key in figures:
            folds = (make_cell(find_figure(v, *path, key) for v in metrics) for metrics in seeds)
            if found := make_cell(None if cell is None else cell.mean for cell in folds):
                cells[side, key] = found
    return cells


def _read_printed(row: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], Cell]:
    return {
        (side, key): Cell(value)
        for side, values in row.items()
        for key, value in zip(read_paper()["figures"], values, strict=True)
    }


def _make_baseline(
    kind: Source,
    runs: Sequence[Run],
    figures: Iterable[str],
    evaluator: Evaluator,
) -> Row:
    """Mean over the runs' different answers: they hang on the samples alone, so most are equal."""
    key = "constant_class" if kind == "constant" else kind
    different = {}
    for run in runs:
        sides = {side: v for side, v in run.baselines.items() if isinstance(v, Mapping)}
        values = {side: answers[key] for side, answers in sides.items() if key in answers}
        if values:
            different[json.dumps(values, sort_keys=True)] = values
    cells = _fill_cells([list(different.values())], figures, evaluator)
    return Row(key.replace("_", " "), kind, len(different), cells)


def _write_notes(
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
        folds = _count_folds(groups)
        notes.append(
            f"ours: data set {', '.join(datasets)}, preset {', '.join(presets)}, "
            f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}; "
            + (f"mean over {' or '.join(map(str, folds))} folds by film; " if folds else "")
            + "± is the sample's standard deviation over seeds"
        )
    else:
        notes.append("ours: no run with these settings")
    note = "paper: data set RHAS133, its own evaluator"
    if evaluator == "clean":
        note += ", so not comparable with clean figures"
    notes.append(note)
    notes += [text for table, text in read_paper()["notes"].items() if table == str(number)]
    if usual and not any(run.baselines for run in usual):
        notes.append(
            "nothing, constant class and chance: baselines.json is not in the cache, `dvc pull`"
        )
    if len(_count_folds(groups)) > 1:
        notes.append("rows of other folds are of other films, and not comparable")
    if differing := _find_differing(groups):
        notes.append(f"not the same for all of ours: {', '.join(differing)}")
    return notes


def _count_folds(groups: Mapping[str, Mapping[str, Sequence[Run]]]) -> list[int]:
    """The numbers of folds that rows of cross-validation have."""
    rows = [members for variants in groups.values() for members in variants.values()]
    folds = [
        {r.settings.get("others", {}).get("chunk.fold") for r in members}
        for members in rows
        if all(r.settings.get("split") == "folds" for r in members)
    ]
    return sorted({len(one) for one in folds})


def _find_differing(groups: Mapping[str, Mapping[str, Sequence[Run]]]) -> list[str]:
    """Settings whose usual value is another for another label."""
    firsts = [variants[""][0] for variants in groups.values() if "" in variants]
    settings = [_other_settings(run) for run in firsts]
    keys = sorted({key for values in settings for key in values})
    return [k for k in keys if len({json.dumps(values.get(k)) for values in settings}) > 1]


def _other_settings(run: Run) -> dict[str, object]:
    """All but what the table or the label has; a fold is no setting, but cross-validation is."""
    others = {k: v for k, v in run.settings.get("others", {}).items() if k != "chunk.fold"}
    return {
        "train.preset": run.settings.get("preset"),
        "split": run.settings.get("split"),
        **others,
    }


def _format_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
