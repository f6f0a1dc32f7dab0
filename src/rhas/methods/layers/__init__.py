"""Modules that several methods share: feature streams, segmenter, attention, losses."""
