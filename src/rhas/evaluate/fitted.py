"""What is fitted on val, in a file of its own: thresholds, and how often a score is right.

``results/readout.json`` goes with a trained method wherever it is used outside the pipeline; it
names the method, and the encoder of its features, by hashes. C classes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhas.base.checkpoints import hash_checkpoint
from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.base.files import read_json, write_json
from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.calibration import Calibration
from rhas.metrics.prediction import Prediction
from rhas.metrics.readout import make_prediction
from rhas.stores.features import FeatureStore
from rhas.stores.samples import SampleInfo
from rhas.train import CONFIG, MODEL

READOUT = "readout.json"


@dataclass(frozen=True)
class Provenance:
    """What thresholds were fitted for: they are of no use with another model, other features or
    another rate.

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

    origin: Provenance
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

    def predict(self, scores: NDArray[np.floating]) -> Prediction:
        """The label sets of one sample from its scores (T, C) in [0, 1]."""
        return make_prediction(scores, np.asarray(self.thresholds), self.readout)

    def write(self, path: Path) -> None:
        """Exact floats: what reads it back gives the same intervals."""
        write_json(path, {**asdict(self), "readout": self.readout.key_values()})

    @staticmethod
    def read(path: Path) -> FittedReadout:
        """Raises RhasError where the file is not what ``write`` writes."""
        values: dict[str, Any] = read_json(path, do="run `dvc repro evaluate`")
        if values.get("calibration") is not None:
            calibration = from_mapping(Calibration, values["calibration"], f"{path}, calibration")
            values["calibration"] = calibration
        values["readout"] = ReadoutConfig(**values.get("readout", {}))
        return from_mapping(FittedReadout, values, str(path))


def read_provenance(model: Path, info: SampleInfo) -> Provenance:
    """Where the scores of a trained method come from.

    Args:
        model: its folder.
        info: of the samples (`rhas.chunk`); every film has features of one encoder.

    Raises:
        RhasError: no such store.
    """
    features = FeatureStore(Path(info.features) / f"{min(info.references)}.zarr").read_info()
    return Provenance(hash_model(model), features.encoder, features.checkpoint_hash, features.fps)


def hash_model(folder: Path) -> str:
    """Hash of a trained method's folder: its weights and configuration, nothing beside them."""
    return hash_checkpoint(folder, (MODEL, CONFIG))
