"""A running average of a model's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of the weights over about the last 200 updates; fewer at the start."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.values: dict[str, Tensor] = {}
        self.load_state_dict({k: v.detach().clone() for k, v in model.state_dict().items()})

    @torch.no_grad()
    def add_weights(self, update: int) -> None:
        """Take in the model's present weights, after update ``update`` (from 1)."""
        retained = min(0.995, update / (update + 20))
        weights = self.model.state_dict()
        names = [name for name, v in self.values.items() if v.dtype.is_floating_point]
        torch._foreach_lerp_(
            [self.values[n] for n in names], [weights[n] for n in names], 1 - retained
        )

    def state_dict(self) -> dict[str, Tensor]:
        return self.values

    def load_state_dict(self, values: dict[str, Tensor]) -> None:
        self.values = values
