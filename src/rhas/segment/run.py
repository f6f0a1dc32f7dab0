"""One film through all stages in this process, and everything that is written about it."""

from __future__ import annotations

import os
import queue
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rhas.base.files import hash_file, write_json
from rhas.base.formatting import format_duration
from rhas.base.threads import torch_threads
from rhas.crop.cropping import CropReport
from rhas.decode.container import FilmInfo
from rhas.decode.decoding import DecodeReport
from rhas.engine.progress import film_progress
from rhas.engine.steps import FilmFiles, FilmStep, Job
from rhas.engine.taking import take_entries
from rhas.engine.workcache import Entry, WorkCache, link_files, walk_folder
from rhas.evaluate.fitted import FittedReadout, hash_model
from rhas.pipeline.steps import FILM_STEPS
from rhas.report.overlay import OverlayInput, draw_overlay
from rhas.segment.chunks import FilmChunk, count_chunk_frames, split_frames
from rhas.segment.label_fit import LabelFit, describe_fit, fit_model
from rhas.segment.labels import check_labels
from rhas.segment.models import check_models, make_default_readout
from rhas.segment.page import write_page
from rhas.segment.people import Person, rank_actions, read_people
from rhas.segment.records import FilmRecord, FilmSummary
from rhas.segment.request import (
    INTERVALS,
    OUTPUTS,
    OVERLAY,
    PAGE,
    SUBTITLES,
    SegmentRequest,
    identify_film,
)
from rhas.segment.subtitles import find_constant_intervals, write_subtitles
from rhas.segment.tables import make_person_record, write_intervals, write_scores
from rhas.segment.windows import (
    OVERLAP,
    ScoreInput,
    ScoreReport,
    find_window_starts,
    hash_method_code,
    read_model_classes,
    read_model_dims,
    score_person,
)
from rhas.segment.work import exclusive_work_folder
from rhas.stores.boxes import merge_boxes
from rhas.stores.checksums import write_checksums
from rhas.stores.frames import count_frames, write_frame_chunk
from rhas.stores.hdf5 import PARTS
from rhas.stores.tracks import write_track_chunk
from rhas.train import load_method

_NEW = ".new-"


def segment_film(request: SegmentRequest, tell: Callable[[str], None]) -> FilmSummary:
    """Writes everything about a film into ``request.out`` and returns a summary of it.

    Stages run one after the other in this process, on one thread as the stages' workers do. What
    they computed stays in ``out/.work``, by content: a killed run goes on where it was, a changed
    film, reference or setting is computed anew. The outputs take their places together, when all
    of them are whole.

    Args:
        request: what is asked for.
        tell: takes a line for people, per stage and warning.

    Raises:
        RhasError: whatever a stage refuses; a model that does not fit.
    """
    movie, facts = identify_film(request.film, request.params.decode)
    check_labels(request.labels, facts.seconds, request.film.name)
    load_method(request.model)  # says what is wrong with it
    for line in check_models(request.model, request.readout, request.references, request.params):
        tell(line)
    request.out.mkdir(parents=True, exist_ok=True)
    with exclusive_work_folder(request.out) as folder:
        for left in folder.glob(f"{PARTS}*"):  # by a killed run
            shutil.rmtree(left)
        steps = len(FILM_STEPS) + 1 + request.overlay
        return _segment(request, movie, facts, _Work(WorkCache(folder), tell, steps))


def _segment(request: SegmentRequest, movie: str, facts: FilmInfo, work: _Work) -> FilmSummary:
    with tempfile.TemporaryDirectory(dir=work.cache.root, prefix=PARTS) as name, torch_threads(1):
        seen = _see(request, movie, facts, work, Path(name))
    with tempfile.TemporaryDirectory(dir=work.cache.root, prefix=PARTS) as name:
        fit = None
        if request.labels:
            request, fit = _fit_to_labels(request, seen, Path(name), work.tell)
        return _score_and_write(request, movie, facts, seen, fit, work)


def _fit_to_labels(
    request: SegmentRequest, seen: _Seen, folder: Path, tell: Callable[[str], None]
) -> tuple[SegmentRequest, LabelFit]:
    """The request with a model that is fitted to its labels, and what that was fitted to."""
    chunks = [
        FilmChunk(start, stop, entry.result)
        for (start, stop), entry in zip(seen.spans, seen.extracted, strict=True)
    ]
    model = folder / request.model.name
    with torch_threads(1):
        fit = fit_model(request.model, request.labels, chunks, request.params.fps, model)
    tell(describe_fit(fit))
    return replace(request, model=model), fit


def _score_and_write(
    request: SegmentRequest,
    movie: str,
    facts: FilmInfo,
    seen: _Seen,
    fit: LabelFit | None,
    work: _Work,
) -> FilmSummary:
    params = request.params
    readout = request.readout or make_default_readout(read_model_classes(request.model))
    scored = work.run(_score_jobs(request, movie, seen))
    scores = [entry.result for entry in scored]
    least = params.crop.min_score
    people = read_people(seen.cropped.result, seen.boxes, scores, readout, least)
    drawn: list[Entry] = []
    if request.overlay:
        source = OverlayInput(
            seen.decoded.result,
            seen.cropped.result,
            tuple(tuple(find_constant_intervals(p)) for p in people),
        )
        job = Job(movie, "overlay", draw_overlay, (source,), OVERLAY, seen.frames)
        drawn = work.run([job])
    decoded = seen.decoded.read_report(DecodeReport)
    record: FilmRecord = {
        "film": request.film.name,
        "seconds": round(decoded.seconds, 3),
        "frames": seen.frames,
        "fps": params.fps,
        "frame_size": list(facts.fit_size(params.decode.short_side)),
        "lost_frames": decoded.lost_frames,
        "cuts": seen.cropped.read_report(CropReport).cuts,
        "min_score": least,
        "model": request.model.name,
        "model_hash": hash_model(request.model),
        "built_in_checkpoints": params.built_in_checkpoints,
        "readout": {
            "fitted": bool(readout.origin.model),
            "calibrated": readout.calibration is not None,
            "median": readout.readout.median,
            "min_frames": readout.readout.min_frames,
            "objective": readout.readout.objective,
            "default_threshold": readout.readout.default_threshold,
        },
        "labels": None if fit is None else fit.make_record(),
        "windows": scored[0].read_report(ScoreReport).windows,
        "persons": [make_person_record(person, params.fps) for person in people],
    }
    with _published(request.out) as folder:
        if drawn:
            link_files(drawn[0].result, folder / OVERLAY)
        _write(record, people, scores, readout, seen, folder)
        files = [path for path in walk_folder(folder) if path.is_file()]
        write_checksums(folder, {str(p.relative_to(folder)): hash_file(p) for p in files})
    work.forget_others()
    return _summary(request, record, people, work)


@dataclass(frozen=True)
class _Seen:
    """What decode, ground, crop and extract made of the film; ``spans`` are those of its parts."""

    decoded: Entry
    boxes: Path
    cropped: Entry
    extracted: list[Entry]
    spans: list[tuple[int, int]]

    @property
    def frames(self) -> int:
        return self.spans[-1][1]


def _see(request: SegmentRequest, movie: str, facts: FilmInfo, work: _Work, parts: Path) -> _Seen:
    """Runs the film steps: decode and crop on the whole film, ground and extract on its parts."""
    decode, ground, crop, extract = FILM_STEPS
    params, film = request.params, FilmFiles(movie, request.references, film=request.film)

    def make_job(step: FilmStep[Any, Any, Any], files: FilmFiles) -> Job:
        return step.make_job(files, params.get_section(step.config))

    (decoded,) = work.run([replace(make_job(decode, film), size=facts.seconds * params.fps)])
    film = film.add(decode.output, decoded.result)
    frames = count_frames(decoded.result)
    cut = split_frames(frames, request.chunk_frames or count_chunk_frames(params))
    pieces = [
        film.add(decode.output, part)
        for part in _write_parts(write_frame_chunk, decoded, cut, parts / decode.output)
    ]
    grounded = work.run([make_job(ground, piece) for piece in pieces])
    starts = [(start, entry.result) for (start, _), entry in zip(cut, grounded, strict=True)]
    boxes = work.keep("boxes.h5", lambda out: merge_boxes(starts, out))
    (cropped,) = work.run([make_job(crop, film.add(ground.output, boxes))])
    tracks = _write_parts(write_track_chunk, cropped, cut, parts / crop.output)
    pieces = [piece.add(crop.output, part) for piece, part in zip(pieces, tracks, strict=True)]
    extracted = work.run([make_job(extract, piece) for piece in pieces])
    return _Seen(decoded, boxes, cropped, extracted, cut)


def _write_parts(
    write: Callable[[Path, str, int, int, Path], None],
    whole: Entry,
    cut: Sequence[tuple[int, int]],
    folder: Path,
) -> list[Path]:
    """The parts of a film's store, one per pair of start and stop."""
    paths = [folder / f"{number:03d}.h5" for number in range(len(cut))]
    for span, path in zip(cut, paths, strict=True):
        write(whole.result, whole.key, *span, path)
    return paths


def _score_jobs(request: SegmentRequest, movie: str, seen: _Seen) -> list[Job]:
    """A job per person."""
    length = read_model_dims(request.model).L
    starts = find_window_starts(seen.frames, length, length // OVERLAP)
    size = sum(min(length, seen.frames - start) for start in starts)
    source = ScoreInput(
        movie=movie,
        person=0,
        model=request.model,
        features=tuple(entry.result for entry in seen.extracted),
        spans=tuple(seen.spans),
        seed=request.params.seed,
        code=hash_method_code(request.model),
    )
    return [
        Job(movie, "sample", score_person, (replace(source, person=person),), "scores.npy", size)
        for person in range(len(request.references))
    ]


def _write(
    record: FilmRecord,
    people: Sequence[Person],
    scores: Sequence[Path],
    readout: FittedReadout,
    seen: _Seen,
    folder: Path,
) -> None:
    fps = record["fps"]
    write_json(folder / INTERVALS, record)
    write_intervals(people, fps, folder / "intervals.csv")
    write_scores(people, scores, readout.classes, fps, folder / "scores.zarr")
    link_files(seen.cropped.result, folder / "tracks.h5")
    write_subtitles(people, fps, folder / SUBTITLES)
    overlay = OVERLAY if (folder / OVERLAY).exists() else None
    stores = seen.decoded.result, seen.cropped.result
    write_page(record, people, *stores, readout.classes, overlay, folder / PAGE)


class _Work:
    """Runs film functions in this process, one film at a time, and keeps what they make.

    Args:
        steps: how many there will be.
    """

    def __init__(self, cache: WorkCache, tell: Callable[[str], None], steps: int) -> None:
        self.cache, self.tell, self._steps = cache, tell, steps
        self._used: set[tuple[str, str]] = set()
        self.seconds: dict[str, float] = {}

    def run(self, jobs: Sequence[Job]) -> list[Entry]:
        """The entries of a step's jobs in their order; what is there is not computed again."""
        began, step = time.monotonic(), jobs[0].step
        place = f"step {len(self.seconds) + 1} of {self._steps}"
        self.cache.remove_unfinished(step)
        keys = [self.cache.make_key(job) for job in jobs]
        self._used |= {(step, key) for key in keys}
        taken, _ = take_entries(self.cache, step, {key: key for key in keys}, reread=False)
        found = [taken.get(key) for key in keys]
        waiting = [n for n, entry in enumerate(found) if entry is None]
        if waiting:
            messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
            with film_progress(f"{place}, {step}", [jobs[n] for n in waiting], messages):
                for n in waiting:
                    job = jobs[n]
                    report = partial(_put, messages, job.name)
                    found[n] = self.cache.compute_entry(keys[n], job, report)
        self.seconds[step] = round(time.monotonic() - began, 2)
        kept = len(jobs) - len(waiting)
        whence = f", {kept} of {len(jobs)} parts were there" if kept else ""
        self.tell(f"{step}: {format_duration(self.seconds[step])}, {place}{whence}")
        return [entry for entry in found if entry is not None]

    def keep(self, name: str, write: Callable[[Path], None]) -> Path:
        """A file in the work folder, written anew."""
        path = self.cache.root / name
        temporary = path.with_name(f".{name}")
        write(temporary)
        os.replace(temporary, path)
        return path

    def forget_others(self) -> None:
        """Removes what this run did not use: it belongs to another film, reference or setting."""
        for entry in list(self.cache.list_entries()):
            if (entry.stage, entry.key) not in self._used:
                self.cache.remove_entry(entry)
        for folder in self.cache.list_damaged():
            shutil.rmtree(folder)


def _put(messages: queue.SimpleQueue[Any], film: str, frames: int) -> None:
    messages.put((film, frames))


@contextmanager
def _published(out: Path) -> Iterator[Path]:
    """A folder whose entries take the places of ``out``'s of the same names, the page last; where
    the block fails nothing is changed."""
    for left in out.glob(f"{_NEW}*"):  # by a killed run
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=out, prefix=_NEW) as name:
        folder = Path(name)
        yield folder
        for entry in reversed(OUTPUTS):
            target = out / entry
            if target.is_dir():
                shutil.rmtree(target)
            target.unlink(missing_ok=True)
            if (folder / entry).exists():
                os.replace(folder / entry, target)


def _summary(
    request: SegmentRequest, record: FilmRecord, people: Sequence[Person], work: _Work
) -> FilmSummary:
    return {
        "film": record["film"],
        "seconds": record["seconds"],
        "frames": record["frames"],
        "fps": record["fps"],
        "readout": record["readout"],
        "labels": record["labels"],
        "out": str(request.out),
        "files": [name for name in OUTPUTS if (request.out / name).exists()],
        "persons": [
            {
                "person": person.number,
                "reference": person.reference,
                "found": person.found,
                "seen": round(1 - person.missing / record["frames"], 4),
                "lookalike_share": round(
                    sum(one.stop - one.start for one in person.lookalikes) / record["frames"], 4
                ),
                "intervals": len(person.actions),
                "actions": rank_actions(person),
            }
            for person in people
        ],
        "stage_seconds": work.seconds,
    }
