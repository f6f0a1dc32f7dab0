"""Boxes to one track per reference, and the crops along it."""

from rhas.crop.film import crop_film

__all__ = ["crop_film"]
