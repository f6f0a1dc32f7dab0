"""Training of any method, and the folder a trained method lives in."""

from rhas.train.checkpoint import CHECKPOINT, run_key
from rhas.train.config import method_config
from rhas.train.fit import fit
from rhas.train.samples import make_batch
from rhas.train.saved import CONFIG, MODEL, SavedConfig, load_method

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "MODEL",
    "SavedConfig",
    "fit",
    "load_method",
    "make_batch",
    "method_config",
    "run_key",
]
