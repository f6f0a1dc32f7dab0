"""From a box's scores per token to one score per reference.

With token probabilities 0.2, 0.8, 0.5 of a reference's three tokens: ``max`` 0.8, ``mean`` 0.5,
``logit_mean`` 0.5 (the logits are -1.386, 1.386, 0), ``last`` 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from rhas.config.ground import Policy

_POLICIES: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda logits: logits.sigmoid().amax(-1),
    "mean": lambda logits: logits.sigmoid().mean(-1),
    "logit_mean": lambda logits: logits.mean(-1).sigmoid(),
    "last": lambda logits: logits[..., -1].sigmoid(),
}
assert set(_POLICIES) == set(get_args(Policy))


def reference_scores(logits: Tensor, spans: tuple[tuple[int, int], ...], policy: Policy) -> Tensor:
    """One score per box and reference.

    Args:
        logits: (B, Q, T) logits of boxes and tokens.
        spans: R half-open ranges of token positions.
        policy: ``max``, the best token; ``mean``, of the tokens' probabilities; ``logit_mean``, the
            probability of the mean logit; ``last``, the last token's.

    Returns:
        (B, Q, R) float32 in [0, 1].
    """
    score = _POLICIES[policy]
    columns = [score(logits[..., start:stop].float()) for start, stop in spans]
    return torch.stack(columns, -1)
