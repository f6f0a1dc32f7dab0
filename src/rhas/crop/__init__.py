"""Boxes to one track per reference, and the crops along it."""

from rhas.crop.film import CropConfig, crop_film

__all__ = ["CropConfig", "crop_film"]
