"""Boxes to one track per reference, and the crops along it."""
