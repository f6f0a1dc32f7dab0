"""Training a method on samples in memory (made by `rhas.chunk.samples.make_sample`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from rhas.base.batch import Batch
from rhas.config.train import TrainConfig
from rhas.methods import Method
from rhas.train.fit import fit
from rhas.train.saved import load_method


def train_method(
    samples: Sequence[Batch],
    out: str | PathLike[str],
    *,
    val: Sequence[Batch] = (),
    method: str = "hopadiff",
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    classes: Sequence[str] | None = None,
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
        classes: names of the C classes, which the model keeps.
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
    fit(list(samples), list(val), config, out=folder, classes=classes)
    return load_method(folder, config.device)
