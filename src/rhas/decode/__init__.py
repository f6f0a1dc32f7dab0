"""Films to frames at a constant rate."""

from rhas.decode.film import decode_film

__all__ = ["decode_film"]
