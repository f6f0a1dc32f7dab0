"""The film functions' inputs and arguments, the same for the DVC stages and the command line.

Equal jobs have equal keys in the work cache: what one has computed, the other finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.config.crop import CropConfig
from rhas.config.decode import DecodeConfig
from rhas.config.extract import ExtractConfig
from rhas.config.ground import GroundConfig
from rhas.engine.workcache import Job
from rhas.stores.frames import count_frames


def decode_job(movie: str, film: Path, config: DecodeConfig) -> Job:
    """Film -> frames store."""
    arguments = {"movie": movie, "config": config.key_values()}
    return Job(movie, {"film": film}, arguments, f"{movie}.h5")


def ground_job(
    movie: str, references: Sequence[str], frames: Path, truth: Path, config: GroundConfig
) -> Job:
    """Frames + references -> boxes store; ``truth`` is read by the backend of that name alone.

    Raises:
        RhasError: that backend, for a film that has no true boxes.
    """
    inputs = {"frames": frames, **_checkpoint(config.checkpoint)}
    if config.backend == "truth":
        if not truth.is_file():
            raise RhasError(
                "no true boxes of this film",
                where=f"params.yaml, ground.backend, movie {movie}",
                expected="transformers or official (true boxes exist for RHAS-mini alone)",
                got="truth",
            )
        inputs = {"frames": frames, "truth": truth}
    arguments = {"movie": movie, "references": list(references), "config": config.key_values()}
    size = -(-count_frames(frames) // config.stride)
    return Job(movie, inputs, arguments, f"{movie}.h5", size)


def crop_job(movie: str, frames: Path, boxes: Path, config: CropConfig) -> Job:
    """Frames + boxes -> tracks store."""
    arguments = {"movie": movie, "config": config.key_values()}
    inputs = {"frames": frames, "boxes": boxes}
    return Job(movie, inputs, arguments, f"{movie}.h5", count_frames(frames))


def extract_job(movie: str, frames: Path, tracks: Path, config: ExtractConfig) -> Job:
    """Frames + tracks -> feature store."""
    inputs = {"frames": frames, "tracks": tracks, **_checkpoint(config.checkpoint)}
    arguments = {"movie": movie, "config": config.key_values()}
    return Job(movie, inputs, arguments, f"{movie}.zarr", count_frames(frames))


def _checkpoint(name: str) -> dict[str, Path]:
    """A local checkpoint is an input, its content counts; a hub name is an argument alone."""
    return {"checkpoint": Path(name)} if Path(name).exists() else {}
