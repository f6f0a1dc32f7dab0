"""The ground stage: from a film's frames and its references to box candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.ground.batches import with_fitting_batches
from rhas.ground.candidates import Candidates, Grounder
from rhas.ground.config import GroundConfig
from rhas.ground.huggingface import TransformersGrounder
from rhas.ground.model import Execution, ModelGrounder
from rhas.ground.official import OfficialGrounder
from rhas.ground.report import found_report, prompts_report
from rhas.ground.truth import TruthBoxes
from rhas.stores.jpegstore import JpegReader, create_dataset, create_h5, person_group

MOST_ELONGATED = 16
"""Longer over shorter side of a picture at most. Scaled to the model's longest side, a picture of
40:1 is so low that its grids have fewer places than the model has queries."""


def make_grounder(config: GroundConfig, checkpoint: str | None = None) -> ModelGrounder:
    """The model that a configuration names; ``checkpoint`` takes the place of the configured one.

    Raises:
        RhasError: the checkpoint is absent or does not fit.
    """
    makers = {"transformers": TransformersGrounder, "official": OfficialGrounder}
    if config.backend not in makers:
        raise RhasError("no model behind this backend", where="ground.backend", got=config.backend)
    return makers[config.backend](
        checkpoint or config.checkpoint,
        config.policy,
        config.top_k,
        config.min_score,
        config.prompting,
        Execution(config.device, config.dtype, config.compile),
    )


def ground_film(
    inputs: Mapping[str, Path],
    arguments: Mapping[str, Any],
    out: Path,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Writes ``boxes/<movie>.h5`` (docs/DESIGN.md, Files).

    Args:
        inputs: ``frames``, the film's frame store; ``checkpoint``, where it is a local folder;
            ``truth``, for ``backend: truth``.
        arguments: ``movie``, ``references`` (a list) and ``config`` (of `GroundConfig`).
        out: the file to write.
        progress: told how many more sampled frames are done, after every batch.

    Returns:
        See `rhas.ground.report.film_report`.

    Raises:
        RhasError: an input is absent or does not fit, or a reference has no words.
    """
    config = from_mapping(GroundConfig, arguments["config"], "ground")
    movie, references = str(arguments["movie"]), [str(r) for r in arguments["references"]]
    if not references:
        raise RhasError(
            "no reference to ground", where=f"movie {movie}", do="add one to references.csv"
        )
    told = {"movie": movie, "backend": config.backend, "truth": config.backend == "truth"}
    made = {"checkpoint": "", "checkpoint_hash": "", "policy": "", "prompting": "", "dtype": ""}
    with h5py.File(inputs["frames"], "r") as file:
        reader = JpegReader(file)
        sampled = np.arange(0, len(reader), config.stride, dtype=np.int32)
        if config.backend == "truth":
            truth = _truth(inputs, movie, len(references))
            size = int(file.attrs["width"]), int(file.attrs["height"])
            found = truth.candidates(file["time"][:][sampled], *size)
            progress(len(sampled))
        else:
            _check_shape(movie, int(file.attrs["width"]), int(file.attrs["height"]))
            checkpoint = str(inputs["checkpoint"]) if inputs.get("checkpoint") else None
            grounder = make_grounder(config, checkpoint)
            told |= prompts_report(grounder.prompts(references))
            found, told["batch_size"] = ground_frames(
                grounder, reader, sampled, config.batch_size, references, progress
            )
            made = {
                "checkpoint": config.checkpoint,
                "checkpoint_hash": grounder.content,
                "policy": config.policy,
                "prompting": config.prompting,
                "dtype": config.dtype,
            }
        lost = sampled[np.diff(file["offsets"][:])[sampled] == 0].tolist()
    attributes = {"movie": movie, "stride": config.stride, "backend": config.backend, **made}
    _write(out, {**attributes, "truth": told["truth"]}, references, sampled, found)
    return told | found_report(references, sampled, found, lost, config.stride)


def _check_shape(movie: str, width: int, height: int) -> None:
    """Raises RhasError where a picture is too elongated to leave the model a place per query."""
    if max(width, height) > MOST_ELONGATED * min(width, height):
        raise RhasError(
            "pictures too elongated for a detector",
            where=f"movie {movie}",
            expected=f"a longer side of at most {MOST_ELONGATED} times the shorter one",
            got=f"{width} x {height} pixels",
            do="cut the film into narrower ones, one for each part of the picture",
        )


def ground_frames(
    grounder: Grounder,
    reader: JpegReader,
    sampled: np.ndarray,
    batch_size: int | Literal["auto"],
    references: Sequence[str],
    progress: Callable[[int], None],
) -> tuple[list[list[Candidates]], int]:
    """Candidates by sampled frame and reference, none where a frame has no picture; and the batch
    size. ``progress`` hears of each frame once, however often memory ran out.

    Raises:
        RhasError: a picture cannot be decoded, or memory does not suffice.
    """
    told = 0

    def work(size: int) -> list[list[Candidates]]:
        nonlocal told
        found: list[list[Candidates]] = []
        for block in reader.blocks((int(n) for n in sampled), size):
            pictures = [picture for _, picture in block if picture is not None]
            rows = iter(grounder.boxes(pictures, references))
            found += [
                [Candidates.none()] * len(references) if picture is None else next(rows)
                for _, picture in block
            ]
            if len(found) > told:
                progress(len(found) - told)
                told = len(found)
        return found

    return with_fitting_batches(work, batch_size)


def _truth(inputs: Mapping[str, Path], movie: str, persons: int) -> TruthBoxes:
    path = inputs.get("truth")
    if path is None:
        raise RhasError(
            "this data set has no true boxes",
            where=f"movie {movie}, ground.backend: truth",
            do="`truth` is for RHAS-mini alone; use transformers or official",
        )
    truth = TruthBoxes(path)
    if truth.persons != persons:
        raise RhasError(
            "true boxes of another number of persons",
            where=str(path),
            expected=f"{persons}, one per reference",
            got=str(truth.persons),
            do="run `dvc repro prepare`",
        )
    return truth


def _write(
    out: Path,
    attributes: Mapping[str, Any],
    references: Sequence[str],
    sampled: np.ndarray,
    found: Sequence[Sequence[Candidates]],
) -> None:
    with create_h5(out) as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        create_dataset(file, "frames", sampled)
        for person, reference in enumerate(references):
            own = [row[person] for row in found]
            group = file.create_group(person_group(person))
            group.attrs["reference"] = reference
            counts = [len(c.scores) for c in own]
            offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            create_dataset(group, "offsets", offsets)
            none = Candidates.none()
            create_dataset(group, "boxes", np.concatenate([none.boxes, *(c.boxes for c in own)]))
            create_dataset(group, "scores", np.concatenate([none.scores, *(c.scores for c in own)]))
