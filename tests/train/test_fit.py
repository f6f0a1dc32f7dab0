"""Training: learning, determinism, restart, the files it leaves, failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dvclive
import numpy as np
import pytest
import torch
from methods.toy import toy_samples, toy_training
from safetensors.torch import load_file, save_file

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.metrics.segmentation import average_precision
from rhas.train import CHECKPOINT, CONFIG, MODEL, fit, load_method, make_batch
from rhas.train.run import TrainingRun

TINY = {
    "encoder_layers": 2,
    "encoder_maps": 8,
    "feature_layers": [0, 1],
    "decoder_layers": 2,
    "decoder_maps": 8,
    "time_width": 8,
    "spectrum_width": 4,
    "sampling_steps": 2,
}


def tiny(**changes: Any) -> TrainConfig:
    values = {
        "overrides": {"hopadiff": TINY},
        "epochs": 6,
        "validate_every": 2,
        "threads": 1,
        "warmup": 2,
    }
    return TrainConfig(method="hopadiff", seed=1, **{**values, "save_minutes": 0.0, **changes})


def quiet(epoch: int, epochs: int, figures: dict[str, float]) -> None:
    pass


def stop_after(last: int) -> Callable[[int, int, dict[str, float]], None]:
    def progress(epoch: int, epochs: int, figures: dict[str, float]) -> None:
        if epoch == last:
            raise KeyboardInterrupt

    return progress


class Recorded:
    """A stand-in for dvclive.Live that keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = [{}]

    def log_metric(self, name: str, val: float) -> None:
        self.steps[-1][name] = val

    def next_step(self) -> None:
        self.steps.append({})


@pytest.fixture(scope="module")
def train() -> list:
    return toy_samples(5, L=48, seed=1)


@pytest.fixture(scope="module")
def val() -> list:
    return toy_samples(2, L=48, seed=2)


@pytest.fixture(scope="module")
def whole(train: list, val: list, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole")
    live = Recorded()
    report = fit(train, val, tiny(), out=out, live=live, progress=quiet)
    (out / "curves.json").write_text(json.dumps([live.steps, report.to_json()]))
    return out


def same_files(a: Path, b: Path) -> bool:
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in (MODEL, CONFIG))


def test_two_runs_leave_equal_bytes(whole: Path, train: list, val: list, tmp_path: Path) -> None:
    torch.rand(3)
    fit(train, val, tiny(), out=tmp_path, progress=quiet)
    assert same_files(whole, tmp_path)
    fit(train, val, tiny(learning_rate=2e-3), out=tmp_path, progress=quiet)
    assert not same_files(whole, tmp_path)


@pytest.mark.parametrize("stopped", [2, 3, 5])
def test_a_resumed_run_equals_an_uninterrupted_one(
    stopped: int, whole: Path, train: list, val: list, tmp_path: Path
) -> None:
    resume, out = tmp_path / "resume", tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        fit(train, val, tiny(), out=out, resume=resume, progress=stop_after(stopped))
    assert not (out / MODEL).exists()
    live, epochs = Recorded(), []
    report = fit(
        train,
        val,
        tiny(memory_gb=0, save_minutes=5.0),  # neither changes the result
        out=out,
        resume=resume,
        live=live,
        progress=lambda epoch, *_: epochs.append(epoch),
    )
    assert epochs == list(range(stopped, 7))  # the checkpoint is from its last step
    assert (whole / MODEL).read_bytes() == (out / MODEL).read_bytes()
    assert json.loads((whole / "curves.json").read_text()) == [live.steps, report.to_json()]
    assert list(resume.iterdir()) == []


@pytest.mark.parametrize("change", ["config", "samples", "damage"])
def test_a_checkpoint_of_something_else_is_not_continued(
    change: str, train: list, val: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(train, val, tiny(), out=tmp_path, resume=tmp_path, progress=stop_after(4))
    config, samples = tiny(), train
    if change == "config":
        config = tiny(weight_decay=0.5)
    elif change == "samples":
        samples = [dict(train[0], holistic=train[0]["holistic"] + 1), *train[1:]]
    else:
        (tmp_path / CHECKPOINT).write_bytes(b"\0" * 100)
    epochs: list[int] = []
    fit(
        samples,
        val,
        config,
        out=tmp_path,
        resume=tmp_path,
        progress=lambda epoch, *_: epochs.append(epoch),
    )
    assert epochs == [1, 2, 3, 4, 5, 6]
    said = {"config": "other configuration", "samples": "other samples", "damage": "damaged"}
    assert said[change] in capsys.readouterr().err


def test_curves_go_to_dvclive(train: list, val: list, tmp_path: Path) -> None:
    with dvclive.Live(str(tmp_path / "live"), save_dvc_exp=False, dvcyaml=None) as live:
        report = fit(train, val, tiny(epochs=3), out=tmp_path, live=live)
    folder = tmp_path / "live" / "plots" / "metrics"
    lines = (folder / "train" / "loss.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["step", "0", "1", "2"]
    assert float(lines[-1].split("\t")[1]) == pytest.approx(report.last["train/loss"])
    steps = [line.split("\t")[0] for line in (folder / "val" / "map.tsv").read_text().splitlines()]
    assert steps == ["step", "1", "2"]
    assert (folder / "train" / "decoder_partial_boundary.tsv").is_file()


def test_surroundings_are_left_as_they_were(train: list, tmp_path: Path) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    report = fit(train, [], tiny(epochs=1, threads=2), out=tmp_path, progress=quiet)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert report.samples == {"train": 5, "val": 0}
    assert not any(name.startswith("val/") for name in report.last)


def test_the_learning_rate_warms_up_and_falls_to_nothing(train: list, tmp_path: Path) -> None:
    live = Recorded()
    config = tiny(epochs=20, validate_every=99, batch_size=5, warmup=4, learning_rate=0.01)
    fit(train, [], config, out=tmp_path, live=live, progress=quiet)
    rates = [step["train/learning_rate"] for step in live.steps[:-1]]
    assert rates[:5] == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.01])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[12] == pytest.approx(0.005)
    assert 0 < rates[-1] < 1e-4


def test_the_kept_weights_are_the_average(train: list, tmp_path: Path) -> None:
    def kept(ema: float, epochs: int) -> torch.Tensor:
        config = tiny(epochs=epochs, ema=ema, batch_size=5, schedule="constant")
        fit(train, [], config, out=tmp_path, progress=quiet)
        return load_file(tmp_path / MODEL)["encoders.0.enter.weight"]

    last = [kept(0.0, epochs) for epochs in (1, 2)]
    started = (kept(0.9, 1) - 0.9 * last[0]) / 0.1  # the first decay is 1 / 10
    averaged = 0.1 * started + 0.9 * last[0]
    averaged = 2 / 11 * averaged + 9 / 11 * last[1]
    torch.testing.assert_close(kept(0.9, 2), averaged, rtol=1e-4, atol=1e-6)


def test_a_saved_method_scores_as_the_trained_one(whole: Path, val: list) -> None:
    method = load_method(whole)
    assert not method.training
    again = load_method(whole)
    batch = make_batch(val, [0, 1])
    said = [m.compute_scores(batch, torch.Generator().manual_seed(0)) for m in (method, again)]
    assert torch.equal(*said)
    assert json.loads((whole / CONFIG).read_text())["versions"]["torch"] == torch.__version__


def test_a_model_of_another_version_says_which(whole: Path, tmp_path: Path) -> None:
    values = json.loads((whole / CONFIG).read_text())
    for change in ({"config": {**values["config"], "gone": 1}}, {"method": "gone"}):
        (tmp_path / MODEL).write_bytes((whole / MODEL).read_bytes())
        old = {**values, **change, "versions": {"rhas": "0.0.9"}}
        (tmp_path / CONFIG).write_text(json.dumps(old))
        with pytest.raises(RhasError, match=r"not one of this version: unknown .* 'gone'") as told:
            load_method(tmp_path)
        assert "install rhas 0.0.9" in told.value.do


def test_loading_says_what_is_wrong(whole: Path, tmp_path: Path) -> None:
    def broken(**files: bytes) -> Path:
        for name in (MODEL, CONFIG):
            (tmp_path / name).write_bytes(
                files.get(name.split(".")[0], (whole / name).read_bytes())
            )
        return tmp_path

    with pytest.raises(RhasError, match="no trained method"):
        load_method(tmp_path / "nowhere")
    with pytest.raises(RhasError, match="not JSON"):
        load_method(broken(config=b"{"))
    with pytest.raises(RhasError, match="not a method's configuration"):
        load_method(broken(config=b'{"method": "hopadiff"}'))
    said = json.loads((whole / CONFIG).read_text())
    with pytest.raises(RhasError, match="unknown method 'hopediff'"):
        load_method(broken(config=json.dumps({**said, "method": "hopediff"}).encode()))
    odd = {**said, "config": {**said["config"], "bcs": 1}}
    with pytest.raises(RhasError, match="unknown parameter 'bcs'"):
        load_method(broken(config=json.dumps(odd).encode()))
    with pytest.raises(RhasError, match="cannot be read"):
        load_method(broken(model=b"\0" * 64))
    wide = {**said, "dims": {**said["dims"], "C": 5}}
    with pytest.raises(RhasError, match="does not fit its configuration"):
        load_method(broken(config=json.dumps(wide).encode()))
    state = load_file(whole / MODEL)
    state.pop("encoders.0.head.bias")
    save_file(state, tmp_path / MODEL)
    (tmp_path / CONFIG).write_text(json.dumps(said))
    with pytest.raises(RhasError, match=r"got: missing: encoders\.0\.head\.bias\n"):
        load_method(tmp_path)


def test_failures_name_their_cause(train: list, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no training sample"):
        fit([], [], tiny(), out=tmp_path)
    wild = {"learning_rate": 1e30, "warmup": 0, "clip": 1e30}  # more than is accepted
    with pytest.raises(RhasError, match=r"not finite(.|\n)*learning_rate"):
        fit(train, [], tiny().model_copy(update=wild), out=tmp_path)
    odd = [train[0], {**train[1], "text": torch.zeros(3)}]
    with pytest.raises(RhasError, match="different shapes in 'text'"):
        fit(odd, [], tiny(batch_size=2), out=tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"ema": 1.0}, {"warmup": -1}, {"clip": 0.0}]
)
def test_config_names_the_field_that_is_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(RhasError, match=f"train.{next(iter(wrong))}"):
        tiny(**wrong)


def test_the_mini_preset_learns_what_the_crop_shows(tmp_path: Path) -> None:
    """Labels stand in the partial stream; the holistic one shows two persons (mAP about 50)."""
    train, val = (
        toy_samples(count, L=200, noise=0.5, seed=seed) for count, seed in ((10, 1), (3, 2))
    )
    report = fit(train, val, toy_training("hopadiff"), out=tmp_path, progress=quiet)
    assert report.last["val/map"] > 60
    method = load_method(tmp_path)
    truths, said = [], []
    for sample in val:
        blind = dict(sample, present=torch.zeros_like(sample["present"]))
        rows = method.compute_scores(make_batch([blind], [0]), torch.Generator().manual_seed(0))
        said.append(rows[0][sample["mask"]].numpy())
        truths.append(sample["labels"][sample["mask"]].numpy())
    without = np.nanmean(average_precision(truths, said))
    assert without < report.last["val/map"] - 15


def test_early_stopping_keeps_the_best_validation(
    train: list, val: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mAP rises, falls twice, and training ends; what is kept is the second epoch's."""
    said = iter([30.0, 40.0, 40.0, 35.0, 99.0])
    validated = TrainingRun._validate
    kept: list[dict[str, torch.Tensor]] = []

    def pretended(self: TrainingRun) -> dict[str, float]:
        kept.append({k: v.clone() for k, v in self.averaged.state_dict().items()})
        return {**validated(self), "val/map": next(said)}

    monkeypatch.setattr(TrainingRun, "_validate", pretended)
    config = tiny(
        epochs=9, validate_every=1, patience=2, overrides={"hopadiff": {**TINY, "fusion": "mean"}}
    )
    resume = tmp_path / "resume"
    with pytest.raises(KeyboardInterrupt):
        fit(train, val, config, out=tmp_path, resume=resume, progress=stop_after(3))
    said = iter([40.0, 35.0, 99.0])  # the third validation is done again
    report = fit(train, val, config, out=tmp_path, resume=resume, progress=quiet)
    assert report.epochs == 4
    assert report.best == {"epoch": 2, "val/map": 40.0}
    found = load_file(tmp_path / MODEL)
    assert all(torch.equal(found[name], value) for name, value in kept[1].items())
    assert not torch.equal(kept[1]["decoders.0.head.bias"], kept[-1]["decoders.0.head.bias"])


def test_branch_weights_are_fitted_on_val(train: list, val: list, tmp_path: Path) -> None:
    report = fit(train, val, tiny(epochs=1), out=tmp_path, progress=quiet)
    weights = load_file(tmp_path / MODEL)["fusion.weights"].tolist()
    assert [report.fusion[name] for name in ("holistic", "partial", "linear")] == weights
    assert load_method(tmp_path).fit_fusion(val) == pytest.approx(report.fusion)


def test_early_stopping_needs_labels_to_validate(train: list, val: list, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"early stopping(.|\n)*train.patience"):
        fit(train, [], tiny(patience=1), out=tmp_path)
    silent = [{**sample, "labels": torch.zeros_like(sample["labels"])} for sample in val]
    with pytest.raises(RhasError, match=r"with labels(.|\n)*2 samples, none with a label"):
        fit(train, silent, tiny(patience=1), out=tmp_path)


def test_the_sample_that_diverged_is_named(train: list, tmp_path: Path) -> None:
    broken = [dict(sample) for sample in train]
    features = broken[3]["holistic"].clone()
    features[5] = 1e38  # finite, but its square is not
    broken[3]["holistic"] = features
    plain = {**TINY, "standardise": False}
    config = tiny(batch_size=5, overrides={"hopadiff": {**plain, "linear_path": False}})
    with pytest.raises(RhasError, match=r"update 1, sample 3: the loss is not finite"):
        fit(broken, [], config, out=tmp_path, progress=quiet)
    with pytest.raises(
        RhasError, match=r"training sample 3: window statistics of the features overflow"
    ):
        fit(broken, [], tiny(overrides={"hopadiff": plain}), out=tmp_path, progress=quiet)


def test_bfloat16_follows_float32(train: list, val: list, tmp_path: Path) -> None:
    losses = []
    for precision in ("float32", "bfloat16"):
        live = Recorded()
        config = tiny(precision=precision, epochs=3, validate_every=3)
        fit(train, val, config, out=tmp_path, live=live, progress=quiet)
        losses.append([step["train/loss"] for step in live.steps[:-1]])
        assert live.steps[2]["val/loss"] > 0
        state = load_file(tmp_path / MODEL)
        assert {value.dtype for value in state.values()} == {torch.float32}
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_speed_is_shown_and_in_no_curve(train: list, val: list, tmp_path: Path) -> None:
    """What DVC records of two equal runs is equal."""
    live, shown = Recorded(), []
    fit(train, val, tiny(epochs=1), out=tmp_path, live=live,
        progress=lambda epoch, epochs, values: shown.append(values))  # fmt: skip
    assert shown[0].pop("train/samples_per_second") > 0
    assert shown[0] == live.steps[0]


def test_every_figure_has_a_curve(train: list, val: list, tmp_path: Path) -> None:
    live = Recorded()
    fit(train, val, tiny(epochs=2), out=tmp_path, live=live, progress=quiet)
    terms = {
        f"train/{part}_{stream}_{kind}"
        for part in ("encoder", "decoder")
        for stream in ("holistic", "partial")
        for kind in ("frame", "boundary")
    }
    assert terms | {"train/loss", "train/gradient_norm", "train/learning_rate"} == set(
        live.steps[0]
    )
    clean = {"acc", "edit", "f1_10", "f1_25", "f1_50", "map", "label_set_iou"}
    assert {f"val/{name}" for name in {"loss", *clean}} <= set(live.steps[1])
    assert live.steps[0]["train/loss"] == pytest.approx(sum(live.steps[0][name] for name in terms))
