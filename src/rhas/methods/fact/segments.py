"""Predicted segments: runs of pooled frames whose predicted labels are the same.

B rows, N pooled frames, S segments of the row that has most, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def predict_labels(probabilities: Float[Tensor, "B N C"], activation: str) -> Bool[Tensor, "B N C"]:
    """The labels above 1/2; the top one where there is none, and for ``softmax``."""
    top = F.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).bool()
    if activation == "softmax":
        return top
    on = probabilities > 0.5
    return torch.where(on.any(-1, keepdim=True), on, top)


def find_runs(
    labels: Bool[Tensor, "B N C"], mask: Bool[Tensor, "B N"]
) -> tuple[Int[Tensor, "B N"], Bool[Tensor, "B S"]]:
    """The segment of each pooled frame, and which segments a row has.

    Padding is in a row's last segment; the mask begins with the real steps.
    """
    change = (labels[:, 1:] != labels[:, :-1]).any(-1) & mask[:, 1:]
    of = F.pad(change.cumsum(1), (1, 0))  # (B, N)
    count = (of[:, -1] + 1) * mask.any(1)
    return of, torch.arange(int(of.max()) + 1, device=of.device) < count[:, None]
