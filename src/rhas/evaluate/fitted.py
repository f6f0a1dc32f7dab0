"""What is fitted on val, in a file of its own: thresholds, and what a score is worth.

``results/readout.json`` goes with a trained method wherever it is used outside the pipeline; it
names the method, and the encoder of its features, by hashes. C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from rhas.base.checkpoints import content_hash
from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.base.files import read_json, write_json
from rhas.metrics.readout import ReadoutConfig, smooth
from rhas.stores.featurestore import attributes
from rhas.train import CONFIG, MODEL

READOUT = "readout.json"
_BINS = 1024


@dataclass(frozen=True)
class Calibration:
    """How often a class is true in a frame, by its smoothed score; all classes together.

    Args:
        score: ascending, in [0, 1].
        true: not falling, in [0, 1]; linear between, constant outside.
    """

    score: tuple[float, ...]
    true: tuple[float, ...]

    def __post_init__(self) -> None:
        values = np.asarray(self.score), np.asarray(self.true)
        if (
            len(self.score) != len(self.true)
            or not self.score
            or any((np.diff(v) < 0).any() or v[0] < 0 or v[-1] > 1 for v in values)
        ):
            raise RhasError(
                "not a calibration",
                where="calibration",
                expected="score and true of one length, ascending in [0, 1]",
            )

    def __call__(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of val's frames with such a score in which the class was true."""
        return np.interp(scores, self.score, self.true)


def fit_calibration(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]], median: int
) -> Calibration:
    """Isotonic regression of the truth on the smoothed scores of val, by bins of 1/1024.

    Args:
        truths: per sample (T, C), non-zero where labelled; at least one sample.
        scores: per sample (T, C) in [0, 1], not smoothed yet.
        median: frames of the median filter.
    """
    count, total, true = np.zeros((3, _BINS))
    for truth, score in zip(truths, scores, strict=True):
        flat = smooth(score, median).ravel().astype(np.float64)
        bins = np.minimum((flat * _BINS).astype(int), _BINS - 1)
        count += np.bincount(bins, minlength=_BINS)
        total += np.bincount(bins, flat, _BINS)
        true += np.bincount(bins, truth.ravel() != 0, _BINS)
    there = count > 0
    share = true[there] / count[there]
    fitted = isotonic_regression(share, weights=count[there])
    first = fitted.blocks[:-1]  # of each block of equal values
    mean = np.add.reduceat(total[there], first) / np.add.reduceat(count[there], first)
    value = np.clip(fitted.x[first], 0, 1)
    return Calibration(tuple(mean.tolist()), tuple(value.tolist()))


@dataclass(frozen=True)
class Origin:
    """What a read-out was fitted for: with another model, other features or another rate its
    thresholds mean nothing.

    Args:
        model: hash of the trained method's folder.
        encoder: name of the one that made the features.
        encoder_hash: of its checkpoint.
        fps: frames per second.
    """

    model: str
    encoder: str
    encoder_hash: str
    fps: float


@dataclass(frozen=True)
class FittedReadout:
    """From scores to intervals, as fitted on val.

    Args:
        origin: what it was fitted for.
        classes: the C class names.
        readout: smoothing and minimum duration.
        thresholds: (C,).
        calibration: None where val is empty.
    """

    origin: Origin
    classes: tuple[str, ...]
    readout: ReadoutConfig
    thresholds: tuple[float, ...]
    calibration: Calibration | None

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.thresholds):
            raise RhasError(
                "a threshold per class is needed",
                where=READOUT,
                expected=str(len(self.classes)),
                got=str(len(self.thresholds)),
            )

    def write(self, path: Path) -> None:
        """Exact floats: what reads it back gives the same intervals."""
        write_json(path, asdict(self))

    @staticmethod
    def read(path: Path) -> FittedReadout:
        """Raises RhasError where the file is not what ``write`` writes."""
        values: dict[str, Any] = read_json(path, do="run `dvc repro evaluate`")
        if values.get("calibration") is not None:
            calibration = from_mapping(Calibration, values["calibration"], f"{path}, calibration")
            values["calibration"] = calibration
        return from_mapping(FittedReadout, values, str(path))


def origin_of(model: Path, info: Mapping[str, Any]) -> Origin:
    """The origin of what a trained method says of samples.

    Args:
        model: its folder.
        info: of the samples (`rhas.chunk`); every film has features of one encoder.

    Raises:
        RhasError: no such store.
    """
    facts = attributes(Path(info["features"]) / f"{min(info['references'])}.zarr", 0)
    return Origin(model_hash(model), facts["encoder"], facts["checkpoint_hash"], facts["fps"])


def model_hash(folder: Path) -> str:
    """Hash of a trained method's folder: its weights and configuration, nothing beside them."""
    return content_hash(folder, (MODEL, CONFIG))
