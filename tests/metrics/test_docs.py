"""The numbers of docs/METRICS.md, computed from that page."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.baselines import evaluate_top_class
from rhas.metrics.published import evaluate_as_published
from rhas.metrics.readout import find_top_class
from rhas.metrics.segmentation import Prediction, evaluate_predictions

PAGE = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text("utf-8")
CLASSES = ("walk", "wave", "sit", "jump")


def strip(kind: str) -> NDArray[np.bool_]:
    """(10, 4) from the rows of the example's block that begin with ``kind``."""
    made = np.zeros((10, len(CLASSES)), bool)
    rows = re.findall(rf"^{kind} (\w+) +([x. ]+)$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for name, marks in rows:
        made[:, CLASSES.index(name)] = [mark == "x" for mark in marks.split()]
    return made


def test_the_worked_example() -> None:
    truth, said = strip("true"), strip("predicted")
    scores = said.astype(float)
    prediction = Prediction(scores, said, find_top_class(scores, said))
    metrics = asdict(evaluate_predictions([truth], [prediction]).metrics)
    section = PAGE.split("### Worked example")[1].split("## As published")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", section, re.MULTILINE))
    assert shown.keys() == {"acc", "edit", "f1_50", "interval_f1_50", "label_set_iou", "map"}
    assert shown == {name: f"{metrics[name]:.2f}" for name in shown}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_class_everywhere(dtype: type[np.floating]) -> None:
    truth = np.zeros((20, 2))
    truth[0, 0] = truth[1:, 1] = 1
    scores = np.array([1.0, 0.0]) + 1e-6 * np.random.default_rng(0).random((20, 2))
    figures = {
        "`as_published`": evaluate_as_published([truth], [scores.astype(dtype)]),
        "this project's": evaluate_top_class([truth], [scores.astype(dtype)]),
    }
    for name, row in figures.items():
        assert f"| {name} | {row.acc:.2f} | {row.f1_50:.2f} |" in PAGE


def test_the_defaults_are_those_of_the_code() -> None:
    config = ReadoutConfig()
    assert f"({config.median} frames)" in PAGE
    assert f"shorter than {config.min_frames} frames" in PAGE
    assert f"gets {config.default_threshold};" in PAGE


def test_the_example_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    shown = capsys.readouterr().out.splitlines()
    assert f"# {shown[0]}" in PAGE
    assert shown[1] == "[100. 100.]"
