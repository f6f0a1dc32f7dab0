"""The step of the pipeline."""

from __future__ import annotations

from rhas.base.checkpoints import local_checkpoint
from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.engine.steps import GIB, Cutting, FilmFiles, FilmStep
from rhas.ground.grounding import GroundInput, ground_film, merge_film, split_film
from rhas.ground.report import GroundReport
from rhas.stores.checkpoints import estimate_weight_bytes
from rhas.stores.drawn import DrawnBoxes
from rhas.stores.frames import count_frames


def _make_input(files: FilmFiles, config: GroundConfig) -> GroundInput:
    frames = files.get_path("frames")
    if config.backend == "tracks":
        drawn = files.drawn if files.drawn is not None and files.drawn.is_file() else None
        if drawn is not None and all(track.complete for track in DrawnBoxes.read(drawn).tracks):
            return GroundInput(files.movie, files.references, frames, drawn=drawn)
        checkpoint = local_checkpoint(config.checkpoint)
        return GroundInput(files.movie, files.references, frames, checkpoint, drawn=drawn)
    if config.backend != "truth":
        checkpoint = local_checkpoint(config.checkpoint)
        return GroundInput(files.movie, files.references, frames, checkpoint)
    if files.truth is None or not files.truth.is_file():
        raise RhasError(
            "no true boxes of this film",
            where=f"params.yaml, ground.backend, movie {files.movie}",
            expected="transformers or official (true boxes exist for RHAS-mini alone)",
            got="truth",
        )
    return GroundInput(files.movie, files.references, frames, truth=files.truth)


def _estimate_memory(source: GroundInput, config: GroundConfig) -> int:
    """Swin-T, one frame: 1.8 GiB measured. A frame's activations are about as large as the weights
    of the model (Swin-T: 0.7 GiB)."""
    frames = 1 if config.batch_size == "auto" else config.batch_size
    return GIB + (1 + frames) * estimate_weight_bytes(source.checkpoint)


GROUND = FilmStep(
    name="ground",
    output="boxes",
    suffix=".h5",
    config=GroundConfig,
    function=ground_film,
    make_input=_make_input,
    measure=lambda source, config: -(-count_frames(source.frames) // config.stride),
    estimate_memory=_estimate_memory,
    cutting=Cutting(split_film, merge_film, GroundReport),
)
