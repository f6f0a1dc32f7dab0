"""Where a film has one reference, everybody in the picture competes with it.

Nobody else's sentence explains the other people then, and a box on one of them who matches some of
the words scores well enough. A general phrase ("the person") in the same prompt scores every body;
how far a box falls behind it counts against the box.

Both scores are of mean logits, whatever ``ground.policy`` is: a word that is surely wrong counts in
full, and so do words such as "in", which are as true as the whole sentence.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from rhas.config.ground import Policy

RIVAL_POLICY: Final[Policy] = "logit_mean"
RIVAL_WEIGHT = 1.0
"""Log-odds that a box loses per log-odds by which the general phrase fits it better, see below."""
RIVAL_OFFSET = 0.5
"""Log-odds that every box loses. Both by val and further films of RHAS-mini
(`benchmarks/naming.py --alone`): with more, fewer boxes are on others and fewer on the person."""
_CERTAIN = 1e-4


def weigh_rival(scores: Tensor, rival: Tensor) -> Tensor:
    """Scores of boxes for a reference, lower where a general phrase fits better.

    Args:
        scores: of the reference, in [0, 1].
        rival: of the general phrase, of the same shape.
    """
    own, other = (torch.logit(value, eps=_CERTAIN) for value in (scores, rival))
    behind = (other - own).clamp_min(0)
    return torch.sigmoid(own - RIVAL_WEIGHT * behind - RIVAL_OFFSET)
