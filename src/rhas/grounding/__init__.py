"""Grounding: which box in a frame a sentence is about (the stage `ground`)."""

from rhas.grounding.candidates import Candidates, Grounder
from rhas.grounding.film import GroundConfig, ground_film, make_grounder

__all__ = ["Candidates", "GroundConfig", "Grounder", "ground_film", "make_grounder"]
