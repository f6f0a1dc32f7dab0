"""Films to frames at a constant rate."""

from rhas.decode.film import DecodeConfig, decode_film

__all__ = ["DecodeConfig", "decode_film"]
