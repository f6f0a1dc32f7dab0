"""Grounding: which box in a frame a sentence is about (the stage `ground`)."""

import rhas.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.grounding.candidates import Candidates, Grounder
from rhas.grounding.film import GroundConfig, ground_film, make_grounder

__all__ = ["Candidates", "GroundConfig", "Grounder", "ground_film", "make_grounder"]
