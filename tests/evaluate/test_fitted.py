from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.evaluate.fitted import FittedReadout, Provenance
from rhas.metrics.calibration import Calibration, fit_calibration

ORIGIN = Provenance("0" * 64, "blip2", "1" * 64, 15.0)


def test_calibration_finds_how_often_scores_are_true() -> None:
    """Scores that claim the square root of what is true."""
    rng = np.random.default_rng(0)
    scores = rng.random((4000, 20)).astype(np.float32)
    truth = rng.random((4000, 20)) < scores**2
    made = fit_calibration([truth[:1000], truth[1000:]], [scores[:1000], scores[1000:]], median=1)
    asked = np.linspace(0.05, 0.95, 10)
    assert np.abs(made(asked) - asked**2).max() < 0.03
    assert (np.diff(made(np.linspace(0, 1, 500))) >= 0).all()


def test_calibration_without_any_truth_is_zero() -> None:
    made = fit_calibration([np.zeros((30, 2))], [np.full((30, 2), 0.7, np.float32)], median=3)
    assert made(np.array([0.0, 0.7, 1.0])).tolist() == [0, 0, 0]


def test_a_read_out_comes_back_exactly(tmp_path: Path) -> None:
    calibration = Calibration((0.1, 0.7), (0.0, 1 / 3))
    made = FittedReadout(ORIGIN, ("a", "b"), ReadoutConfig(), (1 / 3, 1.0009765625), calibration)
    made.write(tmp_path / "readout.json")
    assert FittedReadout.read(tmp_path / "readout.json") == made
    bare = FittedReadout(ORIGIN, ("a",), ReadoutConfig(median=1), (0.5,), None)
    bare.write(tmp_path / "readout.json")
    assert FittedReadout.read(tmp_path / "readout.json") == bare


@pytest.mark.parametrize(
    "change",
    [
        {"thresholds": [0.5]},
        {"calibration": {"score": [0.5, 0.1], "true": [0, 1]}},
        {"calibration": {"score": [0.5], "true": []}},
        {"readout": {"median": 4}},
        {"unheard": 1},
    ],
)
def test_a_read_out_that_makes_no_sense_is_refused(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "readout.json"
    FittedReadout(ORIGIN, ("a", "b"), ReadoutConfig(), (0.5, 0.5), None).write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RhasError):
        FittedReadout.read(path)
    path.write_text("{")
    with pytest.raises(RhasError, match="not JSON"):
        FittedReadout.read(path)
