"""With every switch off HopaDIFF is ActDiff: given DiffAct's weights, it gives DiffAct's values."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from methods import diffact
from rhas.methods import Dims, build_method, make_config
from rhas.methods.hopadiff.method import HopaDIFF

D, C, L = 6, 5, 21
SIZES = {"layers": 4, "maps": 8, "decoder_layers": 3, "decoder_maps": 4}
KEPT, KERNELS, TIME = (1, 3), (5, 7), 12
OFF = dict.fromkeys(("partial_branch", "hp_xlstm", "bca", "dft_condition"), False)


def mapped(state: diffact.State) -> dict[str, Tensor]:
    """DiffAct's weights under this project's names."""
    maps = SIZES["decoder_maps"]
    found = {}

    def take(own: str, published: str) -> None:
        found[f"{own}.weight"] = state[f"{published}.weight"].squeeze(-1)
        found[f"{own}.bias"] = state[f"{published}.bias"]

    def layer(own: str, published: str, width: int) -> Tensor:
        """Returns what q and k take of the condition, (2 · width, W)."""
        found[f"{own}.conv.weight"] = state[f"{published}.conv_block.0.weight"]
        found[f"{own}.conv.bias"] = state[f"{published}.conv_block.0.bias"]
        parts = [state[f"{published}.att_linear_{part}.weight"][..., 0] for part in "qkv"]
        biases = [state[f"{published}.att_linear_{part}.bias"] for part in "qkv"]
        found[f"{own}.project.weight"] = torch.cat([part[:, :width] for part in parts])
        found[f"{own}.project.bias"] = torch.cat(biases)
        take(f"{own}.ffn.0", f"{published}.ffn_block.0")
        take(f"{own}.ffn.2", f"{published}.ffn_block.2")
        return torch.cat([part[:, width:] for part in parts[:2]])

    take("encoders.0.enter", "encoder.conv_in")
    for number in range(SIZES["layers"]):
        layer(f"encoders.0.layers.{number}", f"encoder.encoder.layers.{number}", SIZES["maps"])
    take("encoders.0.head", "encoder.conv_out")
    take("decoders.0.enter", "decoder.conv_in")
    take("decoders.0.head", "decoder.conv_out")
    take("decoders.0.time.0", "decoder.time_in.0")
    take("decoders.0.time.2", "decoder.time_in.1")
    take("decoders.0.time.4", "decoder.module.time_proj")
    crossed = [
        layer(f"decoders.0.layers.{number}", f"decoder.module.layers.{number}", maps)
        for number in range(SIZES["decoder_layers"])
    ]
    found["decoders.0.project.weight"] = torch.cat(crossed)
    return found


@pytest.fixture(scope="module")
def both() -> tuple[HopaDIFF, diffact.State]:
    torch.manual_seed(0)
    state = diffact.random_state(D=D, C=C, kernels=KERNELS, kept=KEPT, time_width=TIME, **SIZES)
    config = make_config(
        "hopadiff",
        "code",
        {
            **OFF,
            "encoder_layers": SIZES["layers"],
            "encoder_maps": SIZES["maps"],
            "decoder_layers": SIZES["decoder_layers"],
            "decoder_maps": SIZES["decoder_maps"],
            "feature_layers": list(KEPT),
            "time_width": TIME,
            "sampling_steps": 5,
            "output": "softmax",
            "scale": 0.5,
        },
    )
    method = build_method("hopadiff", config, Dims(D=D, D_text=1, C=C, L=L))
    assert isinstance(method, HopaDIFF)
    weights = mapped(state)
    assert set(weights) == {name for name, _ in method.named_parameters()}
    method.load_state_dict(weights, strict=False)
    return method.double().eval(), state


def taken(x: Tensor) -> Tensor:
    return x.transpose(1, 2)


def test_encoder_is_diffacts(both: tuple[HopaDIFF, diffact.State]) -> None:
    method, state = both
    x, mask = torch.randn(2, L, D).double(), torch.ones(2, L, dtype=torch.bool)
    z, logits = method.encoders[0](x, mask)
    expected = diffact.encode(state, taken(x), SIZES["layers"], KEPT)
    torch.testing.assert_close(taken(z), expected[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(taken(logits), expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("leak", "close"), [(0.0, 1e-5), (diffact.LEAK, 1e-4)])
def test_decoder_is_diffacts_in_values_and_gradients(
    leak: float, close: float, both: tuple[HopaDIFF, diffact.State]
) -> None:
    method, state = both
    condition = torch.randn(2, L, len(KEPT) * SIZES["maps"]).double().requires_grad_()
    event = torch.rand(2, L, C).double().requires_grad_()
    mask, weights = torch.ones(2, L, dtype=torch.bool), torch.randn(2, L, C).double()
    decoder = method.decoders[0]
    results = [
        decoder(event, torch.tensor([700, 700]), decoder.prepare([condition]), mask),
        taken(diffact.decode(state, taken(condition), 700, taken(event), 3, leak)),
    ]
    torch.testing.assert_close(*results, rtol=close, atol=close)
    grads = [torch.autograd.grad((y * weights).sum(), (condition, event)) for y in results]
    for own, published in zip(*grads, strict=True):
        torch.testing.assert_close(own, published, rtol=close, atol=close)


def test_sample_is_diffacts(both: tuple[HopaDIFF, diffact.State]) -> None:
    method, state = both
    x, mask = torch.randn(1, L, D).double(), torch.ones(1, L, dtype=torch.bool)
    condition, _ = diffact.encode(state, taken(x), SIZES["layers"], KEPT)
    generator = torch.Generator().manual_seed(3)
    noises = [taken(torch.randn(1, L, C, generator=generator)).double() for _ in range(5)]
    expected = diffact.sample(state, condition, noises, 3, 1000, 0.5)
    single = copy.deepcopy(method).float()
    batch = {"holistic": x.float(), "mask": mask}
    found = single.compute_scores(batch, torch.Generator().manual_seed(3))
    torch.testing.assert_close(taken(found).double(), expected, rtol=1e-3, atol=1e-4)
