"""The ground stage: from a film's frames and its references to box candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.parts import FilmPart, Span, split_at_batches
from rhas.base.progress import Progress
from rhas.config.ground import GroundConfig
from rhas.engine.batches import FIRST, with_fitting_batches
from rhas.ground.candidates import Candidates, Grounder
from rhas.ground.drawn import DrawnPersons, read_drawn
from rhas.ground.huggingface import TransformersGrounder
from rhas.ground.model import ModelGrounder
from rhas.ground.official import OfficialGrounder
from rhas.ground.prompts import Prompts
from rhas.ground.report import (
    GroundReport,
    by_person,
    count_candidates,
    find_runs,
    merge_reports,
)
from rhas.ground.truth import make_true_candidates
from rhas.stores.boxes import BoxInfo, FilmBoxes, PersonBoxes, make_offsets, merge_boxes
from rhas.stores.drawn import DrawnTrack
from rhas.stores.frames import MAX_ELONGATION, FrameStore, count_frames, open_frames
from rhas.stores.jpeg import JpegReader
from rhas.stores.truth import TrueBoxes


def make_grounder(config: GroundConfig, checkpoint: str | None = None) -> ModelGrounder:
    """The model that a configuration names; ``checkpoint`` takes the place of the configured one.

    Raises:
        RhasError: the checkpoint is absent or does not fit.
    """
    makers: dict[str, type[TransformersGrounder] | type[OfficialGrounder]] = {
        "transformers": TransformersGrounder,
        "official": OfficialGrounder,
        "tracks": TransformersGrounder,  # finds whom nobody has drawn
    }
    if config.backend not in makers:
        raise RhasError("no model behind this backend", where="ground.backend", got=config.backend)
    return makers[config.backend](checkpoint or config.checkpoint, config)


@dataclass(frozen=True)
class GroundInput:
    """A film's frames and references.

    Args:
        checkpoint: folder of the model; None: ``config.checkpoint`` is a hub name.
        truth: true boxes, for ``backend: truth``.
        drawn: boxes that people drew, for ``backend: tracks``; None: nobody drew any.
        span: the frames to ground; None: all.
    """

    movie: str
    references: tuple[str, ...]
    frames: Path
    checkpoint: Path | None = None
    truth: Path | None = None
    drawn: Path | None = None
    span: Span | None = None

    def sample(self, frames: int, stride: int) -> np.ndarray:
        """The grounded frames, int32 (S,), of a film of so many frames."""
        sampled = np.arange(0, frames, stride, dtype=np.int32)
        if self.span is None:
            return sampled
        return sampled[(sampled >= self.span.start) & (sampled < self.span.stop)]


def ground_film(
    source: GroundInput, config: GroundConfig, out: Path, progress: Progress
) -> GroundReport:
    """Writes ``boxes/<movie>.h5`` (docs/DESIGN.md, Files).

    Args:
        source: the film.
        config: parameters of the stage.
        out: the file to write.
        progress: called with the number of grounded frames done, after every batch.

    Raises:
        RhasError: an input is absent or does not fit, or a reference has no words.
    """
    movie, references = source.movie, source.references
    if not references:
        raise RhasError(
            "no reference to ground", where=f"movie {movie}", do="add one to references.csv"
        )
    with open_frames(source.frames) as film:
        sampled = source.sample(len(film), config.stride)
        if config.backend == "truth":
            truth = _read_truth(source)
            found = _Found(make_true_candidates(truth, film.time[sampled], *film.size))
            progress(len(sampled))
        elif config.backend == "tracks":
            found = _take_drawn(source, config, film, sampled, progress)
        else:
            found = _run_model(source, config, film, sampled, range(len(references)), progress)
        lost = sampled[film.images.sizes[sampled] == 0].tolist()
    is_truth = config.backend == "truth"
    info = BoxInfo(movie, config.stride, config.backend, truth=is_truth, **found.model)
    FilmBoxes(info, sampled, _by_person(references, found)).write(out)
    persons = count_candidates(references, sampled, found.rows, config.stride)
    prompts = found.prompts
    return GroundReport(
        movie=movie,
        backend=config.backend,
        truth=is_truth,
        sampled_frames=len(sampled),
        frames_without_picture=find_runs(lost, config.stride),
        persons=persons,
        persons_never_found=[p.person for p in persons if not p.candidates],
        prompts=list(found.texts) if found.texts is not None else None,
        cut_references=by_person(prompts.cut, found.grounded) if prompts else None,
        unknown_words=by_person(prompts.unknown, found.grounded) if prompts else None,
        same_reference_as=by_person(
            {n: found.grounded[same] for n, same in prompts.same.items()}, found.grounded
        )
        if prompts
        else None,
        batch_size=found.batch_size,
        drawn_persons=[n for n, track in enumerate(found.drawn) if len(track.times)] or None,
    )


def split_film(source: GroundInput, config: GroundConfig, longest: int) -> list[Span]:
    """Spans of a film whose batches are those of the whole film; one where no model runs."""
    frames = count_frames(source.frames)
    if config.backend == "truth" or frames <= longest:
        return [Span(0, frames)]
    seen = source.sample(frames, config.stride)
    if config.backend == "tracks":
        with open_frames(source.frames) as film:
            seen = seen[_read_drawn(source, film, seen).find_open_rows()]
    batch = FIRST if config.batch_size == "auto" else config.batch_size
    return split_at_batches(seen.tolist(), frames, batch, longest)


def merge_film(
    parts: Sequence[FilmPart[GroundReport]], config: GroundConfig, out: Path
) -> GroundReport:
    """Writes a film's boxes from those of its parts; see `rhas.engine.steps.Cutting`."""
    merge_boxes([(0, part.path) for part in parts], out)
    return merge_reports([part.report for part in parts], config.stride)


_NO_MODEL = {"checkpoint": "", "checkpoint_hash": "", "policy": "", "prompting": "", "dtype": ""}


@dataclass(frozen=True)
class _Found:
    """Candidates by grounded frame and person, and where they come from.

    Args:
        texts: the prompts as the model was given them.
        grounded: persons whom a model has looked for; the prompts count these.
        drawn: by person.
    """

    rows: list[list[Candidates]]
    model: Mapping[str, str] = field(default_factory=lambda: _NO_MODEL)
    prompts: Prompts | None = None
    texts: Sequence[str] | None = None
    batch_size: int | None = None
    grounded: Sequence[int] = ()
    drawn: tuple[DrawnTrack, ...] = ()


def _run_model(
    source: GroundInput,
    config: GroundConfig,
    film: FrameStore,
    frames: np.ndarray,
    persons: Sequence[int],
    progress: Progress,
) -> _Found:
    """Candidates by frame of ``frames`` and person of ``persons``."""
    _check_shape(source.movie, *film.size)
    references = [source.references[person] for person in persons]
    grounder = make_grounder(config, str(source.checkpoint) if source.checkpoint else None)
    prompts = grounder.make_prompts(references)
    rows, batch_size = ground_frames(
        grounder, film.images, frames, config.batch_size, references, progress
    )
    model = {
        "checkpoint": config.checkpoint,
        "checkpoint_hash": grounder.content,
        "policy": config.policy,
        "prompting": config.prompting,
        "dtype": config.dtype,
    }
    texts = [prompt.text for prompt in grounder.list_prompts(references)]
    return _Found(rows, model, prompts, texts, batch_size, persons)


def _take_drawn(
    source: GroundInput,
    config: GroundConfig,
    film: FrameStore,
    sampled: np.ndarray,
    progress: Progress,
) -> _Found:
    """Drawn boxes, and a model's candidates for whom and where nobody has drawn."""
    drawn = _read_drawn(source, film, sampled)
    rows = drawn.find_open_rows()
    found = (
        _run_model(source, config, film, sampled[rows], drawn.open, progress)
        if len(rows)
        else _Found([])
    )
    progress(len(sampled) - len(rows))
    return replace(found, rows=drawn.fill_candidates(rows, found.rows), drawn=drawn.tracks)


def _read_drawn(source: GroundInput, film: FrameStore, sampled: np.ndarray) -> DrawnPersons:
    return read_drawn(source.drawn, len(source.references), film.time[sampled], *film.size)


def _check_shape(movie: str, width: int, height: int) -> None:
    """Raises RhasError where a picture is too elongated to leave the model a place per query."""
    if max(width, height) > MAX_ELONGATION * min(width, height):
        raise RhasError(
            "pictures too elongated for a detector",
            where=f"movie {movie}",
            expected=f"a longer side of at most {MAX_ELONGATION} times the shorter one",
            got=f"{width} x {height} pixels",
            do="cut the film into narrower ones, one for each part of the picture",
        )


def ground_frames(
    grounder: Grounder,
    reader: JpegReader,
    sampled: np.ndarray,
    batch_size: int | Literal["auto"],
    references: Sequence[str],
    progress: Progress,
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
        for block in reader.read_blocks((int(n) for n in sampled), size):
            pictures = [picture for _, picture in block if picture is not None]
            rows = iter(grounder.find_boxes(pictures, references))
            found += [
                [Candidates.make_empty()] * len(references) if picture is None else next(rows)
                for _, picture in block
            ]
            if len(found) > told:
                progress(len(found) - told)
                told = len(found)
        return found

    return with_fitting_batches(work, batch_size)


def _read_truth(source: GroundInput) -> TrueBoxes:
    path, persons = source.truth, len(source.references)
    if path is None:
        raise RhasError(
            "this data set has no true boxes",
            where=f"movie {source.movie}, ground.backend: truth",
            do="`truth` is for RHAS-mini alone; use transformers or official",
        )
    truth = TrueBoxes.read(path)
    if truth.persons != persons:
        raise RhasError(
            "true boxes of another number of persons",
            where=str(path),
            expected=f"{persons}, one per reference",
            got=str(truth.persons),
            do="run `dvc repro prepare`",
        )
    return truth


def _by_person(references: Sequence[str], found: _Found) -> tuple[PersonBoxes, ...]:
    """Candidates by frame and reference, put together by reference."""
    none = Candidates.make_empty()
    persons = []
    for person, reference in enumerate(references):
        rows = [row[person] for row in found.rows]
        track = found.drawn[person] if found.drawn else None
        persons.append(
            PersonBoxes(
                reference,
                make_offsets([len(c.scores) for c in rows]),
                np.concatenate([none.boxes, *(c.boxes for c in rows)]),
                np.concatenate([none.scores, *(c.scores for c in rows)]),
                track if track is not None and len(track.times) else None,
            )
        )
    return tuple(persons)
