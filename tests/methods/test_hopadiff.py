"""HopaDIFF as a whole: contract, ablations, padding, presets."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.toy import SMALL_HOPADIFF, C, draw_losses, score_batch, toy_samples
from rhas.base.errors import RhasError
from rhas.methods import Dims, Method, build_method, config_values, make_config, parse_config
from rhas.methods.hopadiff.branches import BranchReader
from rhas.methods.hopadiff.config import PRESETS, HopaDiffConfig
from rhas.methods.hopadiff.fusion import ScoreFusion
from rhas.train import make_batch

L, D = 64, 24
SWITCHES = ("partial_branch", "hp_xlstm", "bca", "dft_condition")


def small(seed: int = 0, **overrides: Any) -> Method:
    torch.manual_seed(seed)
    config = make_config("hopadiff", "mini", {**SMALL_HOPADIFF, **overrides})
    method = build_method("hopadiff", config, Dims(D=D, D_text=8, C=C, L=L))
    method.fit_statistics(toy_samples(3, L=L))
    return method


@pytest.fixture(scope="module")
def batch() -> dict[str, Tensor]:
    return make_batch(toy_samples(3, L=L), [0, 1, 2])


@pytest.mark.parametrize("on", list(itertools.product([False, True], repeat=4)), ids=str)
def test_gradients_reach_every_parameter_in_every_ablation(
    on: tuple[bool, ...], batch: dict[str, Tensor]
) -> None:
    method = small(**dict(zip(SWITCHES, on, strict=True)))
    terms = method.compute_losses(batch)
    assert len(terms) == (8 if on[0] else 4)
    assert all(term.shape == () and term.isfinite() for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    trained = {name: p for name, p in method.named_parameters() if p.requires_grad}
    assert [name for name, p in trained.items() if p.grad is None or not p.grad.any()] == []
    said = score_batch(method, batch)
    assert said.shape == (3, L, C)
    assert said.dtype == torch.float32
    assert not said.requires_grad
    assert ((said >= 0) & (said <= 1)).all()
    assert (said[~batch["mask"]] == 0).all()


def test_each_ablation_removes_its_part() -> None:
    def parts(**switches: bool) -> set[str]:
        switched = small(**{"linear_path": False, **switches})
        return {name.split(".")[0] for name, _ in switched.named_parameters()}

    assert parts() == {"reader", "encoders", "xlstm", "spectra", "decoders"}
    assert parts(linear_path=True) == parts() | {"linear"}
    assert parts(hp_xlstm=False) == {"reader", "encoders", "spectra", "decoders"}
    assert parts(dft_condition=False) == {"reader", "encoders", "xlstm", "decoders"}
    assert parts(**dict.fromkeys(SWITCHES, False)) == {"encoders", "decoders"}
    names = {name for name, _ in small(bca=False).named_parameters()}
    assert not any("cross" in name for name in names)
    assert len(small(partial_branch=False).encoders) == 1
    assert len(small(shared_decoder=True).decoders) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        {"spectrum": "dct"},
        {"spectrum_at": "xlstm"},
        {"spectrum_at": "xlstm", "hp_xlstm": False},
        {"forget_gate": "exp"},
        {"missing": "zero"},
        {"output": "softmax", "linear_path": False, "fusion": "mean"},
        {"shared_decoder": True},
        {"condition_values": False},
        {"smoothing_weight": 0.1},
        {"condition_masks": ["full", "zero", "boundary", "class"]},
        {"stride": 1, "standardise": False, "prior_bias": False},
        {"norm": "instance", "condition_norm": False, "clip_noisy": True},
        {"centre": True},
        {"linear_path": False},
    ],
    ids=str,
)
def test_every_option_trains_and_scores(overrides: dict, batch: dict[str, Tensor]) -> None:
    method = small(**overrides)
    loss = torch.stack(list(method.compute_losses(batch).values())).sum()
    loss.backward()
    trained = [p for p in method.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
    said = score_batch(method, batch)
    assert ((said >= 0) & (said <= 1)).all()
    if overrides.get("output") == "softmax":
        torch.testing.assert_close(said.sum(-1)[batch["mask"]], torch.ones(batch["mask"].sum()))


OFF = [
    {},
    {"spectrum": "dct"},
    {"spectrum_at": "xlstm"},
    {"stride": 1},
    {"centre": True},
    {"norm": "instance", "condition_norm": False, "clip_noisy": True},
    {"linear_path": False, "fusion": "mean"},
]


@pytest.mark.parametrize("overrides", OFF, ids=str)
def test_padding_changes_nothing(overrides: dict, batch: dict[str, Tensor]) -> None:
    method = small(**overrides)
    dirty = dict(batch)
    padding = ~batch["mask"]
    assert padding.any()
    for key in ("holistic", "partial", "labels"):
        dirty[key] = torch.where(padding[..., None], torch.nan, batch[key])
    dirty["present"] = batch["present"] | padding
    dirty["boundary"] = torch.where(padding, 7.0, batch["boundary"])
    assert torch.equal(score_batch(method, batch), score_batch(method, dirty))
    for a, b in zip(*(draw_losses(method, x).values() for x in (batch, dirty)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("overrides", OFF, ids=str)
def test_batch_mates_change_nothing(overrides: dict, batch: dict[str, Tensor]) -> None:
    method = small(**overrides)
    together = score_batch(method, batch)
    for row in range(3):
        alone = score_batch(method, {key: value[row : row + 1] for key, value in batch.items()})
        torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("overrides", OFF, ids=str)
def test_neither_branch_is_special(overrides: dict, batch: dict[str, Tensor]) -> None:
    """Inputs and weights of the branches swapped: their losses are swapped, BCA included."""
    method, swapped = small(**overrides, missing="zero"), small(1, **overrides, missing="zero")
    state = method.state_dict()
    flip = {f".{a}.": f".{b}." for a, b in ((0, 1), (1, 0))}
    for name, value in method.state_dict().items():
        if name.startswith("reader.") or name == "xlstm.cross.weight":
            state[name] = value.flip(0)
        elif name.startswith("xlstm.cross."):
            flipped = name.replace("query", "KEY").replace("key", "query").replace("KEY", "key")
            state[flipped] = value
        elif name.startswith("xlstm.cells."):  # xlstm.cells.1.enter.weight
            _, part, number, rest = name.split(".", 3)
            state[f"xlstm.{part}.{1 - int(number)}.{rest}"] = value
        elif name.split(".")[0] in ("encoders", "spectra", "decoders"):
            part, number, rest = name.split(".", 2)
            state[f"{part}{flip[f'.{number}.']}{rest}"] = value
    swapped.load_state_dict(state)
    crops = {**batch, "present": batch["mask"]}
    turned = {**crops, "holistic": batch["partial"], "partial": batch["holistic"]}
    before, after = draw_losses(method.eval(), crops), draw_losses(swapped.eval(), turned)
    for part, kind in itertools.product(("encoder", "decoder"), ("frame", "boundary")):
        a, b = (f"{part}_{name}_{kind}" for name in ("holistic", "partial"))
        torch.testing.assert_close((before[a], before[b]), (after[b], after[a]))
        assert not torch.isclose(before[a], before[b], rtol=1e-4)


def test_scores_are_the_mean_of_the_experts(batch: dict[str, Tensor]) -> None:
    method = small(fusion="mean")
    assert method.experts == ("holistic", "partial", "linear")
    plain, each = score_batch(method, batch), []
    for number in range(3):
        method.fusion.weights.copy_(torch.eye(3)[number])
        method.fusion.kind = "fitted"
        each.append(score_batch(method, batch))
    assert not torch.allclose(each[0], each[1], atol=1e-3)
    torch.testing.assert_close(plain, torch.stack(each).mean(0), rtol=1e-3, atol=1e-4)


def test_fitted_scores_are_a_weighted_sum_of_log_odds() -> None:
    fusion = ScoreFusion(2, "fitted")
    scores = torch.tensor([[0.5, 0.8], [0.2, 0.2], [0.0, 1.0]])
    torch.testing.assert_close(fusion(scores), torch.tensor([2 / 3, 0.2, 0.5]), atol=1e-4, rtol=0)
    fusion.weights.copy_(torch.tensor([2.0, 0.0]))
    fusion.bias.copy_(torch.tensor(4.0).log())
    torch.testing.assert_close(fusion(scores)[:2], torch.tensor([0.8, 4 / 20]))


def test_the_linear_path_is_the_method_linear_window(batch: dict[str, Tensor]) -> None:
    """Same statistics, same fit, same scores; none of it takes part in training."""
    method = small(centre=True)
    method.fusion.weights.copy_(torch.tensor([0.0, 0.0, 1.0]))
    config = make_config("linear_window", "mini", {"stride": method.config.stride, "centre": True})
    alone = build_method("linear_window", config, method.dims)
    alone.fit_statistics(toy_samples(3, L=L))
    torch.testing.assert_close(score_batch(method, batch), score_batch(alone, batch))
    assert method.train().read_features(batch).windows is None
    assert {"linear.weight", "linear.bias"} == {
        name for name, p in method.named_parameters() if not p.requires_grad
    }


def test_half_precision_products_do_not_tie_scores(batch: dict[str, Tensor]) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        said = score_batch(small(linear_path=False), batch)
    assert said.dtype == torch.float32
    real = said[batch["mask"]]
    assert len(real.unique()) > len(real.bfloat16().unique())
    assert said == pytest.approx(score_batch(small(linear_path=False), batch), abs=0.05)


def test_fitted_weights_have_the_lowest_cross_entropy() -> None:
    """Labels drawn from 2 · log-odds of the second expert - 1; the first knows nothing."""
    generator = torch.Generator().manual_seed(0)
    odds = torch.randn(400, 20, 2, generator=generator)
    labels = torch.bernoulli(torch.sigmoid(2 * odds[..., 1] - 1), generator=generator)
    fusion = ScoreFusion(2, "fitted")
    fusion.fit([odds[:100].sigmoid(), odds[100:].sigmoid()], [labels[:100], labels[100:]])
    assert fusion.weights.tolist() == pytest.approx([0, 2], abs=0.1)
    assert float(fusion.bias) == pytest.approx(-1, abs=0.1)
    fusion.fit([-odds.sigmoid() + 1], [labels])  # who is always wrong is not read backwards
    assert fusion.weights.tolist() == pytest.approx([0, 0], abs=0.05)


def test_fusion_is_fitted_on_val_samples() -> None:
    method, samples = small(), toy_samples(2, L=L, noise=0.1)
    before = torch.stack([score_batch(method, make_batch(samples, [n])) for n in range(2)])
    report = method.fit_fusion(samples)
    assert list(report) == ["holistic", "partial", "linear", "bias"]
    assert min(report["holistic"], report["partial"], report["linear"]) >= 0
    after = torch.stack([score_batch(method, make_batch(samples, [n])) for n in range(2)])

    def loss(scores: Tensor) -> float:
        labels, mask = (torch.stack([s[k] for s in samples]) for k in ("labels", "mask"))
        inside = scores[:, 0][mask].clamp(1e-4, 1 - 1e-4)
        return float(torch.nn.functional.binary_cross_entropy(inside, labels[mask]))

    assert loss(after) < loss(before)


def test_without_samples_or_need_nothing_is_fitted() -> None:
    assert small(linear_path=False).fit_fusion([]) == {"holistic": 0.5, "partial": 0.5, "bias": 0}
    for method in (small(fusion="mean"), small(partial_branch=False, linear_path=False)):
        assert method.fit_fusion(toy_samples(2, L=L)) == {}
        assert method.fusion.weights.unique().numel() == 1


def test_absent_crops_are_not_read(batch: dict[str, Tensor]) -> None:
    method = small()
    absent = ~batch["present"] & batch["mask"]
    assert absent.any()
    partial = torch.where(absent[..., None], 99.0, batch["partial"])
    assert torch.equal(
        score_batch(method, batch), score_batch(method, {**batch, "partial": partial})
    )


def test_scores_depend_on_partial_features_and_seed_alone(batch: dict[str, Tensor]) -> None:
    method = small()
    first = score_batch(method, batch)
    torch.rand(7)
    assert torch.equal(first, score_batch(method, batch))
    assert not torch.equal(first, score_batch(method, batch, seed=6))
    assert not torch.equal(first, score_batch(method, {**batch, "partial": -batch["partial"]}))
    labels = {k: v for k, v in batch.items() if k not in ("labels", "boundary")}
    assert torch.equal(first, score_batch(method, labels))


def test_scores_leave_training_mode_as_it_was(batch: dict[str, Tensor]) -> None:
    method = small().train()
    score_batch(method, batch)
    assert method.training


def test_a_batch_without_a_real_frame_is_finite(batch: dict[str, Tensor]) -> None:
    method = small()
    empty = {**batch, "mask": torch.zeros_like(batch["mask"])}
    assert all(term == 0 for term in draw_losses(method, empty).values())
    assert (score_batch(method, empty) == 0).all()


def test_pooling_averages_over_existing_frames() -> None:
    reader = BranchReader(HopaDiffConfig(stride=2), 1, ("holistic",))
    x = torch.tensor([[[1.0], [3.0], [5.0], [torch.nan], [torch.nan]]])
    exists = torch.tensor([[True, True, True, False, False]])
    assert reader.pool(x, exists)[0, :, 0].tolist() == [2, 5, 0]


def test_centred_features_leave_out_what_stays_the_same(batch: dict[str, Tensor]) -> None:
    method, plain = small(centre=True), small(centre=False)
    moved = {**batch, "partial": batch["partial"] + 3, "holistic": batch["holistic"] - 2}
    torch.testing.assert_close(
        score_batch(method, moved), score_batch(method, batch), rtol=0, atol=1e-4
    )
    assert not torch.allclose(score_batch(plain, moved), score_batch(plain, batch), atol=1e-2)


def test_adapt_takes_statistics_of_real_frames() -> None:
    samples = toy_samples(3, L=L)
    method = small()
    seen = torch.cat([s["partial"][s["present"] & s["mask"]] for s in samples])
    torch.testing.assert_close(method.reader.mean[1], seen.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(method.reader.spread[1], seen.std(0, correction=0))
    share = torch.cat([s["labels"][s["mask"]] for s in samples]).mean(0)
    bias = method.decoders[1].head.bias.sigmoid()
    torch.testing.assert_close(bias, share.clamp_min(1e-4).float())


def test_adapt_refuses_features_that_are_not_finite() -> None:
    samples = toy_samples(2, L=L)
    samples[1]["holistic"][0, 0] = torch.inf
    with pytest.raises(RhasError, match="sample 1: holistic features are not finite"):
        small().fit_statistics(samples)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build_and_survive_json(preset: str) -> None:
    config = make_config("hopadiff", preset)
    assert parse_config("hopadiff", config_values(config)) == config == PRESETS[preset]
    method = build_method("hopadiff", preset, Dims(D=32, D_text=8, C=C, L=3000))
    assert isinstance(method, Method)


def test_unknown_names_are_errors_with_a_hint() -> None:
    with pytest.raises(RhasError, match="did you mean 'hopadiff'"):
        build_method("hopadif", "mini", Dims(D=1, D_text=1, C=1, L=1))
    with pytest.raises(RhasError, match="did you mean 'paper'"):
        make_config("hopadiff", "papers")
    with pytest.raises(RhasError, match="did you mean 'hp_xlstm'"):
        make_config("hopadiff", "mini", {"hp_xlsm": False})
