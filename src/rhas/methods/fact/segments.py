"""Predicted segments: runs of steps whose predicted labels are the same.

B rows, N steps, S segments of the row that has most, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def predicted(probabilities: Float[Tensor, "B N C"], activation: str) -> Bool[Tensor, "B N C"]:
    """The labels above 1/2, and where none is, or one alone is asked for, the top one."""
    top = F.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).bool()
    if activation == "softmax":
        return top
    on = probabilities > 0.5
    return torch.where(on.any(-1, keepdim=True), on, top)


def runs(
    labels: Bool[Tensor, "B N C"], mask: Bool[Tensor, "B N"]
) -> tuple[Int[Tensor, "B N"], Bool[Tensor, "B S"]]:
    """Which segment of its row a step is in, and which segments a row has.

    Padding is in a row's last segment; the mask begins with the real steps.
    """
    change = (labels[:, 1:] != labels[:, :-1]).any(-1) & mask[:, 1:]
    of = F.pad(change.cumsum(1), (1, 0))  # (B, N)
    count = (of[:, -1] + 1) * mask.any(1)
    return of, torch.arange(int(of.max()) + 1, device=of.device) < count[:, None]
