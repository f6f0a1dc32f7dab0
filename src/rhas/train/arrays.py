"""Training and running a method on samples in memory (`rhas.chunk.make_sample` makes them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rhas.config.train import TrainConfig
from rhas.methods import Method
from rhas.train.fit import fit
from rhas.train.saved import load_method


def train_method(
    samples: Sequence[Mapping[str, Tensor]],
    out: str | PathLike[str],
    *,
    val: Sequence[Mapping[str, Tensor]] = (),
    method: str = "hopadiff",
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Method:
    """Trains a method on samples and saves it.

    Args:
        samples: at least one; all of one length and one feature width.
        out: folder for the trained method; `load_method` reads it.
        val: samples for validation; may be none.
        method: a name of docs/BASELINES.md.
        overrides: parameters of the method that differ from its preset.
        seed: of parameters, order and noise.
        settings: other fields of section ``train`` in docs/PARAMETERS.md, such as ``epochs``,
            ``preset``, ``learning_rate``, ``device``.

    Returns:
        The trained method.

    Raises:
        RhasError: no sample, samples of different shapes, or a setting that does not fit.
    """
    config = TrainConfig(
        method=method, seed=seed, overrides={method: dict(overrides or {})}, **settings
    )
    folder = Path(out)
    fit(list(samples), list(val), config, out=folder)
    return load_method(folder, config.device)


def predict(method: Method, sample: Mapping[str, Tensor], *, seed: int = 0) -> NDArray[np.float32]:
    """Probabilities of every frame and class, (n, C) in [0, 1]; padding is left out.

    Args:
        method: from `load_method` or `train_method`.
        sample: from `make_sample`; its labels are not read.
        seed: of the noise that diffusion starts from.
    """
    device = next(method.parameters()).device
    batch = {key: value[None].to(device) for key, value in sample.items()}
    scores = method.scores(batch, torch.Generator().manual_seed(seed))
    return scores[0].cpu().numpy()[sample["mask"].numpy()]
