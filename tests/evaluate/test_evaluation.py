from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from replayed import (
    FIGURES,
    HUG,
    ORIGIN,
    POWER,
    REPLAYED,
    SIT,
    WALK,
    WAVE,
    C,
    Constant,
    Dice,
    L,
    Seer,
    evaluated,
    read,
    samples,
)
from torch import Tensor

import rhas.evaluate.evaluation
from rhas.base.errors import RhasError
from rhas.chunk import Samples
from rhas.config.evaluate import EvaluateConfig, ReadoutConfig
from rhas.data.annotations import TimedAction, read_annotations
from rhas.evaluate.fitted import FittedReadout
from rhas.evaluate.scoring import sample_generator, score_samples
from rhas.metrics.calibration import fit_calibration
from rhas.metrics.published import evaluate_as_published, make_constant_scores
from rhas.metrics.readout import fit_thresholds
from rhas.stores.scores import read_sample_scores


class Broken:
    """Good scores with something done to those of the samples of movie t."""

    def __init__(self, harm: Callable[[Tensor], Tensor]) -> None:
        self.harm, self.calls = harm, 0

    def compute_scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        self.calls += 1
        good = torch.full((*batch["mask"].shape, C), 0.5)
        return good if self.calls <= 6 else self.harm(good)  # 6 val samples come first


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def seen(made: Path) -> Path:
    """``results`` of a method that knows the truth."""
    evaluated(Seer(), made, made.parent / "seen")
    return made.parent / "seen"


def truths_of(folder: Path, split: str) -> list[np.ndarray]:
    side = Samples(folder, split)
    return [row["labels"][row["mask"]].numpy() for row in map(side.__getitem__, range(len(side)))]


def test_perfect_scores_give_100s(seen: Path) -> None:
    metrics = read(seen / "evaluation.json")
    assert metrics.keys() == {"val", "test"}
    for side in metrics.values():
        assert side.keys() == {*FIGURES, "as_published"}
        assert {side[name] for name in FIGURES} == {100}
        assert side["as_published"].keys() == {"acc", "edit", "f1_10", "f1_25", "f1_50"}
    baselines = read(seen / "baselines.json")
    assert baselines.keys() == {"val", "test"}
    for side in baselines.values():
        for other in ("constant_class", "chance"):
            assert side[other].keys() == {*FIGURES, "as_published"}
            assert side[other]["acc"] < 90
        assert side["nothing"].keys() == {*FIGURES}
        assert side["nothing"]["interval_f1_50"] == 0


def test_metrics_json_is_made_for_a_screen(seen: Path) -> None:
    whole, shown = read(seen / "evaluation.json"), read(seen / "metrics.json")
    assert shown.keys() == whole.keys()
    for side, values in shown.items():
        assert list(values) == sorted(("acc", "edit", "f1_10", "f1_25", "f1_50", "map"))
        assert values.items() <= whole[side].items()


def test_the_report_counts(seen: Path, made: Path) -> None:
    report = read(seen / "report.json")
    truth = np.concatenate(truths_of(made, "test"))
    assert {**report["test"], "other_means": None} == {
        "samples": 6, "frames": 500, "background_frames": int((truth.sum(axis=1) == 0).sum()),
        "frames_without_crop": 60, "persons_without_crop": [], "constant_class": "walking",
        "other_means": None,
    }  # fmt: skip
    assert set(report["test"]["other_means"].values()) == {100}
    assert len(report["classes_with_default_threshold"]) == C - 3


def test_the_read_out_is_the_one_that_was_fitted_on_val(seen: Path, made: Path) -> None:
    fitted = FittedReadout.read(seen / "readout.json")
    truths = truths_of(made, "val")
    assert fitted.origin == ORIGIN
    assert fitted.readout == ReadoutConfig()
    scores = [truth.astype(np.float32) for truth in truths]  # what the seer says
    assert fitted.thresholds == tuple(fit_thresholds(truths, scores, ReadoutConfig()).tolist())
    assert fitted.calibration == fit_calibration(truths, scores, ReadoutConfig().median)
    assert fitted.calibration is not None
    assert fitted.calibration(np.array([0.0, 1.0])).tolist() == pytest.approx([0, 1], abs=0.02)


def test_the_report_names_who_is_never_found(tmp_path: Path) -> None:
    evaluated(Seer(), samples(tmp_path, found=False), tmp_path / "out")
    report = read(tmp_path / "out" / "report.json")
    assert report["test"]["persons_without_crop"] == ["t person 0", "t person 1"]
    assert report["test"]["frames_without_crop"] == 500


def test_further_entries_take_their_places_with_the_others(made: Path, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError("no space left")

    def write(folder: Path) -> None:
        (folder / "further.txt").write_text("hello")

    with pytest.raises(OSError, match="no space left"):
        evaluated(Seer(), made, tmp_path, further=[write, fail])
    assert not list(tmp_path.iterdir())
    evaluated(Seer(), made, tmp_path, further=[write])
    assert (tmp_path / "further.txt").read_text() == "hello"


def test_the_files_are_those_declared(seen: Path) -> None:
    assert sorted(path.name for path in seen.iterdir()) == [
        "baselines.json", "evaluation.json", "films.csv", "intervals.csv", "metrics.json",
        "per_class.csv", "persons.csv", "plots", "readout.json", "report.json", "scores.zarr",
        "timelines",
    ]  # fmt: skip
    assert sorted(path.name for path in (seen / "plots").iterdir()) == [
        "average_precision.csv", "confusion.csv", "reliability.csv"
    ]  # fmt: skip
    assert sorted(path.name for path in (seen / "timelines").iterdir()) == [
        "t_person_000.png", "t_person_001.png"
    ]  # fmt: skip


def test_predicted_intervals_are_annotations(seen: Path, tmp_path: Path) -> None:
    """In the format of annotations.csv, across the ends of windows, and here equal to the truth."""
    shutil.copy(seen / "intervals.csv", tmp_path / "annotations.csv")
    said = read_annotations(tmp_path)
    wanted = [TimedAction("t", person, *action) for person in (0, 1) for action in REPLAYED]
    assert said == sorted(wanted, key=lambda row: (row.person, row.start_s))
    scores = {row["score"] for row in table(seen / "intervals.csv")}
    assert scores == {"1.0000"}


def test_the_stored_scores_are_the_methods(made: Path, tmp_path: Path) -> None:
    evaluated(Dice(), made, tmp_path)
    side = Samples(made, "test")
    stored = {s.sample: s for s in read_sample_scores(tmp_path / "scores.zarr", "test")}
    assert set(stored) == {window.sample for window in side.samples}
    assert len(list(read_sample_scores(tmp_path / "scores.zarr", "val"))) == 6
    window = side.samples[2]
    found = stored[window.sample]
    assert (found.movie, found.person, found.start, found.stop) == ("t", 0, 200, 250)
    drawn = torch.rand(1, L, C, generator=sample_generator(0, window.sample))[0, :50] ** POWER
    assert np.array_equal(found.scores, drawn.numpy().astype(np.float16))


def test_a_constant_prediction_gets_the_row_of_the_constant_class(
    made: Path, tmp_path: Path
) -> None:
    metrics = evaluated(Constant(), made, tmp_path)
    truths = truths_of(made, "test")
    counted = np.sum([truth.sum(axis=0) for truth in truths], axis=0)
    assert counted.argmax() == WALK
    baselines = read(tmp_path / "baselines.json")
    for split, side in metrics.items():
        row = baselines[split]["constant_class"]
        for name in FIGURES - {"map"}:  # its other classes have noise for scores
            assert side[name] == row[name], name
        assert side["acc"] == pytest.approx(100 * counted[WALK] / 500)
        # one score everywhere: the precision of each class is its share of the frames
        assert side["map"] == pytest.approx(100 * counted[[WALK, WAVE, SIT]].mean() / 500, abs=1e-4)
    published = evaluate_as_published(truths, make_constant_scores(truths)[1])
    assert baselines["test"]["constant_class"]["as_published"] == {
        name: round(value, 4) for name, value in asdict(published).items()
    }


def test_equal_input_gives_equal_bytes(made: Path, seen: Path, tmp_path: Path) -> None:
    evaluated(Seer(), made, tmp_path)
    assert contents(tmp_path) == contents(seen)


def test_neither_order_nor_company_changes_a_sample(made: Path, tmp_path: Path) -> None:
    evaluated(Dice(), made, tmp_path / "all")
    for name, order in (("reversed", slice(None, None, -1)), ("alone", slice(8, 9))):
        folder = tmp_path / name
        shutil.copytree(made, folder)
        header, *lines = (folder / "index.csv").read_text().splitlines()
        (folder / "index.csv").write_text("\n".join([header, *lines[order]]) + "\n")
        evaluated(Dice(), folder, tmp_path / f"{name} results")
    one, other = contents(tmp_path / "all"), contents(tmp_path / "reversed results")
    figures = [
        {side: {k: values[k] for k in FIGURES} for side, values in json.loads(which).items()}
        for which in (one.pop("evaluation.json"), other.pop("evaluation.json"))
    ]
    assert figures[0] == figures[1]
    for name in ("plots/confusion.csv", "baselines.json"):  # a row per segment; draws of chance
        one.pop(name)
        other.pop(name)
    assert one == other
    alone = contents(tmp_path / "alone results")
    [kept] = [name for name in alone if name.startswith("scores.zarr/test/") and "/c/" in name]
    assert alone[kept] == one[kept]


def test_another_seed_or_sample_draws_other_scores(made: Path) -> None:
    side = Samples(made, "test")
    one, same, other = (score_samples(Dice(), side, seed, C) for seed in (0, 0, 1))
    assert np.array_equal(one[0].scores, same[0].scores)
    assert not np.array_equal(one[0].scores, other[0].scores)
    assert not np.array_equal(one[0].scores, one[1].scores)


def test_without_val_the_default_thresholds_are_used(tmp_path: Path) -> None:
    folder = samples(tmp_path, val=[])
    metrics = evaluated(
        Seer(), folder, tmp_path / "out", readout=ReadoutConfig(median=1, min_frames=1)
    )
    assert metrics["val"] == {}
    assert {metrics["test"][name] for name in FIGURES} == {100}
    report = read(tmp_path / "out" / "report.json")
    assert len(report["classes_with_default_threshold"]) == C
    assert "val" not in report
    assert {row["threshold"] for row in table(tmp_path / "out" / "per_class.csv")} == {"0.5000"}
    never = ReadoutConfig(median=1, min_frames=1, default_threshold=0.95)
    shutil.rmtree(tmp_path / "out")
    metrics = evaluated(Constant(), folder, tmp_path / "out", readout=never)
    assert metrics["test"]["f1_50"] == metrics["test"]["interval_f1_50"] == 0


def test_a_class_of_test_that_val_lacks(tmp_path: Path) -> None:
    folder = samples(tmp_path, test=[("hugging", 1.0, 9.0), ("walking", 12.0, 24.0)])
    metrics = evaluated(Seer(), folder, tmp_path / "out")
    assert {metrics["test"][name] for name in FIGURES} == {100}
    unknown = read(tmp_path / "out" / "report.json")["classes_with_default_threshold"]
    assert "hugging" in unknown
    assert "walking" not in unknown
    rows = {(r["split"], r["class"]): r for r in table(tmp_path / "out" / "per_class.csv")}
    assert rows.keys() == {
        ("val", "walking"), ("val", "waving"), ("val", "sitting"),
        ("test", "walking"), ("test", "hugging"),
    }  # fmt: skip
    row = rows["test", "hugging"]
    assert (row["class_id"], row["frames"], row["instances"]) == (str(HUG), "160", "2")
    assert (row["ap"], row["interval_f1_50"], row["threshold"]) == ("100.0000",) * 2 + ("0.5000",)


def test_a_failure_leaves_the_former_results_as_they_were(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(Seer(), made, tmp_path)
    before = contents(tmp_path)
    (tmp_path / ".tmp-killed").mkdir()

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(rhas.evaluate.evaluation, "draw_timeline", full)
    with pytest.raises(OSError, match="no space left"):
        evaluated(Constant(), made, tmp_path)
    assert contents(tmp_path) == before
    assert not list(tmp_path.glob(".tmp-*"))
    monkeypatch.undo()
    evaluated(Constant(), made, tmp_path)
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    for name in ("evaluation.json", "metrics.json"):
        assert after[name] != before[name]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda s: s[:, :-1], r"expected: \(B, L, C\) = \(1, 100, 137\)\n  got: \(1, 99, 137\)"),
        (lambda s: s * 3, "got: 1.5 to 1.5, 0 of 13700 not finite"),
        (lambda s: s - 1, r"got: -0.5 to -0.5"),
        (lambda s: s * torch.nan, "got: 13700 of 13700 not finite"),
    ],
)
def test_scores_that_are_none_name_their_sample(
    made: Path, tmp_path: Path, harm: Callable[[Tensor], Tensor], message: str
) -> None:
    with pytest.raises(RhasError, match=message) as caught:
        evaluated(Broken(harm), made, tmp_path)
    assert caught.value.where == "sample t_000_000000"
    assert not list(tmp_path.iterdir())


def test_no_test_sample(tmp_path: Path) -> None:
    folder = samples(tmp_path, test=[])
    with pytest.raises(RhasError, match="no test sample"):
        evaluated(Seer(), folder, tmp_path / "out")


@pytest.mark.parametrize("frames", [0, 501])
def test_a_contact_sheet_has_room(frames: int) -> None:
    with pytest.raises(RhasError, match="sheet_frames"):
        EvaluateConfig(seed=0, sheet_frames=frames)
