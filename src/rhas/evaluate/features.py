"""What features know of the actions: linear probes on them, ``results/features.json``.

Legend: n frames, D feature width, C classes. docs/METRICS.md, Features, defines the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.chunk import Samples
from rhas.evaluate.probe import fit_probe, frame_map
from rhas.evaluate.tables import write_figures
from rhas.stores import featurestore

KINDS = ("partial", "holistic", "holistic_other_reference", "holistic_without_reference")
"""The features that are probed."""


@dataclass(frozen=True)
class ProbeConfig:
    """How features are probed.

    Args:
        stride: every stride-th frame of a film is used: 0, stride, 2 stride, ...
        l2: weight of the squared norm of the probe's weights (`rhas.evaluate.probe`).
    """

    stride: int = 5
    l2: float = 0.01

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise RhasError("must be at least 1", where="probe.stride", got=str(self.stride))
        if self.l2 < 0:
            raise RhasError("must not be negative", where="probe.l2", got=str(self.l2))


@dataclass(frozen=True)
class ProbeRows:
    """Frames of one side of the split.

    Args:
        features: by kind float32 (n, D), the same frames of the same persons.
        labels: bool (n, C), each row with a label.
    """

    features: Mapping[str, NDArray[np.float32]]
    labels: NDArray[np.bool_]


def write_features(train: Samples, test: Samples, config: ProbeConfig, folder: Path) -> None:
    """Writes ``folder/features.json`` (docs/METRICS.md)."""
    rows = probe_rows(train, config.stride), probe_rows(test, config.stride)
    write_figures(folder / "features.json", feature_figures(*rows, config.l2))


def feature_figures(
    train: ProbeRows | None, test: ProbeRows | None, l2: float
) -> dict[str, float | int | None]:
    """Frame mAP on test of a probe per kind, fitted on train, the chance, and the frames.

    The figures are null where a side has no frame.
    """
    sizes = {
        "train_frames": len(train.labels) if train else 0,
        "test_frames": len(test.labels) if test else 0,
    }
    if train is None or test is None:
        return {**dict.fromkeys((*KINDS, "chance")), **sizes}
    there = train.labels.any(0) | test.labels.any(0)
    fitted, wanted = train.labels[:, there], test.labels[:, there]
    figures: dict[str, float | int | None] = {
        kind: frame_map(fit_probe(train.features[kind], fitted, l2=l2)(test.features[kind]), wanted)
        for kind in KINDS
    }
    chance = frame_map(np.zeros(wanted.shape), wanted)
    return {**figures, "chance": chance, "classes": int(wanted.any(0).sum()), **sizes}


def probe_rows(samples: Samples, stride: int) -> ProbeRows | None:
    """The labelled frames of the films with two references or more; None where there is none.

    ``holistic_other_reference`` holds the features of the next reference of the film (after the
    last comes the first), ``holistic_without_reference`` the mean over all its references.

    Raises:
        RhasError: a feature store is absent or damaged.
    """
    stores = Path(samples.info["features"])
    persons = cache(featurestore.persons)
    labels: list[NDArray[np.bool_]] = []
    features: dict[str, list[NDArray[np.float32]]] = {kind: [] for kind in KINDS}
    for number, window in enumerate(samples.samples):
        store = stores / f"{window.movie}.zarr"
        if persons(store) < 2:
            continue
        row = samples[number]
        labelled = row["labels"].numpy().astype(bool)
        sampled = (window.start + np.arange(len(labelled))) % stride == 0
        at = np.flatnonzero(sampled & labelled.any(1))  # padding has no label
        everyone = [
            featurestore.read_window(store, person, window.start, window.stop).holistic[at]
            for person in range(persons(store))
        ]
        labels.append(labelled[at])
        features["partial"].append(row["partial"].numpy()[at])
        features["holistic"].append(everyone[window.person])
        features["holistic_other_reference"].append(everyone[(window.person + 1) % len(everyone)])
        features["holistic_without_reference"].append(np.mean(everyone, axis=0))
    if not any(len(own) for own in labels):
        return None
    return ProbeRows(
        {kind: np.concatenate(own) for kind, own in features.items()}, np.concatenate(labels)
    )
