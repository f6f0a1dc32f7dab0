"""benchmarks/paired.py on two persons, against the clean figures of repeated samples."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from replayed import Dice, Seer, evaluated, samples

from rhas.base.errors import RhasError
from rhas.chunk import Samples
from rhas.evaluate.fitted import FittedReadout
from rhas.metrics.readout import make_prediction
from rhas.metrics.segmentation import evaluate_predictions
from rhas.stores.scores import read_sample_scores

SCRIPT = str(Path(__file__).resolve().parents[2] / "benchmarks" / "paired.py")


@pytest.fixture(scope="module")
def paired() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(SCRIPT))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with what a method of chance said."""
    root = tmp_path_factory.mktemp("run")
    (root / "data").mkdir()
    evaluated(Dice(), samples(root / "data"), root / "results")
    return root


def repeated(root: Path, times: tuple[int, int]) -> list[float]:
    """The clean figures where the samples of each person are there so many times."""
    fitted = FittedReadout.read(root / "results" / "readout.json")
    stored = read_sample_scores(root / "results" / "scores.zarr", "test")
    scores = {item.sample: item.scores for item in stored}
    test = Samples(root / "data" / "samples", "test")
    truths, said = [], []
    for number, window in enumerate(test.samples):
        row = test[number]
        truth = row["labels"].numpy()[row["mask"].numpy()]
        own = scores[window.sample].astype(np.float32)
        prediction = make_prediction(own, np.asarray(fitted.thresholds), fitted.readout)
        truths += [truth] * times[window.person]
        said += [prediction] * times[window.person]
    found = asdict(evaluate_predictions(truths, said).metrics)
    return [found[name] for name in ("acc", "edit", "f1_50", "map", "interval_f1_50")]


@pytest.mark.parametrize("times", [(1, 1), (2, 1), (0, 1), (3, 0)])
def test_weights_are_repeated_persons(
    paired: SimpleNamespace, run: Path, times: tuple[int, int]
) -> None:
    said = paired.read_scores(run, "test")
    assert said.people == (("t", 0), ("t", 1))
    assert said.figures(np.asarray(times)) == pytest.approx(repeated(run, times))


def test_the_better_row_is_above_in_every_draw(
    paired: SimpleNamespace, run: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    evaluated(Seer(), samples(tmp_path / "data"), tmp_path / "results")
    chance, good = paired.read_scores(run, "test"), paired.read_scores(tmp_path, "test")
    figures = paired.draw_samples({"full": [chance], "good": [good, good], "same": [chance]}, 40)
    found = paired.compare_rows(figures, "full")
    assert set(found) == {"good", "same"}
    acc = found["good"]["acc"]
    once = np.ones(2, np.int64)
    assert acc["above"] == pytest.approx(good.figures(once)[0] - chance.figures(once)[0])
    assert 0 < acc["low"] <= acc["above"] <= acc["high"]
    assert all(v == {"above": 0.0, "low": 0.0, "high": 0.0} for v in found["same"].values())
    assert paired.format_table(found).splitlines()[1].count("*") == 5
    assert "*" not in paired.format_table(found).splitlines()[2]


def test_other_people_are_refused(paired: SimpleNamespace, run: Path) -> None:
    said = paired.read_scores(run, "test")
    stranger = paired.Said((("t", 0), ("u", 0)), said.sums, said.edits, said.ranked)
    with pytest.raises(RhasError, match="different people"):
        paired.draw_samples({"full": [said], "other": [stranger]}, 1)


def listed(run: Path, commit: str, **changed: Any) -> Path:
    metrics = json.loads((run / "results" / "evaluation.json").read_text("utf-8"))
    metrics["test"].update(changed)
    experiments = [
        {"table": "t", "row": row, "seed": 0, "name": row, "commit": commit, "metrics": metrics}
        for row in ("full", "half")
    ]
    path = run / "list.json"
    path.write_text(json.dumps({"experiments": experiments}), "utf-8")
    return path


def test_experiments_are_read_from_dvc(
    paired: SimpleNamespace, run: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(run)
    dvc = [sys.executable, "-m", "dvc"]
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    for command in (
        ["git", "init", "-q"], [*dvc, "init", "-q"],
        [*dvc, "add", "-q", *paired.READ],
        [*git, "add", "-A"], [*git, "commit", "-qm", "m"],
    ):  # fmt: skip
        subprocess.run(command, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    options = ["--table", "t", "--resamples", "3"]

    def printed(path: Path, *more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["paired.py", str(path), *options, *more])
        runpy.run_path(SCRIPT, run_name="__main__")
        return capsys.readouterr().out

    commit = head.stdout.strip()
    found = json.loads(printed(listed(run, commit), "--json"))
    assert found["rows"]["half"]["map"] == {"above": 0.0, "low": 0.0, "high": 0.0}
    assert printed(listed(run, commit)).splitlines()[1].startswith("half")
    for wrong, changed, message in (
        (commit, {"acc": 1.0}, "not those of the file"),
        ("0" * 40, {}, "not here"),
    ):
        with pytest.raises(SystemExit):
            printed(listed(run, wrong, **changed))
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        printed(listed(run, commit), "--row", "none")
    assert "full, half" in capsys.readouterr().err
