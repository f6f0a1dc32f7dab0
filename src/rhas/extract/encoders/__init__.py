"""Vision-language encoders: features of pictures, conditioned on a sentence about a person."""

from __future__ import annotations

from rhas.base.checkpoints import checkpoint_folder
from rhas.extract.encoders.base import Encoder, Text, load_encoder
from rhas.extract.encoders.checkpoint import checkpoint_hash

__all__ = ["Encoder", "Text", "checkpoint_folder", "checkpoint_hash", "load_encoder"]
