"""What every method keeps to: gradients, padding, batch mates, odd windows, presets, training."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import rhas.methods
from methods.toy import (
    SMALL_HOPADIFF,
    C,
    draw_losses,
    score_batch,
    toy_samples,
    toy_text,
    toy_training,
)
from rhas.base.errors import RhasError
from rhas.methods import (
    METHODS,
    Dims,
    Method,
    build_method,
    config_values,
    make_config,
    parse_config,
    reads_text,
    reads_tokens,
)
from rhas.train import fit, make_batch

L, D, D_TEXT = 64, 24, 8
SMALL: dict[str, dict[str, Any]] = {
    "hopadiff": SMALL_HOPADIFF,
    "actdiff": SMALL_HOPADIFF,
    "linear": {"stride": 3},
    "linear_window": {"stride": 3, "window": 9},
    "zero_shot": {"stride": 3, "window": 5},
    "ltcontext": {
        "stages": 2, "layers": 2, "width": 16, "window": 4, "long_stride": 4, "stride": 3,
    },
    "fact": {
        "blocks": "iuU", "tokens": 12, "width": 148, "frame_width": 8, "token_width": 8,
        "layers": 2, "token_layers": 1, "heads": 2, "token_ffn": 8, "stride": 3,
        "prior_bias": False,  # else one segment at first
    },
    "asquery": {
        "width": 16, "heads": 2, "window": 5, "branch_dilations": [2, 2, 2], "stride": 3,
        "boundary_threshold": 0.5,
    },
    "refatomnet": {"width": 16, "text_tokens": 2, "agents": 2, "stride": 3, "at_once": 16},
}  # fmt: skip
FOUNDATIONS = {"actdiff": ["hopadiff"]}  # the one method that is another one's network
QUICK = {  # learns within few steps
    "ltcontext": {"stages": 2, "layers": 4},
    "asquery": {"dropout": 0.0},
}
IDLE = {"fact": "first.tokens.layers.0.self_"}  # its tokens start as zeros: no more than a bias
FITTED = {"linear_window", "zero_shot"}  # before updates; no parameter takes a gradient
STREAMS = [name for name in METHODS if name != "hopadiff"]  # methods on one stream
SURE = [name for name in STREAMS if name != "actdiff"]  # whose losses draw nothing but dropout


def small(name: str, **overrides: Any) -> Method:
    torch.manual_seed(0)
    config = make_config(name, "mini", {**SMALL[name], **overrides})
    method = build_method(name, config, Dims(D=D, D_text=D_TEXT, C=C, L=L))
    if reads_text(name):
        method.fit_text(toy_text(D))
    method.fit_statistics(toy_samples(3, L=L))
    return method


def add_gradients(method: Method, terms: dict[str, Tensor]) -> None:
    """Of the loss; a fitted method has none."""
    fitted = not any(p.requires_grad for p in method.parameters())
    assert fitted == (type(method).__module__.split(".")[2] in FITTED)
    if not fitted:
        torch.stack(list(terms.values())).sum().backward()


@pytest.fixture(scope="module")
def batch() -> dict[str, Tensor]:
    made = make_batch(toy_samples(3, L=L), [0, 1, 2])
    torch.manual_seed(1)
    return {**made, "text": torch.randn(3, D_TEXT)}


def test_every_method_has_small_sizes_here() -> None:
    assert set(METHODS) <= set(SMALL)


@pytest.mark.parametrize("name", [*METHODS, "layers"])
def test_a_method_stands_on_no_other(name: str) -> None:
    """So its folder can go without another one breaking."""
    for path in (Path(rhas.methods.__file__).parent / name).glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            used = {module.split(".")[2] for module in names if module.startswith("rhas.methods.")}
            assert used & {*METHODS} <= {name, *FOUNDATIONS.get(name, ())}, path


@pytest.mark.parametrize("gone", METHODS)
def test_without_a_method_the_others_work(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if its folder had been deleted."""
    for name in METHODS:
        monkeypatch.setattr(rhas.methods, name, None, raising=False)
        monkeypatch.delattr(rhas.methods, name)
    for name in list(sys.modules):
        if name.startswith("rhas.methods.") and name.split(".")[2] in METHODS:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, f"rhas.methods.{gone}", None)
    left = tuple(name for name in METHODS if name != gone)
    monkeypatch.setattr(rhas.methods, "METHODS", left)
    for name in left:
        if gone not in FOUNDATIONS.get(name, ()):
            build_method(name, "mini", Dims(D=D, D_text=D_TEXT, C=C, L=L))
    with pytest.raises(RhasError, match=f"unknown method '{gone}'"):
        build_method(gone, "mini", Dims(D=D, D_text=D_TEXT, C=C, L=L))


@pytest.mark.parametrize("name", METHODS)
def test_gradients_reach_every_parameter(name: str, batch: dict[str, Tensor]) -> None:
    method = small(name)
    terms = draw_losses(method, batch)
    assert all(term.shape == () and term.isfinite() for term in terms.values())
    add_gradients(method, terms)
    trained = [(key, p) for key, p in method.named_parameters() if p.requires_grad]
    without = [key for key, p in trained if p.grad is None or not p.grad.any()]
    assert all(key.startswith(IDLE.get(name, "none")) for key in without), without
    said = score_batch(method, batch)
    assert said.shape == (3, L, C)
    assert said.dtype == torch.float32
    assert not said.requires_grad
    assert ((said >= 0) & (said <= 1)).all()
    assert (said[~batch["mask"]] == 0).all()
    assert method.training


@pytest.mark.parametrize("name", METHODS)
def test_scores_read_no_labels_and_draw_from_the_generator_alone(
    name: str, batch: dict[str, Tensor]
) -> None:
    method = small(name)
    first = score_batch(method, batch)
    torch.rand(7)
    without = {k: v for k, v in batch.items() if k not in ("labels", "boundary")}
    assert torch.equal(first, score_batch(method, without))


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("name", METHODS)
def test_padding_changes_nothing(name: str, stride: int, batch: dict[str, Tensor]) -> None:
    method = small(name, stride=stride)
    dirty = dict(batch)
    padding = ~batch["mask"]
    assert padding.any()
    for key in ("holistic", "partial", "labels"):
        dirty[key] = torch.where(padding[..., None], torch.nan, batch[key])
    for key in ("holistic_tokens", "partial_tokens"):
        dirty[key] = torch.where(padding[..., None, None], torch.nan, batch[key])
    dirty["present"] = batch["present"] | padding
    dirty["boundary"] = torch.where(padding, 7.0, batch["boundary"])
    assert torch.equal(score_batch(method, batch), score_batch(method, dirty))
    for a, b in zip(*(draw_losses(method, x).values() for x in (batch, dirty)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("name", METHODS)
def test_batch_mates_change_nothing(name: str, stride: int, batch: dict[str, Tensor]) -> None:
    method = small(name, stride=stride)
    together = score_batch(method, batch)
    lengths = batch["mask"].sum(1)
    assert len(set(lengths.tolist())) > 1
    for row in range(3):
        alone = score_batch(method, {key: value[row : row + 1] for key, value in batch.items()})
        torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SURE)
def test_losses_of_two_equal_rows_are_those_of_one(name: str, batch: dict[str, Tensor]) -> None:
    method = small(name).eval()
    one = {key: value[:1] for key, value in batch.items()}
    two = {key: value.repeat(2, *[1] * (value.ndim - 1)) for key, value in one.items()}
    for a, b in zip(
        draw_losses(method, one).values(), draw_losses(method, two).values(), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_without_a_real_frame_is_finite(name: str, batch: dict[str, Tensor]) -> None:
    method = small(name)
    empty = {**batch, "mask": torch.zeros_like(batch["mask"])}
    terms = draw_losses(method, empty)
    assert all(term == 0 for term in terms.values())
    add_gradients(method, terms)
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())
    assert (score_batch(method, empty) == 0).all()


@pytest.mark.parametrize("name", METHODS)
def test_a_window_of_background_trains(name: str, batch: dict[str, Tensor]) -> None:
    method = small(name)
    nothing = {**batch, "labels": batch["labels"] * 0, "boundary": batch["boundary"] * 0}
    check_step(method, nothing)


@pytest.mark.parametrize("name", METHODS)
def test_a_window_of_sixty_overlapping_instances_trains(
    name: str, batch: dict[str, Tensor]
) -> None:
    labels = torch.zeros_like(batch["labels"])
    for instance in range(60):
        start = instance % 20
        labels[:, start : start + 24, 2 * instance] = 1
    crowded = {**batch, "labels": labels * batch["mask"][..., None]}
    assert crowded["labels"].sum(-1).max() >= 40
    check_step(small(name), crowded)


def check_step(method: Method, batch: dict[str, Tensor]) -> None:
    terms = draw_losses(method, batch)
    assert all(term.isfinite() for term in terms.values())
    add_gradients(method, terms)
    trained = [p for p in method.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)


@pytest.mark.parametrize("inputs", ["both", "holistic", "partial"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_what_inputs_says(name: str, inputs: str, batch: dict[str, Tensor]) -> None:
    method = small(name, inputs=inputs)
    first = score_batch(method, batch)
    for stream in ("holistic", "partial"):
        both = (stream, f"{stream}_tokens")
        changed = score_batch(method, {**batch, **{key: -batch[key] for key in both}})
        assert torch.equal(first, changed) == (inputs not in ("both", stream))
    absent = ~batch["present"] & batch["mask"]
    assert absent.any()
    partial = torch.where(absent[..., None], 99.0, batch["partial"])
    tokens = torch.where(absent[..., None, None], 99.0, batch["partial_tokens"])
    odd = {**batch, "partial": partial, "partial_tokens": tokens}
    assert torch.equal(first, score_batch(method, odd))


@pytest.mark.parametrize("name", [n for n in SURE if not reads_tokens(n) and n not in FITTED])
def test_modulation_starts_as_nothing_and_learns_from_the_text(
    name: str, batch: dict[str, Tensor]
) -> None:
    plain, modulated = small(name), small(name, modulation=True)
    modulated.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(score_batch(plain, batch), score_batch(modulated, batch))
    torch.stack(list(draw_losses(modulated, batch).values())).sum().backward()
    assert modulated.reader.modulation.weight.grad.any()
    with torch.no_grad():
        modulated.reader.modulation.weight.normal_()
    first = score_batch(modulated, batch)
    assert not torch.equal(first, score_batch(modulated, {**batch, "text": -batch["text"]}))
    for row in range(3):
        alone = score_batch(modulated, {key: value[row : row + 1] for key, value in batch.items()})
        torch.testing.assert_close(first[row], alone[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_presets_are_paper_and_mini_and_survive_json(name: str) -> None:
    for preset in ("paper", "mini"):
        config = make_config(name, preset)
        assert parse_config(name, config_values(config)) == config


@pytest.mark.parametrize("name", SURE)
def test_fields_out_of_range_are_named(name: str) -> None:
    with pytest.raises(RhasError, match=f"method {name}, stride"):
        make_config(name, "mini", {"stride": 0})


def test_a_stream_refuses_features_that_are_not_finite() -> None:
    samples = toy_samples(2, L=L)
    samples[1]["partial"][samples[1]["present"].nonzero()[0, 0], 0] = torch.inf
    with pytest.raises(RhasError, match="sample 1: partial features are not finite"):
        small("linear").fit_statistics(samples)


def test_actdiff_has_no_part_of_hopadiff() -> None:
    with pytest.raises(RhasError, match="method actdiff, bca"):
        make_config("actdiff", "mini", {"bca": True})


@pytest.mark.parametrize("inputs", ["both", "holistic", "partial"])
def test_actdiff_reads_what_the_other_baselines_read(inputs: str, batch: dict[str, Tensor]) -> None:
    """A frame without a crop is 0 after standardising, and counts in no mean."""
    ours, theirs = (small(name, inputs=inputs, stride=5) for name in ("actdiff", "linear"))
    expected = theirs.reader(batch)
    found = ours.reader(batch)
    torch.testing.assert_close(found.streams, [expected.x])
    assert torch.equal(found.mask, expected.mask)
    with pytest.raises(RhasError, match=r"actdiff.*missing"):
        make_config("actdiff", "mini", {"missing": "learned"})


def test_actdiff_on_the_whole_frame_is_hopadiff_without_its_parts(batch: dict[str, Tensor]) -> None:
    parts = ("partial_branch", "hp_xlstm", "bca", "dft_condition", "linear_path")
    ours, theirs = (
        small("actdiff", inputs="holistic"),
        small("hopadiff", **dict.fromkeys(parts, False)),
    )
    assert torch.equal(score_batch(ours, batch), score_batch(theirs, batch))


@pytest.mark.parametrize("name", SURE)  # the others' network is HopaDIFF's, see test_train.py
def test_the_mini_preset_learns_what_the_crop_shows(name: str, tmp_path: Path) -> None:
    """Labels stand in the partial stream; the holistic one shows two persons, and the same method
    on it alone is far worse. About 15 segments: of few, ``centre`` takes away what tells them
    apart."""
    train, val = (
        toy_samples(count, L=1000, noise=0.5, seed=seed) for count, seed in ((10, 1), (3, 2))
    )

    def precision(**overrides: Any) -> float:
        config = toy_training(name, **{**QUICK.get(name, {}), **overrides})
        text = toy_text()
        report = fit(train, val, config, out=tmp_path, text=text, progress=lambda *_: None)
        return report.last["val/map"]

    found = precision()
    assert found > 55
    assert found > precision(inputs="holistic") + 15


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("actdiff", 11.6e6, 0.03),  # norms of the condition, one projection for all layers
        ("linear", 768 * C + C, 0.0),
        ("fact", 40.6e6, 0.002),
        ("asquery", 39.5e6, 0.002),
        ("refatomnet", 27e6, 0.05),  # without its head for the box, 1.2 M
    ],
)
def test_the_paper_presets_have_the_published_sizes(
    name: str, published: float, tolerance: float
) -> None:
    inputs = "both" if reads_tokens(name) else "holistic"  # its second stream is the location's
    config = make_config(name, "paper", {"inputs": inputs})
    with torch.device("meta"):
        method = build_method(name, config, Dims(D=768, D_text=768, C=C, L=3000))
    assert sum(p.numel() for p in method.parameters()) == pytest.approx(published, rel=tolerance)
