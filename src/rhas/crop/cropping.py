"""crop: from box candidates to one track per reference, and the person's crop of every frame.

Cuts are found on the frames (`rhas.crop.shots`), candidates become tracks shot by shot
(`rhas.crop.tracking`), and each box of a track is cut out of its frame: a square around the box's
centre, black outside the frame, scaled to the encoder's size.

Legend: T frames, P persons, S sampled frames, K candidates (docs/DESIGN.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rhas.base.errors import RhasError
from rhas.base.progress import Progress
from rhas.config.crop import CropConfig
from rhas.crop.detections import Detections, merge_candidates
from rhas.crop.shots import find_cuts, make_thumbnail
from rhas.crop.tracking import Track, track_film
from rhas.stores.boxes import FilmBoxes, PersonBoxes
from rhas.stores.frames import FrameStore, open_frames
from rhas.stores.jpeg import encode_jpeg
from rhas.stores.tracks import (
    BoxSource,
    CropWriter,
    FilmTracks,
    PersonTrack,
    TrackInfo,
    create_tracks,
)


@dataclass(frozen=True)
class CropInput:
    """A film's stores of frames and boxes."""

    movie: str
    frames: Path
    boxes: Path


@dataclass(frozen=True)
class PersonCount:
    """Frames of a person, by where the box comes from."""

    person: int
    reference: str
    detected: int
    interpolated: int
    missing: int


@dataclass(frozen=True)
class CropReport:
    """What became of a film's candidates.

    Args:
        frames: T.
        cuts: frames that start a shot.
        persons: by reference.
        candidates: those of all references.
        candidates_without_area: dropped.
        detections: candidates merged, one per body and frame.
        detections_dropped: those that no reference got.
        tracklets: detections linked.
        tracklets_dropped: those that no reference got.
    """

    frames: int
    cuts: list[int]
    persons: list[PersonCount]
    candidates: int
    candidates_without_area: int
    detections: int
    detections_dropped: int
    tracklets: int
    tracklets_dropped: int


def crop_film(source: CropInput, config: CropConfig, out: Path, progress: Progress) -> CropReport:
    """Writes the tracks store of one film (docs/DESIGN.md, Files).

    Args:
        source: the film's stores.
        config: parameters of the stage.
        out: the HDF5 file to write; absent again after an exception.
        progress: called with the number of frames done since the last call; one half of them is
            counted when looking for cuts, the other when cropping.

    Raises:
        RhasError: stores that do not belong together, a stride above ``max_gap``, or a frame
            whose image is absent or damaged.
    """
    boxes = FilmBoxes.read(source.boxes)
    with open_frames(source.frames) as film:
        _check_boxes(film, boxes, source.boxes, config, source.movie)
        grounded = _Grounded.merge_candidates(boxes)
        cuts = find_cuts(_read_thumbnails(film, progress), config.cut_threshold)
        tracks, counts = track_film(
            boxes.frames,
            [
                found.add_colours(_read_picture(film, int(frame))) if len(found.boxes) else found
                for frame, found in zip(boxes.frames, grounded.detections, strict=True)
            ],
            cuts,
            len(film),
            len(boxes.persons),
            stride=boxes.info.stride,
            max_gap=config.max_gap,
            min_score=config.min_score,
        )
        tracks = [
            _take_drawn(track, person, film, cuts)
            for track, person in zip(tracks, boxes.persons, strict=True)
        ]
        info = TrackInfo(source.movie, config.size, config.margin, boxes.info.truth)
        persons = tuple(
            PersonTrack(person.reference, track.boxes, track.scores, track.source)
            for person, track in zip(boxes.persons, tracks, strict=True)
        )
        with create_tracks(out, FilmTracks(info, cuts, persons)) as writer:
            _write_crops(writer, tracks, film, config, progress)
    return CropReport(
        frames=len(film),
        cuts=cuts.tolist(),
        persons=[
            PersonCount(number, person.reference, **person.count_sources())
            for number, person in enumerate(persons)
        ],
        candidates=grounded.candidates,
        candidates_without_area=grounded.without_area,
        **counts,
    )


def _take_drawn(track: Track, person: PersonBoxes, film: FrameStore, cuts: np.ndarray) -> Track:
    """The track with what people drew in its place, where they looked; of score 1."""
    if person.drawn is None:
        return track
    drawn = person.drawn.draw(film.time, cuts, *film.size)
    known = drawn.known
    scores = (drawn.source != BoxSource.MISSING).astype(np.float32)
    return Track(
        np.where(known[:, None], drawn.boxes, track.boxes),
        np.where(known, scores, track.scores),
        np.where(known, drawn.source, track.source),
    )


def cut_out(image: Image.Image, box: Sequence[float], margin: float, size: int) -> np.ndarray:
    """The square around a box, scaled bicubically; uint8 (size, size, 3).

    Its side is the longer side of the box times ``1 + 2 * margin``, its centre the box's; the
    corners are rounded to whole pixels. Black where it reaches beyond the image.

    Args:
        image: RGB.
        box: x1, y1, x2, y2 in pixels.
        margin: from 0.
        size: pixels.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    half = max(x2 - x1, y2 - y1) * (1 + 2 * margin) / 2
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top, right, bottom = (round(v) for v in (x - half, y - half, x + half, y + half))
    square = image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class _Grounded:
    """The candidates of all references, merged by grounded frame; two counts."""

    detections: list[Detections]
    candidates: int
    without_area: int

    @staticmethod
    def merge_candidates(store: FilmBoxes) -> _Grounded:
        boxes: list[list[np.ndarray]] = [[] for _ in store.frames]  # [frame][person] (K, 4)
        scores: list[list[np.ndarray]] = [[] for _ in store.frames]  # [frame][person] (K,)
        candidates = without_area = 0
        for person in store.persons:
            box, score = person.boxes, person.scores
            good = np.isfinite(box).all(1) & (box[:, 2:] > box[:, :2]).all(1)
            candidates += len(good)
            without_area += int((~good).sum())
            for number in range(len(store.frames)):
                rows = person.select_rows(number)
                boxes[number].append(box[rows][good[rows]])
                scores[number].append(score[rows][good[rows]])
        detections = [merge_candidates(b, s) for b, s in zip(boxes, scores, strict=True)]
        return _Grounded(detections, candidates, without_area)


def _check_boxes(
    film: FrameStore, boxes: FilmBoxes, path: Path, config: CropConfig, movie: str
) -> None:
    if not boxes.persons:
        raise RhasError("boxes of no reference", where=str(path), do="run `dvc repro ground`")
    stride = boxes.info.stride
    facts: list[tuple[str, object, object]] = [
        ("the frames' movie", movie, film.info.movie),
        ("the boxes' movie", movie, boxes.info.movie),
        (
            "the sampled frames",
            _format_span(np.arange(0, len(film), stride)),
            _format_span(boxes.frames),
        ),
    ]
    for what, expected, got in facts:
        if expected != got:
            raise RhasError(
                f"frames and boxes do not belong together: {what}",
                where=f"{film.path}, {path}",
                expected=str(expected),
                got=str(got),
                do="run `dvc repro ground`",
            )
    if config.max_gap < stride:
        raise RhasError(
            "no track can reach from one sampled frame to the next",
            where="crop.max_gap",
            expected=f"at least ground.stride, {stride}",
            got=str(config.max_gap),
            do="raise crop.max_gap or lower ground.stride",
        )


def _format_span(frames: np.ndarray) -> str:
    if not len(frames):
        return "none"
    steps = sorted(set(np.diff(frames).tolist()))
    return f"{len(frames)} from {frames[0]} to {frames[-1]}, {steps} apart"


def _read_thumbnails(film: FrameStore, progress: Progress) -> Iterator[np.ndarray]:
    for frame in range(len(film)):
        try:
            yield make_thumbnail(film.images.read_bytes(frame))
        except OSError as error:
            raise _no_picture(film.path, frame, str(error)) from error
        if frame % 2:
            progress(1)


def _no_picture(store: Path, frame: int, got: str) -> RhasError:
    return RhasError(
        "a frame's picture is absent or damaged",
        where=f"{store}, frame {frame}",
        got=got,
        do="delete the file and run `dvc repro decode`",
    )


def _write_crops(
    writer: CropWriter,
    tracks: Sequence[Track],
    film: FrameStore,
    config: CropConfig,
    progress: Progress,
) -> None:
    for frame in range(len(film)):
        writer.append(_encode_crops(film, frame, tracks, config))
        if frame % 2 == 0:
            progress(1)


def _encode_crops(
    film: FrameStore, frame: int, tracks: Sequence[Track], config: CropConfig
) -> list[bytes]:
    """JPEG bytes by person, empty where missing; the frame is decoded once, if at all."""
    present = [track.source[frame] != BoxSource.MISSING for track in tracks]
    if not any(present):
        return [b""] * len(tracks)
    image = Image.fromarray(_read_picture(film, frame))
    return [
        encode_jpeg(cut_out(image, track.boxes[frame], config.margin, config.size), config.quality)
        if found
        else b""
        for track, found in zip(tracks, present, strict=True)
    ]


def _read_picture(film: FrameStore, frame: int) -> np.ndarray:
    picture = film.images[frame]
    assert picture is not None  # its thumbnail was made
    return picture
