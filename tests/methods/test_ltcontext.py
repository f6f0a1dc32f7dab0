"""LTContext against its published structure, written out slowly, with one set of weights."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods import Dims, build_method, make_config
from rhas.methods.layers.features import PooledFeatures

C, D = 7, 10
SIZES = {"stages": 3, "layers": 4, "width": 16, "window": 8, "long_stride": 6}


class Published:
    """One video (T, D), channels first, full T×T attention; weights by their published names.

    ``stage1.layers.0.windowed_attn.attn.proj_q``, ``stages.0.input_proj``, ``dim_reduction`` ...
    """

    def __init__(self, weights: dict[str, Tensor], window: int, group: int) -> None:
        self.weights, self.window, self.group = weights, window, group

    def conv(self, name: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        padding = dilation * (weight.shape[2] // 2)
        return F.conv1d(x[None], weight, bias, padding=padding, dilation=dilation)[0]

    def attention(self, name: str, x: Tensor, values: Tensor, allowed: Tensor) -> Tensor:
        q, k = self.conv(f"{name}.attn.proj_q", x), self.conv(f"{name}.attn.proj_k", x)
        v = self.conv(f"{name}.attn.proj_v", values)
        scores = (q.T @ k / math.sqrt(len(k))).masked_fill(~allowed, -torch.inf)
        seen = v @ scores.softmax(-1).T
        return self.conv(f"{name}.attn.proj.1", F.gelu(seen))

    def stage(self, name: str, x: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        T = x.shape[1]
        t = torch.arange(T)
        first = t // self.window * self.window - self.window // 2
        near = (t >= first[:, None]) & (t < first[:, None] + 2 * self.window)
        far = (t - t[:, None]) % self.group == 0
        x = self.conv(f"{name}.input_proj", x)
        i = 0
        while f"{name}.layers.{i}.out_linear.weight" in self.weights:
            layer = f"{name}.layers.{i}"
            out = F.gelu(self.conv(f"{layer}.dilated_conv.dilated_conv", x, 2**i))
            for part, allowed in (("windowed_attn", near), ("ltc_attn", far)):
                values = out if previous is None else previous
                out = self.attention(f"{layer}.{part}", out, values, allowed) + out
            x = self.conv(f"{layer}.out_linear", out) + x
            i += 1
        return self.conv(f"{name}.out_proj", x), x

    def __call__(self, features: Tensor) -> list[Tensor]:
        out, x = self.stage("stage1", features.T, None)
        found = [out.T]
        x = self.conv("dim_reduction", x)
        s = 0
        while f"stages.{s}.input_proj.weight" in self.weights:
            out, x = self.stage(f"stages.{s}", out.softmax(0), x)
            found.append(out.T)
            s += 1
        return found


def published_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """This project's weights under the names, and in the shapes, of the published model."""
    parts = {
        "enter": "input_proj", "head": "out_proj", "blocks": "layers", "out": "out_linear",
        "conv": "dilated_conv.dilated_conv", "windowed": "windowed_attn", "strided": "ltc_attn",
        "query": "attn.proj_q", "key": "attn.proj_k", "value": "attn.proj_v",
        "first": "stage1", "rest": "stages", "narrow": "dim_reduction",
    }  # fmt: skip
    named = {}
    for key, value in state.items():
        if key.startswith("reader."):
            continue
        name = key.replace("windowed.out", "windowed.attn.proj.1").replace(
            "strided.out", "strided.attn.proj.1"
        )
        if key.endswith("weight") and value.ndim == 2:
            value = value[..., None]  # a linear layer is a convolution with one tap
        named[".".join(parts.get(part, part) for part in name.split("."))] = value
    return named


@pytest.mark.parametrize("T", [5, 24, 41])
def test_it_is_the_published_model(T: int) -> None:
    torch.manual_seed(T)
    overrides = {**SIZES, "activation": "softmax", "inputs": "holistic"}
    method = build_method(
        "ltcontext", make_config("ltcontext", "paper", overrides), Dims(D=D, D_text=4, C=C, L=T)
    )
    method.double().eval()
    published = Published(published_names(method.state_dict()), 8, 6)
    features = torch.randn(T, D).double()
    mask = torch.ones(1, T, dtype=torch.bool)
    found = method.stage_logits(PooledFeatures(features[None], mask))
    expected = published(features)
    assert len(found) == len(expected) == 3
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours[0], theirs)


def test_stages_pass_sigmoids_on_unless_told_otherwise() -> None:
    torch.manual_seed(0)
    config = make_config("ltcontext", "paper", {**SIZES, "inputs": "holistic"})
    method = build_method("ltcontext", config, Dims(D=D, D_text=4, C=C, L=20)).eval()
    said: list[Tensor] = []
    method.rest[0].enter.register_forward_hook(lambda _, args, __: said.append(args[0]))
    mask = torch.ones(1, 20, dtype=torch.bool)
    logits = method.stage_logits(PooledFeatures(torch.randn(1, 20, D), mask))
    torch.testing.assert_close(said[0], logits[0].sigmoid())


def test_the_paper_preset_has_the_published_size() -> None:
    """0.61 M at 137 classes and 768 channels; both streams add one 768×64 matrix."""

    def size(inputs: str) -> int:
        config = make_config("ltcontext", "paper", {"inputs": inputs})
        method = build_method("ltcontext", config, Dims(D=768, D_text=8, C=137, L=3000))
        return sum(p.numel() for p in method.parameters())

    assert size("holistic") == 613_188
    assert size("both") == 613_188 + 768 * 64


@pytest.mark.parametrize(
    "wrong", [{"width": 30}, {"window": 7}, {"layers": 0}, {"dropout": 1.0}, {"stages": 0}]
)
def test_fields_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(RhasError, match=f"method ltcontext, {next(iter(wrong))}"):
        make_config("ltcontext", "paper", wrong)


def test_one_stage_alone_is_a_model() -> None:
    config = make_config("ltcontext", "paper", {**SIZES, "stages": 1})
    method = build_method("ltcontext", config, Dims(D=D, D_text=4, C=C, L=20))
    assert method.narrow is None
    assert (
        len(
            method.stage_logits(PooledFeatures(torch.randn(1, 20, 2 * D), torch.ones(1, 20).bool()))
        )
        == 1
    )
