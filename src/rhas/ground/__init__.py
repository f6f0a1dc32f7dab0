"""Grounding: which box in a frame a sentence is about (the stage `ground`)."""

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.ground.candidates import Candidates
from rhas.ground.grounding import make_grounder

__all__ = ["Candidates", "make_grounder"]
