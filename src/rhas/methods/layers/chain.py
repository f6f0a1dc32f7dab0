"""A two-state Markov chain per class: from evidence per frame to probabilities over time.

The chain is on or off, stays so for many frames, and each frame's evidence is independent given the
state. Its posterior is computed by the forward-backward recursion (Rabiner, 1989, section III.A),
here in log-odds. B rows, L frames, C classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def smooth_evidence(evidence: Tensor, duration: float, share: float) -> Tensor:
    """Probability that each class is on in each frame, given the evidence of all frames.

    Args:
        evidence: log-likelihood ratio of on to off, float (B, L, C); 0 says nothing.
        duration: mean frames of an action, above 1.
        share: of the frames in which a class is on a priori, in (0, 1).

    Returns:
        Probabilities, (B, L, C).
    """
    leave = 1 / duration
    enter = min(leave * share / (1 - share), 1.0)
    prior = math.log(share / (1 - share))
    # Both directions run side by side: a reversible chain is the same in each.
    both = torch.stack([evidence, evidence.flip(1)])  # (2, B, L, C)
    passed = torch.empty_like(both)  # log-odds before a frame's own evidence
    state = torch.full_like(both[:, :, 0], prior)
    for frame in range(both.shape[2]):
        passed[:, :, frame] = state
        on, off = (
            torch.sigmoid(state + both[:, :, frame]),
            torch.sigmoid(-state - both[:, :, frame]),
        )
        to_on = on * (1 - leave) + off * enter
        to_off = on * leave + off * (1 - enter)
        state = to_on.log() - to_off.log()
    forward, backward = passed[0], passed[1].flip(1)
    return torch.sigmoid(forward + backward - prior + evidence)
