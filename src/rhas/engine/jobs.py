"""The film functions' inputs and arguments, the same for the DVC stages and the command line.

Equal jobs have equal keys in the work cache: what one has computed, the other finds.
``values`` is params.yaml, or the part of it that dvc.yaml declares for the stage; its sections have
been through their dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.engine.workcache import Job
from rhas.stores.frames import count_frames

Values = Mapping[str, Any]


def decode_job(movie: str, film: Path, values: Values) -> Job:
    """Film -> frames store."""
    config = {"fps": values["fps"], **values["decode"]}
    return Job(movie, {"film": film}, {"movie": movie, "config": config}, f"{movie}.h5")


def ground_job(
    movie: str, references: Sequence[str], frames: Path, truth: Path, values: Values
) -> Job:
    """Frames + references -> boxes store; ``truth`` is read by the backend of that name alone.

    Raises:
        RhasError: that backend, for a film that has no true boxes.
    """
    config = values["ground"]
    inputs = {"frames": frames, **_checkpoint(config["checkpoint"])}
    if config["backend"] == "truth":
        if not truth.is_file():
            raise RhasError(
                "no true boxes of this film",
                where=f"params.yaml, ground.backend, movie {movie}",
                expected="transformers or official (true boxes exist for RHAS-mini alone)",
                got="truth",
            )
        inputs = {"frames": frames, "truth": truth}
    arguments = {"movie": movie, "references": list(references), "config": config}
    size = -(-count_frames(frames) // config["stride"])
    return Job(movie, inputs, arguments, f"{movie}.h5", size)


def crop_job(movie: str, frames: Path, boxes: Path, values: Values) -> Job:
    """Frames + boxes -> tracks store."""
    arguments = {"movie": movie, "config": values["crop"]}
    inputs = {"frames": frames, "boxes": boxes}
    return Job(movie, inputs, arguments, f"{movie}.h5", count_frames(frames))


def extract_job(movie: str, frames: Path, tracks: Path, values: Values) -> Job:
    """Frames + tracks -> feature store.

    Raises:
        RhasError: see `encoder_checkpoint`.
    """
    section = dict(values["extract"])
    checkpoint = encoder_checkpoint(values)
    del section["checkpoints"]
    config = {"vlm": values["vlm"], "checkpoint": checkpoint, **section}
    inputs = {"frames": frames, "tracks": tracks, **_checkpoint(checkpoint)}
    return Job(
        movie, inputs, {"movie": movie, "config": config}, f"{movie}.zarr", count_frames(frames)
    )


def encoder_checkpoint(values: Values) -> str:
    """What ``extract.checkpoints`` names for ``vlm``.

    Raises:
        RhasError: nothing.
    """
    checkpoints = values["extract"].get("checkpoints")
    known = checkpoints if isinstance(checkpoints, Mapping) else {}
    named = known.get(values.get("vlm"))
    if not isinstance(named, str) or not named:
        raise RhasError(
            "no checkpoint of this vlm",
            where="extract.checkpoints",
            expected=f"a folder or hub name for {values.get('vlm')!r}",
            got=", ".join(map(str, known)) or "none",
            do="set `vlm` to one of them, or add the checkpoint",
        )
    return named


def _checkpoint(name: str) -> dict[str, Path]:
    """A local checkpoint is an input, its content counts; a hub name is an argument alone."""
    return {"checkpoint": Path(name)} if Path(name).exists() else {}
