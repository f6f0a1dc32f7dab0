"""The chunkwise mLSTM in float32 against the recurrence of Eq. 5 in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rhas.methods.hopadiff.mlstm import mlstm_chunkwise, mlstm_recurrent

AGREE = 1e-4  # of the largest entry
SMALL = 0.1  # where all entries are less, the difference is taken of this: some gradients are 0


def random_inputs(
    L: int, *, strength: float = 1.0, memory: float = 0.0, forget: str = "sigmoid", seed: int = 0
) -> list[Tensor]:
    """q, k, v, ĩ, log f in float64; ``memory`` is the mean of the forget gate's pre-activation."""
    torch.manual_seed(seed)
    q, k, v = (torch.randn(1, 2, L, width).double() for width in (4, 4, 3))
    i, f = strength * torch.randn(2, 1, 2, L).double()
    f = f + memory
    return [q, k / 2, v, i, F.logsigmoid(f) if forget == "sigmoid" else f]


def values_and_gradients(form, inputs: list[Tensor], weights: Tensor) -> list[Tensor]:
    leaves = [x.clone().requires_grad_() for x in inputs]
    h = form(*leaves)
    return [h.detach(), *torch.autograd.grad((h * weights).sum(), leaves)]


def disagreement(inputs: list[Tensor], *chunks: int, dtype: torch.dtype = torch.float32) -> float:
    """Of h and the five gradients: the largest difference, as a share of the largest entry."""
    single = [x.to(dtype) for x in inputs]
    weights = torch.randn_like(single[2])
    exact = values_and_gradients(mlstm_recurrent, [x.double() for x in single], weights.double())
    worst = 0.0
    for chunk in chunks:
        found = values_and_gradients(
            lambda *x, chunk=chunk: mlstm_chunkwise(*x, chunk), single, weights
        )
        for a, b in zip(found, exact, strict=True):
            assert a.isfinite().all()
            worst = max(worst, float((a - b).abs().max() / b.abs().max().clamp_min(SMALL)))
    return worst


@given(
    L=st.integers(1, 130),
    chunk=st.integers(1, 140),
    strength=st.sampled_from([0.1, 1.0]),
    memory=st.sampled_from([-3.0, 0.0, 4.0, 12.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=25, deadline=None)
def test_float32_agrees_for_any_length_and_chunk(
    L: int, chunk: int, strength: float, memory: float, seed: int
) -> None:
    inputs = random_inputs(L, strength=strength, memory=memory, seed=seed)
    assert disagreement(inputs, chunk) < AGREE


@given(
    L=st.integers(1, 60),
    chunk=st.integers(1, 70),
    memory=st.sampled_from([-3.0, 0.0, 4.0, 12.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_float64_agrees_for_strong_gates(L: int, chunk: int, memory: float, seed: int) -> None:
    """Input gates from e^-15 to e^15. Where nᵀq nearly cancels the quotient is ill-conditioned:
    in float32 the recurrence itself is then up to 3e-4 off, so the forms are compared exactly."""
    inputs = random_inputs(L, strength=5.0, memory=memory, seed=seed)
    assert disagreement(inputs, chunk, dtype=torch.float64) < 1e-9


def test_twelve_thousand_frames() -> None:
    """The gates keep about 100 frames; the sum of their logarithms passes 100."""
    inputs = random_inputs(12_001, memory=5.0)
    assert inputs[4].sum(-1).max() < -100
    assert disagreement(inputs, 64, 250) < AGREE


@pytest.mark.parametrize("strength", [40.0, 300.0])
@pytest.mark.parametrize("forget", ["sigmoid", "exp"])
def test_large_gates_do_not_overflow(strength: float, forget: str) -> None:
    """exp(300) is no float32; with f = exp(f̃) the memory itself would pass any float."""
    inputs = random_inputs(257, strength=strength, forget=forget)
    single = [x.float() for x in inputs]
    weights = torch.randn_like(single[2])
    found = values_and_gradients(lambda *x: mlstm_chunkwise(*x, 16), single, weights)
    assert all(x.isfinite().all() for x in found)
    exact = mlstm_recurrent(*(x.double() for x in single))
    error = (found[0].double() - exact).abs().max() / exact.abs().max()
    assert error < 1e-3


def test_gates_that_never_open_and_never_forget() -> None:
    q, k, v, i, f = (x.float() for x in random_inputs(100))
    shut = mlstm_chunkwise(q, k, v, i - 1e4, f, 16)
    assert (shut == 0).all()
    kept = [q, k, v, i, torch.zeros_like(f)]
    assert disagreement(kept, 16) < AGREE


def test_results_do_not_depend_on_the_chunk() -> None:
    inputs = random_inputs(333, memory=3.0)
    whole = mlstm_chunkwise(*inputs, 333)
    for chunk in (1, 7, 64, 332, 1000):
        torch.testing.assert_close(mlstm_chunkwise(*inputs, chunk), whole)
