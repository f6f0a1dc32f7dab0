"""benchmarks/kinds.py: average precision by kind of class."""

from __future__ import annotations

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

SCRIPT = str(Path(__file__).resolve().parents[2] / "benchmarks" / "kinds.py")


@pytest.fixture(scope="module")
def kinds() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(SCRIPT))


def make_record(row: str, seed: int, fold: int, classes: dict[str, float] | None) -> RunRecord:
    return RunRecord(
        "x", "c", "table_3", row, seed, "hopadiff", {"chunk.fold": fold}, {}, None, None,
        classes=classes,
    )  # fmt: skip


def test_kinds_average_their_classes_then_seeds(kinds: SimpleNamespace) -> None:
    records = [
        make_record("a", 0, 0, {"talking": 10.0, "listening": 30.0, "walking": 80.0}),
        make_record("a", 1, 0, {"talking": 20.0, "listening": 40.0, "walking": 90.0}),
        make_record("a", 0, 1, {"walking": 60.0}),
        make_record("a", 1, 1, {"walking": 70.0}),
    ]
    folds, figures = kinds.read_folds(records, "a")
    nothing = float("nan")
    assert folds == [0, 1]
    talked = 15.0  # "talking" looks the same as "shouting": it depends on before as well
    assert figures == pytest.approx(
        np.array([[45.0, 25.0, talked, 85.0], [65.0, nothing, nothing, 65.0]]), nan_ok=True
    )


def test_intervals_are_the_paired_t_test_over_folds(kinds: SimpleNamespace) -> None:
    a, b = np.random.default_rng(0).normal(50, 5, (2, 5))
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    expected = f"{(a - b).mean():+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"
    assert kinds.format_difference(a, b) == expected


def test_the_table(
    kinds: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    records = [
        make_record(row, 0, fold, {"talking": 20.0 + 4 * fold + gain, "walking": 60.0})
        for row, gain in (("HopaDIFF", 0.0), ("other", -2.0))
        for fold in range(3)
    ]
    records.append(make_record("HopaDIFF", 0, 3, {"talking": 90.0}))  # a fold of one row only
    path = tmp_path / "list.json"
    write_json(path, asdict(Results("t", {"table_3": "f"}, records, [])))
    monkeypatch.setattr(sys, "argv", ["kinds.py", str(path)])
    kinds.main()
    head, _, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("| frame mAP, 3 folds of 4 |")
    assert first.startswith("| HopaDIFF | 42.0 | 24.0 |")
    assert "| 22.0, -2.0 [-2.0, -2.0] |" in second


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([make_record("HopaDIFF", 0, 0, None)], "no average precision by class"),
        ([make_record("HopaDIFF", 0, 0, {"a": 1.0})] * 2, "stands twice"),
        (
            [make_record("HopaDIFF", s, f, {"a": 1.0}) for s, f in ((0, 0), (1, 0), (0, 1))],
            "folds of some seeds only",
        ),
    ],
)
def test_records_that_cannot_be_compared(
    kinds: SimpleNamespace, records: list[RunRecord], message: str
) -> None:
    with pytest.raises(RhasError, match=message):
        kinds.read_folds(records, "HopaDIFF")
