"""The paper's tables with our runs in them."""

from __future__ import annotations

import csv
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.methods import METHODS as OWN
from rhas.report.paper_tables.layout import (
    FIGURES,
    METHODS,
    SWITCHES,
    Table,
    make_table,
    make_tables,
    read_paper,
)
from rhas.report.paper_tables.runs import Run
from rhas.report.paper_tables.text import format_tables


def run(seed: int = 0, method: str = "hopadiff", acc: float = 50.0, **settings: Any) -> Run:
    """A run of Table 3's settings unless told otherwise; as published it has half its figures."""
    figures = {key: acc + n for n, key in enumerate(FIGURES)} | {"map": 10.0}
    side = {**figures, "as_published": {key: figures[key] / 2 for key in FIGURES}}
    others = {"dataset": "mini", "train.epochs": 30, **settings.pop("others", {})}
    usual = {"split": "cross_movie", "vlm": "blip2", "frame_len": 3000, "preset": "mini"}
    constant = {"acc": 12.0, "as_published": {"f1_50": 91.0}}
    return Run(
        {**usual, "overrides": {}, **settings, "method": method, "seed": seed, "others": others},
        {"val": side, "test": side}, f"{method}-{seed}",
        {"test": {"nothing": {"acc": 37.0}, "constant_class": constant, "chance": {"acc": 1.0}}},
    )  # fmt: skip


def row(table: Table, label: str, source: str = "ours") -> Any:
    (found,) = [row for row in table.rows if (row.label, row.source) == (label, source)]
    return found


def test_the_papers_figures_are_the_papers(shared: Path) -> None:
    """Every line of its tables, found in its text."""
    text = (shared / "paper" / "hopadiff.txt").read_text("utf-8")
    spelt = {"HopaDIFF": "Ours", "LTContext": "LTContent"}
    blocks = re.findall(r"^Method\t.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(read_paper()["tables"]) == 5
    for block, table in zip(blocks, read_paper()["tables"].values(), strict=True):
        lines = [line.split("\t") for line in block.splitlines() if re.search(r"\d\.\d", line)]
        printed = {re.sub(r" \[\d+\]", "", parts[0]): parts[1:11] for parts in lines}
        ours = {
            spelt.get(name, name): [f"{value:.2f}" for side in sides.values() for value in side]
            for name, sides in table["rows"].items()
        }
        assert ours == printed


def test_folds_are_averaged_within_their_seed() -> None:
    """Cross-validation is in the cross-movie tables; beside plain runs a row of its own."""
    accs = {0: [50.0, 60.0, 70.0], 1: [62.0, 62.0, 71.0]}
    runs = [
        run(seed, acc=acc, split="folds", others={"chunk.fold": fold})
        for seed, values in accs.items()
        for fold, acc in enumerate(values)
    ]
    table = make_table(3, runs, "clean")
    mine = row(table, "HopaDIFF")
    assert mine.runs == 6
    assert mine.cells["test", "acc"].mean == pytest.approx(62.5)
    assert mine.cells["test", "acc"].spread == pytest.approx(statistics.stdev([60, 65]))
    assert "mean over 3 folds by film" in table.notes[0]
    assert row(table, "nothing", "nothing").cells["test", "acc"].spread is None
    assert "rows of other folds are of other films, and not comparable" not in table.notes
    begun = run(method="fact", split="folds", others={"chunk.fold": 0})
    uneven = make_table(3, [*runs, begun], "as_published").notes
    assert "mean over 1 or 3 folds by film" in uneven[0]
    assert "rows of other folds are of other films, and not comparable" in uneven
    mixed = make_table(3, [*runs, run(acc=90.0)], "clean")
    assert "mean over 3 folds by film" in mixed.notes[0]
    assert row(mixed, "HopaDIFF").runs == 6
    assert row(mixed, "HopaDIFF, split=cross_movie").cells["test", "acc"].mean == 90.0


def test_the_preset_is_usual_even_where_most_runs_differ() -> None:
    changed = [run(seed, acc=40.0, overrides={"linear_path": False}) for seed in range(3)]
    table = make_table(5, [run(acc=70.0), *changed], "clean")
    assert row(table, "HopaDIFF").cells["test", "acc"].mean == 70.0
    assert row(table, "HopaDIFF, overrides.linear_path=false").runs == 3


def test_seeds_are_one_row_with_mean_and_spread() -> None:
    accs = [50.0, 53.0, 51.0]
    runs = [run(seed, acc=acc) for seed, acc in enumerate(accs)]
    clean = make_table(3, runs, "clean")
    mine = row(clean, "HopaDIFF")
    assert mine.runs == 3
    assert mine.cells["test", "acc"].mean == pytest.approx(statistics.fmean(accs))
    assert mine.cells["test", "acc"].spread == pytest.approx(statistics.stdev(accs))
    assert row(clean, "HopaDIFF", "paper").cells["test", "f1_50"].mean == 89.26
    published = make_table(3, runs, "as_published")
    assert row(published, "HopaDIFF").cells["val", "edit"].mean == pytest.approx(
        (statistics.fmean(accs) + 1) / 2
    )
    assert row(published, "constant class", "constant").cells["test", "f1_50"].mean == 91.0
    assert row(published, "constant class", "constant").cells["test", "f1_50"].spread is None


def test_one_run_has_no_spread_and_the_unmeasured_is_absent() -> None:
    clean = make_table(3, [run()], "clean")
    assert row(clean, "HopaDIFF").cells["test", "acc"].spread is None
    assert row(clean, "FACT").cells == {}
    assert ("test", "f1_50") not in row(clean, "constant class", "constant").cells
    assert row(clean, "FACT").runs == 0


@pytest.mark.parametrize(
    ("number", "settings"),
    [
        (2, {"split": "random"}),
        (3, {}),
        (4, {"split": "random", "vlm": "clip"}),
        (6, {"frame_len": 2000}),
    ],
)
def test_a_run_stands_in_the_table_of_its_settings(number: int, settings: dict[str, Any]) -> None:
    runs = [run(method="fact", **settings)]
    there = [
        table.number for table in make_tables(runs) if row_runs(table, "FACT") and table.number != 5
    ]
    assert there == [number, number]


def row_runs(table: Table, label: str) -> int:
    return sum(row.runs for row in table.rows if row.label == label)


@pytest.mark.parametrize(
    ("overrides", "label"),
    [
        ({}, "HopaDIFF"),
        ({"partial_branch": True, "bca": True}, "HopaDIFF"),
        ({"partial_branch": False}, "w/o HCMGB"),
        ({"partial_branch": False, "bca": False}, "w/o HCMGB"),
        ({"hp_xlstm": False}, "w/o HP-XLSTM"),
        ({"bca": False}, "w/o BCAF"),
        ({"dft_condition": False}, "w/o DFT-cond"),
        (dict.fromkeys(SWITCHES, False), "w/o all"),
        ({"hp_xlstm": False, "dft_condition": False}, "w/o HP-XLSTM, DFT-cond"),
    ],
)
def test_ablations(overrides: dict[str, bool], label: str) -> None:
    runs = [run(overrides=overrides), run(method="fact")]
    assert row(make_table(5, runs, "clean"), label).runs == 1
    assert row_runs(make_table(5, runs, "clean"), "FACT") == 0
    alone = row_runs(make_table(3, runs, "clean"), "HopaDIFF")
    assert alone == (label == "HopaDIFF")  # an ablation is not the method


def test_other_settings_are_rows_of_their_own() -> None:
    runs = [
        run(0), run(1, acc=52.0), run(0, acc=70.0, others={"ground.backend": "truth"}),
        run(0, acc=30.0, overrides={"stride": 2}), run(0, acc=80.0, preset="paper"),
    ]  # fmt: skip
    table = make_table(3, runs, "clean")
    assert row(table, "HopaDIFF").runs == 2
    assert row(table, "HopaDIFF, ground.backend=truth").cells["test", "acc"].mean == 70.0
    assert row(table, "HopaDIFF, overrides.stride=2").cells["test", "acc"].mean == 30.0
    assert row(table, "HopaDIFF, train.preset=paper").cells["test", "acc"].mean == 80.0


def test_settings_that_differ_between_methods_are_told() -> None:
    table = make_table(3, [run(), run(method="fact", others={"train.epochs": 50})], "clean")
    assert "not the same for all of ours: train.epochs" in table.notes
    assert any("data set mini, preset mini, seed 0" in note for note in table.notes)


def test_a_method_that_the_paper_lacks_comes_after_its_own() -> None:
    table = make_table(3, [run(method="linear")], "clean")
    labels = [row.label for row in table.rows]
    assert labels.index("linear") == labels.index("HopaDIFF") + 2
    assert set(OWN) - {"linear", "linear_window", "zero_shot"} <= set(METHODS)


def test_every_format_has_every_figure() -> None:
    runs = [run(0), run(1, acc=52.0), run(method="a|b_c & co")]
    tables = make_tables(runs, [3], ["map"])
    markdown = format_tables(tables, "markdown")
    assert "51.0 ± 1.4" in markdown
    assert r"a\|b_c & co" in markdown
    widths = {len(line) for line in markdown.split("###")[1].splitlines() if line[:1] == "|"}
    assert len(widths) == 1
    lines = list(csv.DictReader(format_tables(tables, "csv").splitlines()))
    (mine,) = [
        line for line in lines if line["method"] == "HopaDIFF" and line["source"] == "ours"
        and line["evaluator"] == "clean"
    ]  # fmt: skip
    assert (mine["test_acc"], mine["test_acc_sd"], mine["runs"]) == ("51.0000", "1.4142", "2")
    assert (mine["test_map"], mine["test_map_sd"]) == ("10.0000", "0.0000")
    assert {line["val_f1_10"] for line in lines if line["method"] == "ASQuery"} == {"", "34.3900"}
    latex = format_tables(tables, "latex")
    assert r"a|b\_c \& co" in latex
    assert r"51.0 $\pm$ 1.4" in latex
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows if "multicolumn" not in line} == {
        14, 12,
    }  # fmt: skip
    values = json.loads(format_tables(tables, "json"))
    assert [table["evaluator"] for table in values] == ["clean", "as_published"]
    shown = [line for line in values[0]["rows"] if line["method"] == "FACT"]
    assert shown[0]["test"]["acc"] is None
    assert shown[1]["test"]["acc"] == {"mean": 27.89, "spread": None}


def test_no_cell_of_a_csv_table_is_a_formula() -> None:
    tables = make_tables([run(0, method="=1+1")], [3], ["map"])
    lines = list(csv.DictReader(format_tables(tables, "csv").splitlines()))
    assert any(line["method"] == "'=1+1" for line in lines)
    assert not any(cell.startswith("=") for line in lines for cell in line.values())


def test_what_does_not_exist() -> None:
    with pytest.raises(RhasError, match="no such table"):
        make_tables([], [7])
    with pytest.raises(RhasError, match="no such figure"):
        make_tables([], [3], ["mapp"])
