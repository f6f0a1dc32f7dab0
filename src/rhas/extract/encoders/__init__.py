"""Vision-language encoders: features of pictures, conditioned on a sentence about a person."""

from __future__ import annotations

from rhas.extract.encoders.base import Encoder, Text, load_encoder
from rhas.extract.encoders.checkpoint import checkpoint_folder, checkpoint_hash

__all__ = ["Encoder", "Text", "checkpoint_folder", "checkpoint_hash", "load_encoder"]
