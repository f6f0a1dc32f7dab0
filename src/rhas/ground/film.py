"""The ground stage: from a film's frames and its references to box candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.ground.candidates import Candidates
from rhas.ground.huggingface import TransformersGrounder
from rhas.ground.model import ModelGrounder
from rhas.ground.official import OfficialGrounder
from rhas.ground.policies import Policy
from rhas.ground.truth import TruthBoxes
from rhas.stores.jpegstore import JpegReader, create_dataset, create_h5, person_group


@dataclass(frozen=True)
class GroundConfig:
    """Settings of the ground stage."""

    backend: Literal["transformers", "official", "truth"] = "transformers"
    """Implementation: ``transformers`` (hub format), ``official`` (groundingdino-py: .pth and
    config), or ``truth`` (RHAS-mini alone: its true boxes, which marks every output)."""
    checkpoint: str = "weights/grounding"
    """A local folder, or a hub name that is on this machine already. ``truth`` reads none."""
    stride: int = 5
    """Every stride-th working frame is grounded: 0, stride, 2·stride, ..."""
    batch_size: int = 16
    """Frames per run of the model."""
    policy: Policy = "max"
    """How the scores of a reference's tokens become one (`rhas.ground.policies`)."""
    top_k: int = 5
    """Candidates per frame and reference at most."""
    min_score: float = 0.05
    """Candidates below it are dropped, in [0, 1]."""

    def __post_init__(self) -> None:
        for name in ("stride", "batch_size", "top_k"):
            if getattr(self, name) < 1:
                raise RhasError(
                    "must be at least 1", where=f"ground.{name}", got=str(getattr(self, name))
                )
        if not 0 <= self.min_score <= 1:
            raise RhasError(
                "a score lies in [0, 1]", where="ground.min_score", got=str(self.min_score)
            )
        if self.backend != "truth" and not self.checkpoint:
            raise RhasError(
                "no checkpoint named",
                where="ground.checkpoint",
                expected="a folder or a hub name",
                do="set it to weights/grounding for the built-in one",
            )


def make_grounder(config: GroundConfig, checkpoint: str | None = None) -> ModelGrounder:
    """The model that a configuration names; ``checkpoint`` takes the place of the configured one.

    Raises:
        RhasError: the checkpoint is absent or does not fit.
    """
    makers = {"transformers": TransformersGrounder, "official": OfficialGrounder}
    if config.backend not in makers:
        raise RhasError("no model behind this backend", where="ground.backend", got=config.backend)
    return makers[config.backend](
        checkpoint or config.checkpoint, config.policy, config.top_k, config.min_score
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
        Sampled frames, prompts, references cut to the token limit, and per person the number of
        candidates and the sampled frames without one.

    Raises:
        RhasError: an input is absent or does not fit, or a reference has no words.
    """
    config = from_mapping(GroundConfig, arguments["config"], "ground")
    movie, references = str(arguments["movie"]), [str(r) for r in arguments["references"]]
    if not references:
        raise RhasError(
            "no reference to ground", where=f"movie {movie}", do="add one to references.csv"
        )
    with h5py.File(inputs["frames"], "r") as file:
        reader = JpegReader(file)
        sampled = np.arange(0, len(reader), config.stride, dtype=np.int32)
        prompts: list[str] = []
        cut: dict[int, str] = {}
        blocks: Iterator[list[list[Candidates]]]
        if config.backend == "truth":
            truth = _truth(inputs, movie, len(references))
            size = int(file.attrs["width"]), int(file.attrs["height"])
            blocks = iter([truth.candidates(file["time"][:][sampled], *size)])
        else:
            checkpoint = str(inputs["checkpoint"]) if inputs.get("checkpoint") else None
            grounder = make_grounder(config, checkpoint)
            made, cut = grounder.prompts(references)
            prompts = [prompt.text for prompt in made]
            blocks = _model_blocks(grounder, reader, sampled, config.batch_size, references)
        found: list[list[Candidates]] = []
        for block in blocks:
            found += block
            progress(len(block))
        lost = sampled[np.diff(file["offsets"][:])[sampled] == 0].tolist()
    _write(out, movie, config, references, sampled, found)
    return {
        "movie": movie,
        "backend": config.backend,
        "truth": config.backend == "truth",
        "sampled_frames": len(sampled),
        "frames_without_picture": _ranges(lost, config.stride),
        "prompts": prompts,
        "cut_references": {str(person): text for person, text in cut.items()},
        "persons": [
            _person_report(
                person, reference, sampled, [row[person] for row in found], config.stride
            )
            for person, reference in enumerate(references)
        ],
    }


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


def _model_blocks(
    grounder: ModelGrounder,
    reader: JpegReader,
    sampled: np.ndarray,
    batch_size: int,
    references: Sequence[str],
) -> Iterator[list[list[Candidates]]]:
    for block in reader.blocks((int(n) for n in sampled), batch_size):
        pictures = [picture for _, picture in block if picture is not None]
        found = iter(grounder.boxes(pictures, references))
        yield [
            [Candidates.none()] * len(references) if picture is None else next(found)
            for _, picture in block
        ]


def _write(
    out: Path,
    movie: str,
    config: GroundConfig,
    references: Sequence[str],
    sampled: np.ndarray,
    found: Sequence[Sequence[Candidates]],
) -> None:
    truth = config.backend == "truth"
    with create_h5(out) as file:
        file.attrs["movie"] = movie
        file.attrs["stride"] = config.stride
        file.attrs["backend"] = config.backend
        file.attrs["checkpoint"] = "" if truth else config.checkpoint
        file.attrs["policy"] = "" if truth else config.policy
        file.attrs["truth"] = truth
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


def _person_report(
    person: int, reference: str, sampled: np.ndarray, found: Sequence[Candidates], stride: int
) -> dict[str, Any]:
    absent = [int(n) for n, c in zip(sampled, found, strict=True) if not len(c.scores)]
    return {
        "person": person,
        "reference": reference,
        "candidates": sum(len(c.scores) for c in found),
        "frames_without_candidate": len(absent),
        "without_candidate": _ranges(absent, stride),
    }


def _ranges(frames: Sequence[int], step: int) -> list[list[int]]:
    """Runs of frames ``step`` apart as [first, last]: 0, 5, 10, 20 by 5 are [0, 10], [20, 20]."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame - runs[-1][1] == step:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return runs
