"""benchmarks/paired.py: differences between rows, film by film."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.experiments.records import Results, RunRecord

SCRIPT = str(Path(__file__).resolve().parents[2] / "benchmarks" / "paired.py")
FIGURES = ("acc", "edit", "f1_50", "map", "interval_f1_50")


@pytest.fixture(scope="module")
def paired() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(SCRIPT))


def make_record(
    row: str, seed: int, films: dict[str, dict[str, float]] | None, name: str = "x"
) -> RunRecord:
    return RunRecord(name, "c", "table_5", row, seed, "hopadiff", {}, {}, None, None, films=films)


def make_films(values: dict[str, float]) -> dict[str, dict[str, float]]:
    return {movie: dict.fromkeys(FIGURES, value) for movie, value in values.items()}


def test_one_seed_is_the_paired_t_test(paired: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(70, 10, (2, 1, 12, 5))
    a[0, 3, 3] = np.nan  # a film without a labelled frame has no frame mAP
    for number, difference in enumerate(paired.compare_cubes(a, b)):
        known = ~np.isnan(a[0, :, number])
        expected = stats.ttest_rel(a[0, known, number], b[0, known, number])
        interval = expected.confidence_interval(0.95)
        assert difference.p == pytest.approx(expected.pvalue)
        assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))


def test_seeds_that_disagree_widen_the_interval(paired: SimpleNamespace) -> None:
    """Films all agree; seeds are 2 points apart: the variance is that of seeds alone."""
    other = np.zeros((1, 6, 5))
    row = np.stack([np.full((6, 5), 4.0), np.full((6, 5), 6.0)])
    difference = paired.compare_cubes(row, other)[0]
    error = np.sqrt(2 / 2)  # variance 2 over two seeds
    assert difference.above == 5
    assert difference.high - 5 == pytest.approx(stats.t.ppf(0.975, 1) * error)
    assert difference.p == pytest.approx(2 * stats.t.sf(5 / error, 1))


def test_a_difference_of_that_size_is_found_four_times_in_five(paired: SimpleNamespace) -> None:
    rng = np.random.default_rng(1)
    films, spread = 30, 5.0
    true = (stats.t.ppf(0.975, films - 1) + stats.t.ppf(0.8, films - 1)) * spread / films**0.5
    drawn = rng.normal(true, spread, (400, 1, films, 5))
    zero = np.zeros((1, films, 5))
    every = [difference for cube in drawn for difference in paired.compare_cubes(cube, zero)]
    assert np.mean([d.p < 0.05 for d in every]) == pytest.approx(0.8, abs=0.03)
    assert np.median([d.found for d in every]) == pytest.approx(true, rel=0.03)


def test_films_needed_follow_from_the_spread(paired: SimpleNamespace) -> None:
    """SD 5 over films: 1 point needs (2.80 · 5)² films; with as many it is found 4 times in 5."""
    rng = np.random.default_rng(2)
    row = rng.normal(0, 5, (1, 4000, 5))
    zero = np.zeros_like(row)
    assert paired.count_films(row, zero, 1.0, 1) == pytest.approx((2.80 * 5) ** 2, rel=0.05)
    noisy = np.stack([row[0], row[0] + 3])  # seeds 3 points apart: variance 4.5
    assert paired.count_films(noisy, zero, 1.0, 2) == float("inf")
    more = paired.count_films(noisy, zero, 1.0, 100)
    assert more == pytest.approx(25 / ((1 / 2.80) ** 2 - 4.5 / 100), rel=0.05)


def test_holm_corrects_for_all_comparisons(paired: SimpleNamespace) -> None:
    make = paired.Difference
    values = {"a": [make(1, 0, 2, 0.01, 1), make(1, 0, 2, 0.04, 1)], "b": [make(1, 0, 2, 0.02, 1)]}
    found = paired.correct_by_holm(values)  # 0.01 <= 0.05/3, 0.02 <= 0.05/2, 0.04 <= 0.05
    assert not any(d.chance for own in found.values() for d in own)
    values["b"] = [make(1, 0, 2, 0.03, 1)]  # 0.03 > 0.05/2: it stops there
    assert [d.chance for own in paired.correct_by_holm(values).values() for d in own] == [
        False, True, True,
    ]  # fmt: skip


def test_the_table_of_a_file(
    paired: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Two folds, two seeds; the row `better` is 10 points above everywhere, `same` is the same."""
    rng = np.random.default_rng(0)
    records = []
    for seed in (0, 1):
        for fold in ("ab", "cd"):
            films = {movie: float(rng.normal(50, 5)) for movie in fold}
            for row, more in (("full", 0.0), ("better", 10.0), ("same", 0.0)):
                shifted = {movie: value + more for movie, value in films.items()}
                records.append(make_record(row, seed, make_films(shifted)))
    path = tmp_path / "list.json"
    write_json(path, asdict(Results("", {"table_5": "t"}, records, [])))
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path), "--json"])
    paired.main()
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {name: value["map"]["above"] for name, value in rows.items()} == {
        "better": pytest.approx(10), "same": 0,
    }  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path)])
    paired.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "4 films, seeds: 2, 10 comparisons"
    assert "*" not in next(line for line in printed if line.startswith("same"))
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path), "--row", "none"])
    with pytest.raises(RhasError, match="unknown row 'none'"):
        paired.main()


def test_films_of_some_rows_only_are_left_out_and_counted(
    paired: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`full` has two folds, `begun` one; the film order of the rows differs."""
    records = [
        make_record("full", 0, make_films({"a": 1, "b": 2})),
        make_record("full", 0, make_films({"c": 90})),
        make_record("begun", 0, make_films({"b": 12, "a": 11})),
    ]
    path = tmp_path / "list.json"
    write_json(path, asdict(Results("", {"table_5": "t"}, records, [])))
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path)])
    paired.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("2 films (1 more that some rows were not tested on)")
    assert "+10.0 [+10.0, +10.0]" in next(line for line in printed if line.startswith("begun"))
    records.append(make_record("done", 0, make_films({"a": 1, "b": 2, "c": 93})))
    write_json(path, asdict(Results("", {"table_5": "t"}, records, [])))
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path), "--rows", "done"])
    paired.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("3 films, seeds")
    assert not any(line.startswith("begun") for line in printed)
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path), "--rows", "none"])
    with pytest.raises(RhasError, match="unknown row 'none'"):
        paired.main()
    monkeypatch.setattr(sys, "argv", ["paired.py", str(path)])
    records[2] = make_record("begun", 0, make_films({"a": 11}))
    write_json(path, asdict(Results("", {"table_5": "t"}, records, [])))
    with pytest.raises(RhasError, match=r"(?s)fewer than two films that all rows.*begun: 1"):
        paired.main()


def test_what_cannot_be_compared_is_refused(paired: SimpleNamespace) -> None:
    films = make_films({"a": 1, "b": 2})
    with pytest.raises(RhasError, match="no metrics by film"):
        paired.read_row([make_record("r", 0, None)], "r")
    with pytest.raises(RhasError, match="test twice"):
        paired.read_row([make_record("r", 0, films), make_record("r", 0, films)], "r")
    with pytest.raises(RhasError, match="films of some seeds only"):
        paired.read_row([make_record("r", 0, films), make_record("r", 1, {"a": films["a"]})], "r")
    with pytest.raises(RhasError, match="fewer than two films"):
        paired.compare_cubes(np.zeros((1, 1, 5)), np.zeros((1, 1, 5)))
