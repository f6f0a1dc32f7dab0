"""Frames and crops to features of a vision-language model."""

from rhas.extract.film import extract_film

__all__ = ["extract_film"]
