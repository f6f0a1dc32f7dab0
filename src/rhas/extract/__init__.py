"""Frames and crops to features of a vision-language model."""

from rhas.extract.film import ExtractConfig, extract_film

__all__ = ["ExtractConfig", "extract_film"]
