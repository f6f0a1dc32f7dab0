"""Training of any method, and the folder a trained method lives in."""

from rhas.train.config import method_config
from rhas.train.fit import fit
from rhas.train.run import CHECKPOINT, run_key
from rhas.train.samples import SampleSet, batch_of, dims_of
from rhas.train.saved import CONFIG, MODEL, load_method, save_method

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "MODEL",
    "SampleSet",
    "batch_of",
    "dims_of",
    "fit",
    "load_method",
    "method_config",
    "run_key",
    "save_method",
]
