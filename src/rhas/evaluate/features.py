"""Linear probes on features: ``results/features.json``.

Legend: n frames, D feature width, C classes. docs/METRICS.md, Features, defines the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.chunk import Samples
from rhas.config.evaluate import ProbeConfig
from rhas.evaluate.probe import fit_probe, frame_map
from rhas.evaluate.records import write_metrics
from rhas.stores.features import FeatureStore

KINDS = ("partial", "holistic", "holistic_other_reference", "holistic_without_reference")
"""The features that are probed."""


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
    rows = read_probe_rows(train, config.stride), read_probe_rows(test, config.stride)
    measure_features(*rows, config.l2).write(folder)


@dataclass(frozen=True)
class FeatureMetrics:
    """Frame mAP on test, 0-100, of a probe on each kind of features; None where nothing is probed.

    Args:
        partial, holistic, holistic_other_reference, holistic_without_reference: by features.
        chance: of equal scores for all frames.
        train_frames, test_frames: how many are behind them.
        classes: of test.
    """

    train_frames: int
    test_frames: int
    partial: float | None = None
    holistic: float | None = None
    holistic_other_reference: float | None = None
    holistic_without_reference: float | None = None
    chance: float | None = None
    classes: int | None = None

    def write(self, folder: Path) -> None:
        """Writes ``folder/features.json``."""
        values = asdict(self)
        if self.classes is None:
            del values["classes"]
        write_metrics(folder / "features.json", values)


def measure_features(train: ProbeRows | None, test: ProbeRows | None, l2: float) -> FeatureMetrics:
    """Frame mAP on test of a probe per kind, fitted on train; None where a side has no frame."""
    sizes = len(train.labels) if train else 0, len(test.labels) if test else 0
    if train is None or test is None:
        return FeatureMetrics(*sizes)
    known = train.labels.any(0) | test.labels.any(0)
    fitted, expected = train.labels[:, known], test.labels[:, known]

    def measure_kind(kind: str) -> float:
        probe = fit_probe(train.features[kind], fitted, l2=l2)
        return frame_map(probe(test.features[kind]), expected)

    return FeatureMetrics(
        *sizes,
        partial=measure_kind("partial"),
        holistic=measure_kind("holistic"),
        holistic_other_reference=measure_kind("holistic_other_reference"),
        holistic_without_reference=measure_kind("holistic_without_reference"),
        chance=frame_map(np.zeros(expected.shape), expected),
        classes=int(expected.any(0).sum()),
    )


def read_probe_rows(samples: Samples, stride: int) -> ProbeRows | None:
    """The labelled frames of the films with two references or more; None where there is none.

    ``holistic_other_reference`` holds the features of the next reference of the film (after the
    last comes the first), ``holistic_without_reference`` the mean over all its references.

    Raises:
        RhasError: a feature store is absent or damaged.
    """
    stores = Path(samples.info.features)
    count_persons = cache(FeatureStore.count_persons)
    labels: list[NDArray[np.bool_]] = []
    features: dict[str, list[NDArray[np.float32]]] = {kind: [] for kind in KINDS}
    for number, window in enumerate(samples.samples):
        store = FeatureStore(stores / f"{window.movie}.zarr")
        persons = count_persons(store)
        if persons < 2:
            continue
        row = samples[number]
        labelled = row["labels"].numpy().astype(bool)
        sampled = (window.start + np.arange(len(labelled))) % stride == 0
        at = np.flatnonzero(sampled & labelled.any(1))  # padding has no label
        everyone = [
            store.read_window(person, window.start, window.stop).holistic[at]
            for person in range(persons)
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
