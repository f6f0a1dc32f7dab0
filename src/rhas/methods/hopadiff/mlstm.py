"""The mLSTM cell of Eq. 5 (xLSTM's matrix memory), in two forms that agree.

B rows, H heads, L frames, d width of queries and keys, e width of values, N chunks of S frames.

    C_t = f_t C_{t-1} + i_t v_t k_tᵀ      n_t = f_t n_{t-1} + i_t k_t
    h_t = C_t q_t / max(|n_tᵀ q_t|, 1)    i_t = exp(ĩ_t)

The recurrent form is the definition; the chunkwise form is what runs. Both keep the memory as
``C exp(-m)`` with a stabiliser m, which cancels in h: it is a constant to the gradient.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_NEVER = -1e30  # log of a gate that is shut; finite, so that differences stay numbers
_BLOCK = 64  # chunks whose states are summed by one triangular product
_TINY = 1e-30


def mlstm_recurrent(
    q: Float[Tensor, "B H L d"], k: Float[Tensor, "B H L d"], v: Float[Tensor, "B H L e"],
    input_gate: Float[Tensor, "B H L"], log_forget: Float[Tensor, "B H L"],
) -> Float[Tensor, "B H L e"]:  # fmt: skip
    """Eq. 5 frame by frame.

    Args:
        q: (B, H, L, d).
        k: (B, H, L, d), scaled by 1/√d already.
        v: (B, H, L, e).
        input_gate: ĩ, the logarithm of i, (B, H, L).
        log_forget: the logarithm of f, (B, H, L).

    Returns:
        h̃, (B, H, L, e), before the output gate.
    """
    memory = q.new_zeros(*q.shape[:2], q.shape[3], v.shape[3])  # Cᵀ
    normaliser = q.new_zeros(*q.shape[:2], q.shape[3])
    m = q.new_full(q.shape[:2], _NEVER)
    outputs = []
    for t in range(q.shape[2]):
        i, f = input_gate[:, :, t], log_forget[:, :, t]
        before, m = m, torch.maximum(f + m, i).detach()
        decay, write = torch.exp(f + before - m), torch.exp(i - m)
        key = k[:, :, t] * write[..., None]
        memory = decay[..., None, None] * memory + key[..., None] * v[:, :, t, None, :]
        normaliser = decay[..., None] * normaliser + key
        query = q[:, :, t]
        numerator = torch.einsum("bhd,bhde->bhe", query, memory)
        size = (query * normaliser).sum(-1).abs()
        outputs.append(numerator / torch.maximum(size, torch.exp(-m).clamp_min(_TINY))[..., None])
    return torch.stack(outputs, 2)


def mlstm_chunkwise(
    q: Float[Tensor, "B H L d"], k: Float[Tensor, "B H L d"], v: Float[Tensor, "B H L e"],
    input_gate: Float[Tensor, "B H L"], log_forget: Float[Tensor, "B H L"],
    chunk: int = 64,
) -> Float[Tensor, "B H L e"]:  # fmt: skip
    """The same for whole chunks: matrix products inside a chunk, a carried memory between them.

    Arguments and result as in :func:`mlstm_recurrent`. Time and memory are linear in L. Sums of
    log gates are float64: they reach 1e5 in long sequences, and their differences matter.
    """
    length, e = q.shape[2], v.shape[3]
    chunk = min(chunk, length)
    end = -length % chunk
    v = torch.cat([v, v.new_ones(*v.shape[:3], 1)], 3)  # its last column becomes nᵀq
    q, k, v = (_chunks(F.pad(x, (0, 0, 0, end)), chunk) for x in (q, k, v))  # (B, H, N, S, ·)
    i = _chunks(F.pad(input_gate.double(), (0, end), value=_NEVER), chunk)  # (B, H, N, S)
    f = _chunks(F.pad(log_forget.double(), (0, end)), chunk)

    decay = f.cumsum(-1)  # Σ_{r<=t} log f_r within the chunk
    source = i - decay
    total = decay[..., -1]  # (B, H, N)

    # What each chunk adds to the memory, times exp(-total - top).
    top = source.detach().amax(-1)
    written = k * torch.exp(source - top[..., None]).to(k.dtype)[..., None]
    added = written.transpose(-1, -2) @ v  # (B, H, N, d, e + 1)
    memory, m_memory = _memories(added, total, top)

    # Rows: exp(decay_t) (exp(m_memory) memory + Σ_{s<=t} exp(source_s) ...), stabilised by m_t.
    inside = source.detach().cummax(-1).values
    m = decay.detach() + torch.maximum(inside, m_memory.detach()[..., None])
    m = m.clamp_min(0)  # exact as well, and keeps exp(-m), the 1 of Eq. 5, from overflowing
    row = decay - m
    carried = torch.exp(row + m_memory[..., None]).to(q.dtype)
    future = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).triu(1)
    gates = torch.exp(_outer_sum(row, source, q.dtype).masked_fill(future, -torch.inf))
    result = carried[..., None] * (q @ memory) + ((q @ k.transpose(-1, -2)) * gates) @ v
    floor = torch.exp(-m).to(q.dtype).clamp_min(_TINY)
    h = result[..., :e] / torch.maximum(result[..., e].abs(), floor)[..., None]
    return h.flatten(2, 3)[:, :, :length]


def _chunks(x: Tensor, chunk: int) -> Tensor:
    return x.unflatten(2, (-1, chunk))


def _outer_sum(row: Tensor, column: Tensor, dtype: torch.dtype) -> Tensor:
    """``row_t + column_s`` of float64 (..., S), exact where they nearly cancel; (..., S, S).

    Each is split into its rounding to ``dtype`` and the rest, so no float64 matrix is made.
    """
    row_high, column_high = row.to(dtype), column.to(dtype)
    row_low = (row.detach() - row_high.detach()).to(dtype)
    column_low = (column.detach() - column_high.detach()).to(dtype)
    high = row_high[..., :, None] + column_high[..., None, :]
    return high + (row_low[..., :, None] + column_low[..., None, :])


def _memories(
    added: Float[Tensor, "B H N d e"], total: Float[Tensor, "B H N"], top: Float[Tensor, "B H N"]
) -> tuple[Float[Tensor, "B H N d e"], Float[Tensor, "B H N"]]:
    """The memory before each chunk.

    Args:
        added: (B, H, N, d, e) what a chunk adds, times exp(-total - top).
        total: (B, H, N) a chunk's log decay, float64.
        top: (B, H, N) its stabiliser, float64, without gradient.

    Returns:
        The memories (B, H, N, d, e) times exp(-m), and m (B, H, N) float64.
    """
    since = total.cumsum(-1)  # log decay from the start to a chunk's end
    source = total + top - since
    best = F.pad(source.detach().cummax(-1).values, (1, 0), value=_NEVER)  # before chunk 0 .. N
    flat = added.flatten(3)  # (B, H, N, d·e)
    carry = torch.zeros_like(flat[:, :, 0])
    blocks = []
    for first in range(0, source.shape[-1], _BLOCK):
        block = slice(first, first + _BLOCK)
        inner = source[..., block]
        # Rows: the memory before each chunk of the block, and the one after its last.
        reference = best[..., first : first + inner.shape[-1] + 1]
        exponent = inner[..., None, :] - reference[..., :, None]
        later = torch.ones(exponent.shape[-2:], dtype=torch.bool, device=flat.device).triu(0)
        weights = torch.exp(exponent.masked_fill(later, -torch.inf)).to(flat.dtype)
        kept = torch.exp(reference[..., :1] - reference).to(flat.dtype)
        states = weights @ flat[:, :, block] + kept[..., None] * carry[:, :, None]
        blocks.append(states[:, :, :-1])
        carry = states[:, :, -1]
    memory = torch.cat(blocks, 2).view_as(added)
    return memory, F.pad(since, (1, -1)) + best[..., :-1]
