"""Frames and crops to features of a vision-language model."""
