"""COCO's JSON for video, with tracks as in TAO; one file for all films.

``videos``, ``images`` (frames of a film, ``frame_index`` from 0), ``tracks`` (a person of a film)
and ``annotations`` (a track's box in an image: ``[left, top, width, height]``, pixels of the film).
COCO has no place for sentences and actions, so a track has ``person``, ``reference`` and
``actions`` (segments in seconds) besides; other readers ignore them.

The records below are such a file's; what else a file has is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.base.units import frame_to_seconds
from rhas.data.actions import FilmActions, FilmFrames, PersonActions
from rhas.data.foreign_json import read_foreign_json
from rhas.data.foreign_tables import ForeignAnnotation
from rhas.data.formats.files import single_file
from rhas.data.formats.found import FilmCatalogue, FoundActions
from rhas.data.formats.frame_boxes import FrameBox, list_boxes, make_person

NAME = "coco.json"
_PERSON = 1  # the category

Length = Annotated[float, Field(gt=0)]
Boxes = dict[int, list[float]]
"""By source frame."""


class _Item(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False, frozen=True, populate_by_name=True)


class Video(_Item):
    """A film; ``name`` of its file, width and height in pixels, 0 where unknown."""

    id: int
    name: str
    width: int = 0
    height: int = 0


class Image(_Item):
    """A frame of a film: ``frame_index`` counts the film's own frames from 0."""

    id: int
    video_id: int
    frame_index: int = Field(ge=0, validation_alias=AliasChoices("frame_index", "frame_id"))
    file_name: str = ""
    width: int = 0
    height: int = 0


class Action(_Item):
    """An action of a person: ``segment`` start and end in seconds, score in [0, 1]."""

    label: str
    segment: tuple[float, float]
    score: float | None = None


class Track(_Item):
    """A person of a film: ``person`` the number from 0, ``reference`` the sentence."""

    id: int
    video_id: int
    category_id: int = _PERSON
    person: int | None = None
    reference: str = ""
    actions: tuple[Action, ...] = ()


class Box(_Item):
    """A track's box: left, top, width, height in pixels of the film; score in [0, 1]."""

    id: int = 0
    image_id: int
    video_id: int = 0
    track_id: int = Field(validation_alias=AliasChoices("track_id", "instance_id"))
    category_id: int = _PERSON
    bbox: tuple[float, float, Length, Length]
    area: float = 0
    iscrowd: int = 0
    score: float = 1


class Coco(_Item):
    """What is read and written of a file."""

    videos: tuple[Video, ...]
    images: tuple[Image, ...]
    annotations: tuple[Box, ...]
    tracks: tuple[Track, ...] = ()


ItemT = TypeVar("ItemT", Video, Image, Track)
ValueT = TypeVar("ValueT")


def write_coco(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes one file, and returns its path. Only frames with a box are among the images."""
    path = single_file(out, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = list(_describe_films(films))
    whole = Coco(
        videos=tuple(item for part in parts for item in part.videos),
        images=tuple(item for part in parts for item in part.images),
        tracks=tuple(item for part in parts for item in part.tracks),
        annotations=tuple(item for part in parts for item in part.annotations),
    )
    categories = [{"id": _PERSON, "name": "person"}]
    values = whole.model_dump(mode="json", exclude_none=True)
    write_json(path, {"categories": categories, **values}, sort_keys=False)
    return [path]


def _describe_films(films: Sequence[FilmActions]) -> Iterator[Coco]:
    """A film after the other; ids are unique among all."""
    image_ids, track_ids, box_ids = count(1), count(1), count(1)
    for video, film in enumerate(films, 1):
        frames = film.film
        width, height = frames.source_width, frames.source_height
        tracks = [
            _describe_track(person, number, next(track_ids), video, frames.fps)
            for number, person in enumerate(film.persons)
        ]
        rows = sorted(list_boxes(film), key=lambda row: (row.frame, row.person))
        images = {
            frame: Image(
                id=next(image_ids), video_id=video, frame_index=frame, width=width, height=height,
                file_name=f"{frames.movie}/{frame:06d}.jpg",
            )
            for frame in dict.fromkeys(row.frame for row in rows)
        }  # fmt: skip
        yield Coco(
            videos=(Video(id=video, name=frames.file, width=width, height=height),),
            images=tuple(images.values()),
            tracks=tuple(tracks),
            annotations=tuple(
                _describe_box(row, next(box_ids), images[row.frame], tracks[row.person].id)
                for row in rows
            ),
        )


def _describe_box(row: FrameBox, number: int, image: Image, track: int) -> Box:
    x1, y1, x2, y2 = row.box
    width, height = (max(0.01, round(side, 2)) for side in (x2 - x1, y2 - y1))
    return Box(
        id=number, image_id=image.id, video_id=image.video_id, track_id=track,
        bbox=(round(x1, 2), round(y1, 2), width, height), area=round(width * height, 2),
        score=round(row.score, 4),
    )  # fmt: skip


def _describe_track(
    person: PersonActions, number: int, track: int, video: int, fps: float
) -> Track:
    def seconds(frame: int) -> float:
        return round(frame_to_seconds(frame, fps), 3)

    actions = tuple(
        Action(label=i.action, segment=(seconds(i.start), seconds(i.stop)), score=i.score)
        for i in person.intervals
    )
    return Track(
        id=track, video_id=video, person=number, reference=person.reference, actions=actions
    )


def read_coco(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of films, their boxes and what they do.

    Raises:
        RhasError: not such a file, an id that is missing or there twice, a frame beyond the film,
            two boxes of a track in one frame.
    """
    content = _parse(path)
    known = {
        number: films.find_film([video.name], f"{path}, video {number}")
        for number, video in _by_id(content.videos, "video", path).items()
    }
    tracks = _list_tracks(content, path)
    boxes = _place_boxes(content, tracks, known, path)
    found = FoundActions()
    numbered = any(track.person is not None for track in tracks.values())
    for track in tracks.values():
        where = f"{path}, track {track.id}"
        film = _look_up(known, track.video_id, where, "video")
        if film is None:
            continue
        key = _find_key(track, numbered)
        found.persons.append(
            make_person(where, film, key, track.reference, boxes.get(track.id, {}))
        )
        found.annotations += [
            ForeignAnnotation(where, film.movie, key, action.label, *action.segment)
            for action in track.actions
        ]
    return found


def _find_key(track: Track, numbered: bool) -> str:
    """The person's number; the track's own, which may be another person's number, only where no
    track of the file has one."""
    if track.person is not None:
        return str(track.person)
    return f"track {track.id}" if numbered else str(track.id)


def _parse(path: Path) -> Coco:
    try:
        return Coco.model_validate(read_foreign_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RhasError(
            "not COCO's JSON of films",
            where=", ".join(filter(None, [str(path), place])),
            expected="videos, images, annotations, and tracks where there are sentences",
            got=f"{first['msg']}: {first['input']!r}"[:200],
        ) from error


def _list_tracks(content: Coco, path: Path) -> dict[int, Track]:
    """By id. Without ``tracks``, as in CocoVID, those that the boxes name."""
    if content.tracks:
        return _by_id(content.tracks, "track", path)
    images = _by_id(content.images, "image", path)
    found: dict[int, Track] = {}
    for number, box in enumerate(content.annotations):
        image = _look_up(images, box.image_id, f"{path}, annotations.{number}", "image")
        found.setdefault(box.track_id, Track(id=box.track_id, video_id=image.video_id))
    return found


def _place_boxes(
    content: Coco,
    tracks: Mapping[int, Track],
    films: Mapping[int, FilmFrames | None],
    path: Path,
) -> dict[int, Boxes]:
    """Boxes by track."""
    images = _by_id(content.images, "image", path)
    placed: dict[int, Boxes] = {}
    for number, box in enumerate(content.annotations):
        where = f"{path}, annotations.{number}"
        image = _look_up(images, box.image_id, where, "image")
        track = _look_up(tracks, box.track_id, where, "track")
        if image.video_id != track.video_id:
            raise RhasError("a box in another film than its track", where=where)
        film = _look_up(films, image.video_id, where, "video")
        if film is None:
            continue
        frame = image.frame_index
        if frame >= film.source_frames:
            raise RhasError(
                "a frame beyond the film",
                where=where,
                expected=f"0 to {film.source_frames - 1}, the frames of {film.file}",
                got=str(frame),
                do="give the film that was annotated",
            )
        if frame in placed.setdefault(track.id, {}):
            got = f"track {track.id}, frame {frame}"
            raise RhasError("two boxes of a track in one frame", where=where, got=got)
        left, top, width, height = box.bbox
        placed[track.id][frame] = [left, top, left + width, top + height]
    return placed


def _by_id(items: Sequence[ItemT], what: str, path: Path) -> dict[int, ItemT]:
    found: dict[int, ItemT] = {}
    for item in items:
        if found.setdefault(item.id, item) is not item:
            raise RhasError("an id that is there twice", where=f"{path}, {what} {item.id}")
    return found


def _look_up(items: Mapping[int, ValueT], number: int, where: str, what: str) -> ValueT:
    if number not in items:
        raise RhasError(f"there is no such {what}", where=where, got=f"{what} {number}")
    return items[number]
