"""Which of a film's actions come next: the rarer, the likelier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rhas.mini.story import MINI_CLASSES


class ClassBalance:
    """Seconds of every class in the film so far, so that rare ones are chosen more often."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.seconds = {name: float(rng.uniform(0, 6)) for name in MINI_CLASSES}

    def choose_action(
        self, options: list[tuple[str, float]], labels: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """One of the actions, of (name, weight); those shown least so far are preferred.

        ``labels``: the classes of an action, where its name is not its class.
        """
        labels = labels or {}
        seconds = [
            min((self.seconds.get(c, 0.0) for c in labels.get(name, (name,))), default=0.0)
            for name, _ in options
        ]
        weights = np.array(
            [w / (3.0 + s) ** 1.4 for (_, w), s in zip(options, seconds, strict=True)]
        )
        return options[int(self.rng.choice(len(options), p=weights / weights.sum()))][0]

    def add_seconds(self, label: str | None, seconds: float) -> None:
        """Count so many seconds of a class; None is no class."""
        if label is not None:
            self.seconds[label] = self.seconds.get(label, 0.0) + seconds
