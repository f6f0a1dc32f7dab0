"""Where a film has one reference, everybody in the picture competes with it.

Nobody else's sentence explains the other people then, and a box on one of them who matches some of
the words scores well enough. A general phrase ("the person") in the same prompt scores every body;
how far a box falls behind it counts against the box.
"""

from __future__ import annotations

import torch
from torch import Tensor

RIVAL_WEIGHT = 1.5
"""Nats that a box loses per nat by which the general phrase fits it better; by val of RHAS-mini
(`benchmarks/naming.py --alone`): with more, boxes on others get fewer, and so does recall."""
_CERTAIN = 1e-4


def weigh_rival(scores: Tensor, rival: Tensor) -> Tensor:
    """Scores of boxes for a reference, lower where a general phrase fits better.

    Args:
        scores: of the reference, in [0, 1].
        rival: of the general phrase, of the same shape.
    """
    own, other = (torch.logit(value, eps=_CERTAIN) for value in (scores, rival))
    behind = (other - own).clamp_min(0)
    return torch.where(behind > 0, torch.sigmoid(own - RIVAL_WEIGHT * behind), scores)
