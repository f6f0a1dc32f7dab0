"""Figures of a list as Markdown and as a picture, from made-up records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from PIL import Image

from rhas.config.params import read_yaml
from rhas.experiments.records import Results, RunRecord, convert_to_runs
from rhas.experiments.summary import Costs, draw_costs, format_markdown, read_costs
from rhas.report.paper_tables.layout import make_tables
from rhas.report.paper_tables.runs import read_runs, write_runs


def make_record(table: str, row: str, method: str, seed: int, map_: float) -> RunRecord:
    test = {"acc": 50.0, "map": map_, "interval_f1_50": 20.0}
    return RunRecord(
        f"{method}-s{seed}-0", "0", table, row, seed, method, settings={"method": method},
        metrics={"test": test, "val": {"map": map_ + 1} if seed else {}},
        baselines={"test": {"constant_class": {"acc": 12.5}, "chance": {"acc": 0.7}}},
        model={"parameters": 1000 if method == "fact" else 9000},
    )  # fmt: skip


RESULTS = Results(
    title="A list",
    tables={"one": "Table 1", "two": "Table 2", "none": "Nothing yet"},
    experiments=[
        make_record("one", "FACT", "fact", 0, 10.0),
        make_record("one", "Ours | best", "hopadiff", 0, 20.0),
        make_record("one", "FACT", "fact", 1, 14.0),
        make_record("two", "FACT", "fact", 0, 1.0),
    ],
    missing=["none, FACT, seed 0"],
)
COSTS: Costs = {"length": 3000, "preset": "mini", "methods": {"fact": {"window_cpu_s": 0.2}}}


def test_markdown_has_mean_and_spread() -> None:
    text = format_markdown(RESULTS)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()]
    assert rows.count(
        ["FACT", "2", "50.0 ± 0.0", "–", "–", "–", "–", "12.0 ± 2.8", "20.0 ± 0.0", "–", "15.0"]
    ) == 1  # fmt: skip
    assert ["FACT", "1", "50.0", "–", "–", "–", "–", "1.0", "20.0", "–", "–"] in rows
    assert ["*one class everywhere*", "", "12.5"] in [row[:3] for row in rows]
    assert "Ours \\| best" in text
    assert "Nothing yet" not in text
    assert text.endswith("Not run: 1 of 5, those of `missing` in the JSON file.\n")


def test_answers_that_know_no_film_are_means_over_folds() -> None:
    records = [
        replace(
            make_record("one", "FACT", "fact", seed, 10.0),
            settings={"chunk.fold": fold},
            baselines={"test": {"nothing": {"acc": 20.0 + 10 * fold}}},
        )
        for seed in (0, 1)
        for fold in (0, 1)
    ]
    text = format_markdown(replace(RESULTS, tables={"one": "Folds"}, experiments=records))
    [line] = [line for line in text.splitlines() if "saying nothing" in line]
    assert line.split("|")[4].strip() == "25.0"
    assert "chance" not in text
    assert "cannot be compared" not in text


def test_rows_of_other_folds_are_told_apart() -> None:
    records = [
        replace(make_record("one", row, "fact", 0, 10.0), settings={"chunk.fold": fold})
        for row, folds in (("FACT", (0, 1)), ("begun", (0,)))
        for fold in folds
    ]
    text = format_markdown(replace(RESULTS, tables={"one": "Folds"}, experiments=records))
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    assert [line[1:4] for line in cells if line[1:2] in (["FACT"], ["begun"])] == [
        ["FACT", "1", "2"], ["begun", "1", "1"],
    ]  # fmt: skip
    assert "Rows of other folds cannot be compared" in text


def test_the_committed_costs_are_read() -> None:
    costs = read_costs(Path(__file__).resolve().parents[2] / "benchmarks" / "methods.json")
    assert {"hopadiff", "fact"} <= set(costs["methods"])


def test_a_picture_of_costs(tmp_path: Path) -> None:
    sizes = []
    for costs, name in ((None, "one.png"), (COSTS, "two.png")):
        draw_costs(RESULTS, costs, tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            sizes.append(picture.size)
    assert sizes[1][0] > 1.5 * sizes[0][0]


def test_the_tables_read_what_the_queue_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    runs = convert_to_runs(RESULTS, read_yaml())
    assert [(run.settings["method"], run.settings["seed"]) for run in runs] == [
        ("fact", 0), ("hopadiff", 0), ("fact", 1), ("fact", 0),
    ]  # fmt: skip
    assert runs[0].settings["overrides"] == {}
    assert runs[1].settings["overrides"]["bca"] is True
    write_runs(runs, tmp_path / "list.jsonl")
    assert read_runs(tmp_path / "list.jsonl") == runs
    assert make_tables(runs)


def test_a_picture_shows_the_folds_that_all_rows_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, float] = {}
    errorbar = Axes.errorbar

    def record(axes: Axes, x: float, y: float, **options: Any) -> Any:
        drawn[options["label"]] = y
        return errorbar(axes, x, y, **options)

    monkeypatch.setattr(Axes, "errorbar", record)
    folds = {"full": {0: 50.0, 1: 90.0}, "begun": {0: 40.0}}
    records = [
        replace(make_record("one", row, "fact", 0, map_), settings={"chunk.fold": fold})
        for row, own in folds.items()
        for fold, map_ in own.items()
    ]
    results = replace(RESULTS, tables={"one": "Folds"}, experiments=records)
    draw_costs(results, None, tmp_path / "a.png")
    assert drawn == {"full": 50.0, "begun": 40.0}
    draw_costs(replace(results, experiments=records[:2]), None, tmp_path / "a.png")
    assert drawn["full"] == 70.0
