"""The configuration of the method that is trained."""

from __future__ import annotations

from typing import Any

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.methods import METHODS, make_config


def method_config(config: TrainConfig) -> Any:
    """A method's preset with its overrides.

    Raises:
        RhasError: an unknown method, preset or parameter, or a value that does not fit.
    """
    for name in config.overrides:
        if name not in METHODS:
            raise RhasError(
                f"no method '{name}'", where="train.overrides", expected=", ".join(METHODS),
                do="write single parameters below their method: `hopadiff: {bca: false}`",
            )  # fmt: skip
    return make_config(config.method, config.preset, config.method_overrides)
