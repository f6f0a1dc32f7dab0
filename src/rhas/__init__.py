"""Referring Human Action Segmentation: from a film and a sentence to what a person did, when."""

__version__ = "0.1.0"
