"""Each module of HopaDIFF against its slow plain form."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct as scipy_dct
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods.hopadiff import diffusion, losses
from rhas.methods.hopadiff.config import PRESETS, HopaDiffConfig
from rhas.methods.hopadiff.decoder import DiffusionDecoder
from rhas.methods.hopadiff.layers import DilatedLayer, InstanceNorm, drop_entries
from rhas.methods.hopadiff.mlstm import mlstm_chunkwise, mlstm_recurrent
from rhas.methods.hopadiff.neighbours import dilated_offsets, full_attention, neighbour_attention
from rhas.methods.hopadiff.spectrum import SpectrumEmbedding, dct, dft
from rhas.methods.hopadiff.xlstm import CrossGate, MLSTMCell


def plain_attention(q: Tensor, k: Tensor, v: Tensor, offsets: tuple[int, ...], mask: Tensor):
    """All L×L scores, those that are not neighbours or not real removed."""
    L = q.shape[1]
    distance = torch.arange(L) - torch.arange(L)[:, None]
    allowed = torch.isin(distance, torch.tensor(offsets)) & mask[:, None]
    scores = (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).masked_fill(~allowed, -torch.inf)
    return torch.softmax(scores, -1).nan_to_num(0) @ v


@given(
    L=st.integers(1, 20),
    offsets=st.sets(st.integers(-25, 25), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_neighbour_attention_is_masked_attention(L: int, offsets: set[int], seed: int) -> None:
    torch.manual_seed(seed)
    mask = torch.rand(2, L) > 0.3
    inputs = [torch.randn(2, L, width).double().requires_grad_() for width in (3, 3, 4)]
    weights = torch.randn(2, L, 4).double()
    results = []
    for attend in (neighbour_attention, plain_attention):
        out = attend(*inputs, tuple(offsets), mask)
        results.append((out, *torch.autograd.grad((out * weights).sum(), inputs)))
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_neighbour_attention_in_short_numbers(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    exact = [torch.randn(1, 30, 4).double().requires_grad_() for _ in range(3)]
    short = [x.detach().to(dtype).requires_grad_() for x in exact]
    results = []
    for inputs in (exact, short):
        out = neighbour_attention(*inputs, (-2, 0, 2))
        results.append((out, *torch.autograd.grad(out.sum(), inputs)))
    for slow, fast in zip(*results, strict=True):
        assert fast.dtype == dtype
        torch.testing.assert_close(fast.double(), slow, rtol=0.05, atol=0.05)


def test_neighbour_attention_keeps_nothing_of_size_l_squared_or_n_copies() -> None:
    B, L, d, n = 1, 400, 8, 5
    q, k, v = (torch.randn(B, L, d, requires_grad=True) for _ in range(3))
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: saved.append(t.numel()) or t, lambda t: t
    ):
        neighbour_attention(q, k, v, dilated_offsets(n, 3))
    assert sum(saved) == 3 * B * L * d + n * B * L


def test_full_attention_is_masked_attention() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 3, 40, 5, dtype=torch.float64)
    v, mask = torch.randn(3, 40, 9, dtype=torch.float64), torch.rand(3, 40) > 0.3
    mask[0] = True
    scores = (q @ k.transpose(1, 2)) / 5**0.5
    expected = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1) @ v
    torch.testing.assert_close(full_attention(q, k, v, mask), expected)
    torch.testing.assert_close(full_attention(q, k, v[..., :2], mask), expected[..., :2])


def test_full_attention_reads_no_padding() -> None:
    q, k, v = torch.randn(3, 1, 10, 4)
    mask = torch.arange(10)[None] < 6
    changed = torch.where(mask[..., None], v, 1e6)
    assert torch.equal(full_attention(q, k, v, mask), full_attention(q, k, changed, mask))
    assert full_attention(q, k, v, mask & False).isfinite().all()


def test_dilated_offsets_are_centred() -> None:
    assert dilated_offsets(5, 4) == (-8, -4, 0, 4, 8)
    assert dilated_offsets(1, 4) == (0,)


def mlstm_by_the_equation(q, k, v, input_gate, log_forget):
    """Eq. 5 without a stabiliser, for small gates in float64."""
    B, H, L, d = q.shape
    memory, n = torch.zeros(B, H, v.shape[3], d).double(), torch.zeros(B, H, d).double()
    out = []
    for t in range(L):
        f, i = log_forget[:, :, t].exp(), input_gate[:, :, t].exp()
        memory = f[..., None, None] * memory + i[..., None, None] * (
            v[:, :, t, :, None] * k[:, :, t, None, :]
        )
        n = f[..., None] * n + i[..., None] * k[:, :, t]
        size = (n * q[:, :, t]).sum(-1).abs().clamp_min(1)
        out.append((memory @ q[:, :, t, :, None])[..., 0] / size[..., None])
    return torch.stack(out, 2)


def gates_and_projections(L: int, strength: float, seed: int, forget: str) -> list[Tensor]:
    torch.manual_seed(seed)
    q, k, v = (torch.randn(2, 2, L, width).double() for width in (3, 3, 4))
    i, f = strength * torch.randn(2, 2, 2, L).double()
    log_forget = torch.nn.functional.logsigmoid(f) if forget == "sigmoid" else f
    return [x.requires_grad_() for x in (q, k, v, i, log_forget.detach())]


def test_recurrent_mlstm_is_equation_5() -> None:
    inputs = gates_and_projections(30, 1.0, 0, "sigmoid")
    torch.testing.assert_close(mlstm_recurrent(*inputs), mlstm_by_the_equation(*inputs))


@given(
    L=st.integers(1, 40),
    chunk=st.integers(1, 16),
    strength=st.sampled_from([0.3, 3.0, 20.0]),
    forget=st.sampled_from(["sigmoid", "exp"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_chunkwise_mlstm_equals_recurrent_in_values_and_gradients(
    L: int, chunk: int, strength: float, forget: str, seed: int
) -> None:
    inputs = gates_and_projections(L, strength, seed, forget)
    weights = torch.randn(2, 2, L, 4).double()
    slow, fast = mlstm_recurrent(*inputs), mlstm_chunkwise(*inputs, chunk)
    torch.testing.assert_close(fast, slow, rtol=1e-6, atol=1e-8)
    slow_grads = torch.autograd.grad((slow * weights).sum(), inputs)
    fast_grads = torch.autograd.grad((fast * weights).sum(), inputs)
    for name, a, b in zip(("q", "k", "v", "i", "f"), fast_grads, slow_grads, strict=True):
        # The floor of the normaliser is a kink: gradients there are compared in the large.
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6 * (1 + b.abs().max()), msg=name)


def test_chunkwise_mlstm_in_float32_over_many_chunks() -> None:
    inputs = [x.detach() for x in gates_and_projections(700, 2.0, 1, "sigmoid")]
    exact = mlstm_recurrent(*inputs)
    found = mlstm_chunkwise(*(x.float() for x in inputs), 8)
    torch.testing.assert_close(found.double(), exact, rtol=1e-2, atol=1e-3)


def test_mlstm_cell_is_causal() -> None:
    torch.manual_seed(0)
    cell = MLSTMCell(width=8, heads=2, chunk=4, forget_gate="sigmoid")
    z, mask = torch.randn(1, 20, 8), torch.ones(1, 20, dtype=torch.bool)
    changed = z.clone()
    changed[:, 12:] += 1
    before, after = (cell(x, cell.input_gates(x), mask) for x in (z, changed))
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_the_shared_similarity_is_read_by_rows_and_by_columns() -> None:
    torch.manual_seed(0)
    gate, mask = CrossGate(heads=2, width=4), torch.ones(1, 9, dtype=torch.bool)
    holistic, partial = torch.randn(2, 1, 9, 2)
    similarity = gate.query(holistic) @ gate.key(partial).transpose(1, 2) / 2
    seen = similarity.softmax(2) @ partial, similarity.softmax(1).transpose(1, 2) @ holistic
    expected = [
        0.9 * own + 0.1 * other for own, other in zip((holistic, partial), seen, strict=True)
    ]
    torch.testing.assert_close(gate(holistic, partial, mask), expected)


def test_closed_output_gates_close_the_memory() -> None:
    """A norm behind the gate would open it again."""
    torch.manual_seed(0)
    z, mask = torch.randn(1, 20, 8), torch.ones(1, 20, dtype=torch.bool)
    cell = MLSTMCell(width=8, heads=2, chunk=4, forget_gate="sigmoid")
    with torch.no_grad():
        cell.project.weight[-8:] = 0
        cell.project.bias[-8:] = -6
        cell.back.bias.zero_()
        added = cell(z, cell.input_gates(z), mask) - z
    assert added.norm() / z.norm() < 0.01


def test_a_spectrum_keeps_the_powers_of_its_frequencies() -> None:
    torch.manual_seed(0)
    t = torch.arange(32)
    wave = torch.cos(2 * torch.pi * 4 * t / 32)[None, :, None].expand(1, 32, 3)
    spectrum = SpectrumEmbedding("dft", 3, 5).requires_grad_(False)
    spectrum.project.bias.zero_()
    found = spectrum(wave).norm(dim=-1)[0]
    assert (found > 1e-3).nonzero()[:, 0].tolist() == [4, 28]
    assert spectrum(10 * wave).norm() > 1.5 * spectrum(wave).norm()


@pytest.mark.parametrize("L", [8, 9])
def test_spectra_are_the_libraries(L: int) -> None:
    z = np.random.default_rng(0).normal(size=(2, L, 3))
    spectrum = np.fft.fft(z, axis=1, norm="ortho")
    expected = np.concatenate([spectrum.real, spectrum.imag], -1)
    np.testing.assert_allclose(dft(torch.from_numpy(z)), expected, atol=1e-12)
    expected = scipy_dct(z, type=2, axis=1, norm="ortho")
    np.testing.assert_allclose(dct(torch.from_numpy(z)), expected, atol=1e-12)


@pytest.mark.parametrize("norm", ["channel", "instance"])
def test_dilated_layer_is_convolution_beside_attention(norm: str) -> None:
    torch.manual_seed(0)
    layer = DilatedLayer(width=4, kernel=3, dilation=2, dropout=0.5, norm=norm).eval()
    mask = torch.tensor([[True] * 9 + [False] * 3])
    x = torch.randn(1, 12, 4) * mask[..., None]
    condition = torch.randn(1, 12, 12)
    near = torch.zeros(1, 12, 4) + layer.conv.bias
    for t in range(12):
        for tap, s in enumerate((t - 2, t, t + 2)):
            if 0 <= s < 12:
                near[:, t] += x[:, s] @ layer.conv.weight[:, :, tap].T
    q, k, v = (layer.project(x) + condition).chunk(3, -1)
    mixed = layer.norm(near + plain_attention(q, k, v, (-2, 0, 2), mask), mask)
    expected = x + layer.ffn(mixed) * mask[..., None]
    torch.testing.assert_close(layer(x, mask, condition), expected)


@pytest.mark.parametrize("real", [7, 4, 0])
def test_instance_norm_is_torchs_over_the_real_frames(real: int) -> None:
    torch.manual_seed(0)
    mask = torch.arange(7) < torch.tensor([7, real])[:, None]
    x = (3 + 2 * torch.randn(2, 7, 5).double()).requires_grad_()
    weights = torch.randn(2, 7, 5).double()
    found = InstanceNorm(5)(x, mask)
    parts = [F.instance_norm(x[:1].transpose(1, 2)).transpose(1, 2), torch.zeros_like(x[1:])]
    if real:
        row = F.instance_norm(x[1:, :real].transpose(1, 2)).transpose(1, 2)
        parts[1] = F.pad(row, (0, 0, 0, 7 - real))
    expected = torch.cat(parts)
    torch.testing.assert_close(found, expected)
    grads = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (found, expected)]
    torch.testing.assert_close(*grads)


def test_dropout_of_whole_channels_or_frames() -> None:
    torch.manual_seed(0)
    x = torch.ones(3, 50, 40)
    channels = drop_entries(x, 0.5, (0, 2), True)
    assert set(channels.unique().tolist()) == {0.0, 2.0}
    assert (channels == channels[:, :1]).all()
    frames = drop_entries(x, 0.5, (0, 1), True)
    assert (frames == frames[:, :, :1]).all()
    assert drop_entries(x, 0.5, (0, 1), False) is x


def test_without_condition_values_the_condition_only_chooses_among_neighbours() -> None:
    config = HopaDiffConfig(decoder_layers=2, decoder_maps=4, time_width=8, condition_values=False)
    decoder = DiffusionDecoder(config, 5, [6])
    first, layers = decoder.prepare([torch.randn(1, 7, 6)])
    assert first is None
    for added in layers:
        assert added.shape == (1, 7, 12)
        assert (added[..., 8:] == 0).all()
        assert (added[..., :8] != 0).any()


def test_schedule_falls_from_clean_to_noise() -> None:
    alpha_bar = diffusion.cosine_schedule(1000)
    assert alpha_bar.shape == (1000,)
    assert (alpha_bar.diff() < 0).all()
    assert alpha_bar[0] > 0.999
    assert 0 < alpha_bar[-1] < 1e-4


def test_sampling_visits_evenly_spaced_steps_from_the_last() -> None:
    assert diffusion.sampling_timesteps(1000, 4) == [999, 749, 499, 249]
    assert diffusion.sampling_timesteps(5, 5) == [4, 3, 2, 1, 0]
    assert len(set(diffusion.sampling_timesteps(1000, 25))) == 25


def test_noising_is_the_closed_form() -> None:
    noisy = diffusion.add_noise(torch.tensor(2.0), torch.tensor(-1.0), torch.tensor(0.36))
    torch.testing.assert_close(noisy, torch.tensor(0.6 * 2 - 0.8))


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_returns_what_a_denoiser_knows(eta: float) -> None:
    truth = torch.randn(2, 3)
    alpha_bar = diffusion.cosine_schedule(100)
    found = diffusion.ddim(lambda x, t: truth, lambda: torch.randn(2, 3), alpha_bar, 10, eta)
    assert torch.equal(found, truth)


def test_ddim_keeps_the_noise_level_of_each_step() -> None:
    """With x_0 known, x_t - √ᾱ_t x_0 has variance 1 - ᾱ_t at every visited step."""
    torch.manual_seed(0)
    alpha_bar = diffusion.cosine_schedule(100)
    for eta in (0.0, 0.5, 1.0):
        seen = {}

        def denoise(x: Tensor, t: int, seen: dict[int, float] = seen) -> Tensor:
            seen[t] = float((x - alpha_bar[t].sqrt() * 3).var())
            return torch.full_like(x, 3.0)

        diffusion.ddim(denoise, lambda: torch.randn(20_000).double(), alpha_bar, 8, eta)
        for t, variance in seen.items():
            assert variance == pytest.approx(1 - float(alpha_bar[t]), rel=0.05)


def test_ddim_over_a_gaussian_is_the_product_of_its_factors() -> None:
    """For N(0, s²) the exact denoiser is linear, so a deterministic chain multiplies its noise."""
    alpha_bar = diffusion.cosine_schedule(1000)
    s, steps = 0.7, 10
    start = torch.randn(50).double()

    def gain(t: int) -> float:  # E[x_0 | x_t] = gain · x_t
        a = float(alpha_bar[t])
        return math.sqrt(a) * s**2 / (a * s**2 + 1 - a)

    found = diffusion.ddim(lambda x, t: gain(t) * x, lambda: start, alpha_bar, steps, 0.0)
    factor = 1.0
    times = diffusion.sampling_timesteps(1000, steps)
    for t, following in itertools.pairwise(times):
        a, b = float(alpha_bar[t]), float(alpha_bar[following])
        noise_share = (1 - math.sqrt(a) * gain(t)) / math.sqrt(1 - a)
        factor *= math.sqrt(b) * gain(t) + math.sqrt(1 - b) * noise_share
    torch.testing.assert_close(found, start * factor * gain(times[-1]))


def test_ddim_samples_a_gaussian() -> None:
    """The exact denoiser of N(m, s²) must give that distribution back (k-diffusion's check)."""
    torch.manual_seed(0)
    alpha_bar = diffusion.cosine_schedule(1000)
    m, s = 2.0, 0.5

    def denoise(x: Tensor, t: int) -> Tensor:
        a = float(alpha_bar[t])
        return m + math.sqrt(a) * s**2 / (a * s**2 + 1 - a) * (x - math.sqrt(a) * m)

    drawn = diffusion.ddim(denoise, lambda: torch.randn(4000).double(), alpha_bar, 250, 0.0)
    assert float(drawn.mean()) == pytest.approx(m, abs=0.03)
    assert float(drawn.std()) == pytest.approx(s, rel=0.08)


def test_change_probability_by_hand() -> None:
    p = torch.tensor([[[0.3, 0.9], [0.3, 0.9], [0.8, 0.4]]])
    found = losses.change_probability(torch.logit(p))
    torch.testing.assert_close(found, torch.tensor([[0.0, 1 - 0.5 * 0.5]]))


def test_boundary_loss_is_least_where_the_changes_are() -> None:
    labels = torch.zeros(1, 8, 3)
    labels[:, 4:, 1] = 1
    boundary = torch.tensor([[0, 0, 0, 1, 1, 0, 0, 0.0]])
    mask = torch.ones(1, 8, dtype=torch.bool)
    right, late = (
        float(losses.boundary_loss(12 * (2 * x - 1), boundary, mask))
        for x in (labels, labels.roll(2, 1).index_fill(1, torch.tensor([0, 1]), 0))
    )
    nothing = float(losses.boundary_loss(torch.zeros(1, 8, 3), boundary, mask))
    assert right < nothing < late
    assert float(losses.boundary_loss(torch.randn(1, 8, 3), boundary, mask & False)) == 0


def test_boundary_loss_has_finite_gradients_at_certain_predictions() -> None:
    logits = torch.full((1, 4, 2), 200.0)
    logits[:, 2:] = -200
    logits.requires_grad_()
    losses.boundary_loss(logits, torch.tensor([[1.0, 0, 0, 1]]), torch.ones(1, 4) > 0).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"stride": 0},
        {"encoder_kernel": 4},
        {"encoder_dropout": 1.0},
        {"feature_layers": (12,)},
        {"xlstm_heads": 5},
        {"sampling_steps": 2000},
        {"time_width": 3},
        {"condition_masks": ("half",)},
        {"scale": 0.0},
        {"decoder_layers": 0},
    ],
)
def test_config_names_the_field_that_is_out_of_range(wrong: dict) -> None:
    with pytest.raises(RhasError, match=next(iter(wrong))):
        HopaDiffConfig(**wrong)


def test_preset_sizes_are_those_of_the_sources() -> None:
    paper, appendix, code = (PRESETS[name] for name in ("paper", "appendix", "code"))
    assert (paper.encoder_layers, paper.encoder_maps) == (12, 256)
    assert (paper.decoder_layers, paper.decoder_maps, paper.time_width) == (8, 128, 512)
    assert (appendix.encoder_maps, appendix.decoder_maps, appendix.encoder_kernel) == (64, 24, 5)
    assert (code.encoder_layers, code.decoder_maps, code.decoder_kernel) == (10, 24, 7)
    sources = (paper, appendix, code)
    assert all(p.norm == "instance" and p.clip_noisy for p in sources)
    assert not any(p.condition_norm or p.condition_values for p in sources)
    assert all((p.timesteps, p.sampling_steps) == (1000, 25) for p in sources)
