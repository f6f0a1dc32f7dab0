"""Label Studio's JSON: a task per film whose prediction has boxes and timelines of the persons.

Frames count from 1 at the ``frameRate`` of the labelling configuration, which is written beside the
tasks and names it. A range of a timeline includes its last frame.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.data.actions import FilmActions, FilmFrames, PersonActions
from rhas.data.audit import Audit
from rhas.data.foreign_json import read_foreign_json
from rhas.data.formats.files import single_file
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.formats.keyframes import Keyframe, draw_boxes, make_keyframes, make_track
from rhas.data.formats.xml import write_xml

JsonObject = Mapping[str, Any]

NAME = "labelstudio.json"
_MIN_RATE, _MAX_RATE = 0.01, 1000.0  # frames per second
_NUMBER = re.compile(r"(?:person|actions)[ _](\d+)")
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # put before the name of an uploaded file
_EXPECTED = 'a list of tasks: [{"data": {"video": ...}, "annotations": [{"result": [...]}]}]'


def write_labelstudio(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes the tasks and a labelling configuration per frame rate; returns their paths.

    ``data.video`` of a task is the name of the film's file: replace it by its address where the
    films are served.
    """
    path = single_file(out, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, [_make_task(film) for film in films], sort_keys=False)
    actions = sorted({name for film in films for name in film.list_actions()})
    count = max(len(film.persons) for film in films)
    rates = sorted({_frame_rate(film.film) for film in films})
    written = [path]
    for rate in rates:
        name = f"{path.stem}.xml" if len(rates) == 1 else f"{path.stem}_{rate:g}.xml"
        written.append(path.with_name(name))
        write_xml(_make_config(count, actions, rate), written[-1])
    return written


def _frame_rate(film: FilmFrames) -> float:
    return round(max(film.source_fps, film.fps), 6)


def count_at_rate(film: FilmFrames, rate: float) -> FilmFrames:
    """The film as a player counts its frames at a constant rate, whatever their times are."""
    shown = np.floor(np.arange(len(film)) / film.fps * rate + 0.5 + 1e-9).astype(np.int64)
    count = max(math.ceil(film.seconds * rate - 1e-6), int(shown[-1]) + 1)
    return FilmFrames(
        film.movie, film.file, film.fps, film.width, film.height, film.source_width,
        film.source_height, rate, film.seconds, np.arange(count) / rate, shown,
    )  # fmt: skip


def _make_config(persons: int, actions: Sequence[str], rate: float) -> ET.Element:
    root = ET.Element("View")
    ET.SubElement(root, "Video", name="video", value="$video", frameRate=f"{rate:g}")
    ET.SubElement(root, "VideoRectangle", name="box", toName="video")
    labels = ET.SubElement(root, "Labels", name="persons", toName="video")
    for number in range(persons):
        ET.SubElement(labels, "Label", value=f"person {number}")
    for number in range(persons):
        ET.SubElement(root, "Header", value=f"person {number}")
        lane = ET.SubElement(root, "TimelineLabels", name=f"actions_{number}", toName="video")
        for action in actions:
            ET.SubElement(lane, "Label", value=action)
    return root


def _make_task(film: FilmActions) -> dict[str, object]:
    rate = _frame_rate(film.film)
    frames = count_at_rate(film.film, rate)
    results = [
        region
        for number, person in enumerate(film.persons)
        for region in _make_regions(number, person, frames)
    ]
    prediction = {"model_version": "rhas", "result": results}
    data = {
        "video": film.film.file,
        "movie": film.film.movie,
        "fps": rate,
        "references": [person.reference for person in film.persons],
    }
    return {"data": data, "predictions": [prediction]}


def _make_regions(
    number: int, person: PersonActions, frames: FilmFrames
) -> Iterator[dict[str, object]]:
    boxes = PersonActions(person.reference, (), person.boxes, person.scores, person.source)
    keyframes = make_keyframes(boxes, frames)
    if keyframes:
        box: dict[str, object] = {
            "framesCount": frames.source_frames,
            "duration": round(frames.source_frames / frames.source_fps, 6),
            "sequence": list(_make_sequence(keyframes, frames)),
            "labels": [f"person {number}"],
        }
        yield {
            "id": f"box_{number}",
            "type": "videorectangle",
            "from_name": "box",
            "to_name": "video",
            "meta": {"text": [person.reference]},
            "value": box,
        }
    for order, i in enumerate(person.intervals):
        start, stop = frames.to_source(i.start), frames.to_source(i.stop)
        region: dict[str, object] = {
            "id": f"action_{number}_{order}",
            "type": "timelinelabels",
            "from_name": f"actions_{number}",
            "to_name": "video",
            "value": {
                "ranges": [{"start": start + 1, "end": max(stop, start + 1)}],
                "timelinelabels": [i.action],
            },
        }
        yield region if i.score is None else {**region, "score": i.score}


def _make_sequence(
    keyframes: Sequence[Keyframe], frames: FilmFrames
) -> Iterator[dict[str, object]]:
    """Visible keyframes in per cent of the frame; ``enabled`` where the next one follows on."""
    end = Keyframe(frames.source_frames, keyframes[-1].box, keyframes[-1].visible)
    for keyframe, following in pairwise([*keyframes, end]):
        if not keyframe.visible:
            continue
        x1, y1, x2, y2 = keyframe.box
        width, height = frames.source_width, frames.source_height
        values = {"x": x1 / width, "y": y1 / height, "width": (x2 - x1) / width,
                  "height": (y2 - y1) / height}  # fmt: skip
        yield {
            "frame": keyframe.frame + 1,
            "enabled": following.visible,
            "rotation": 0,
            **{name: round(100 * value, 5) for name, value in values.items()},
            "time": round(keyframe.frame / frames.source_fps, 6),
        }


@dataclass(frozen=True)
class _Region:
    """A result of a task: its place, type, control and value."""

    where: str
    type: str
    control: str
    value: JsonObject


def read_labelstudio(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of films and their actions: the last annotation of each task that is not
    cancelled, or the prediction where a task has none.

    Raises:
        RhasError: not such a file, a task or region of another form, frames beyond the film.
    """
    tasks = read_foreign_json(path)
    tasks = [tasks] if isinstance(tasks, dict) else tasks
    found = FoundActions()
    if not isinstance(tasks, list):
        raise RhasError("not Label Studio's JSON", where=str(path), expected=_EXPECTED)
    for number, task in enumerate(tasks):
        where = f"{path}, task {number}"
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict) or not ("annotations" in task or "predictions" in task):
            raise RhasError(
                "not a task of Label Studio's JSON",
                where=where,
                expected=_EXPECTED,
                do="export as JSON, not as JSON-MIN",
            )
        film = films.find_film(_list_names(data, where), where)
        if film is not None:
            _read_task(task, data, film, where, found, films.audit)
    return found


def _list_names(data: JsonObject, where: str) -> list[str]:
    """Names that the film of a task may have: as exported, or the last part of its address."""
    names = []
    for key in ("movie", "video", "url"):
        text = data.get(key)
        if isinstance(text, str) and text.strip():
            parts = urlsplit(text)
            query = parts.query.removeprefix("d=") if "local-files" in parts.path else ""
            name = text if key == "movie" else PurePosixPath(unquote(query or parts.path)).name
            names += [name, _UPLOADED.sub("", name, count=1)]
    return list(dict.fromkeys(names))


def _read_task(
    task: JsonObject, data: JsonObject, film: FilmFrames, where: str, found: FoundActions,
    audit: Audit,
) -> None:  # fmt: skip
    regions = list(_list_regions(task, where))
    rate = _find_rate(data, regions, film, where)
    frames = count_at_rate(film, rate)
    sentences = data.get("references")
    texts = list(map(str, sentences)) if isinstance(sentences, list) else []
    persons = {str(n): FoundPerson(where, film.movie, str(n), t) for n, t in enumerate(texts)}
    drawn: dict[str, list[list[Keyframe]]] = {}
    for region in regions:
        if region.type != "videorectangle":
            continue
        label = _first_text(region.value.get("labels")) or "person 0"
        key = _read_number(label) or label
        drawn.setdefault(key, []).append(_read_sequence(region, frames))
        sentence = persons[key].sentence if key in persons else label if key == label else ""
        persons[key] = FoundPerson(region.where, film.movie, key, sentence)
    for key, pieces in drawn.items():
        tracks = tuple(make_track(keyframes, frames) for keyframes in pieces)
        draw = partial(_draw_pieces, pieces, frames)
        persons[key] = replace(persons[key], draw=draw, tracks=tracks)
    for region in regions:
        if region.type != "timelinelabels":
            continue
        key = _read_number(region.control)
        if not key and len(persons) > 1:
            audit.add(
                "timeline without person",
                f"{region.where}: {region.control}; name it actions_0, actions_1, ...",
            )
            continue
        key = key or next(iter(persons), "0")
        person = persons.setdefault(key, FoundPerson(region.where, film.movie, key, ""))
        found.add_actions(person, list(_read_ranges(region, frames)), frames)
    found.persons += persons.values()


def _draw_pieces(pieces: Sequence[Sequence[Keyframe]], frames: FilmFrames) -> np.ndarray:
    """`draw_boxes` of several regions of one person; the later one counts."""
    boxes = draw_boxes(pieces[0], frames)
    for keyframes in pieces[1:]:
        later = draw_boxes(keyframes, frames)
        boxes = np.where(np.isfinite(later), later, boxes)
    return boxes


def _list_regions(task: JsonObject, where: str) -> Iterator[_Region]:
    answers = task.get("annotations") or task.get("predictions") or []
    if not isinstance(answers, list):
        raise RhasError("annotations are not a list", where=where, expected=_EXPECTED)
    valid = [a for a in answers if isinstance(a, dict) and not a.get("was_cancelled")]
    results = valid[-1].get("result", []) if valid else []
    for number, result in enumerate(results if isinstance(results, list) else [None]):
        place = f"{where}, region {number}"
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            raise RhasError("not a region", where=place, expected=_EXPECTED, got=str(result)[:80])
        yield _Region(place, str(result.get("type")), str(result.get("from_name")), value)


def _find_rate(data: JsonObject, regions: Sequence[_Region], film: FilmFrames, where: str) -> float:
    """Frames per second that the task counts: as exported, as its boxes say, or the film's."""
    rates = [_read_positive(data.get("fps"))]
    for region in regions:
        count, seconds = (_read_positive(region.value.get(n)) for n in ("framesCount", "duration"))
        rates.append(count / seconds if count and seconds else None)
    rate = next((rate for rate in rates if rate), film.source_fps)
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise RhasError(
            "a frame rate beyond reason",
            where=where,
            expected=f"{_MIN_RATE:g} to {_MAX_RATE:g} frames per second",
            got=f"{rate:g}",
            do="correct `fps` of the task, or framesCount and duration of its boxes",
        )
    return rate


def _read_positive(value: object) -> float | None:
    """A finite number above 0; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None


def _read_number(text: str) -> str:
    match = _NUMBER.fullmatch(text.strip())
    return match[1] if match else ""


def _first_text(values: object) -> str:
    return str(values[0]) if isinstance(values, list) and values else ""


def _read_sequence(region: _Region, frames: FilmFrames) -> list[Keyframe]:
    sequence = region.value.get("sequence")
    if not isinstance(sequence, list) or not all(isinstance(k, dict) for k in sequence):
        raise RhasError("a box without its sequence", where=region.where)
    size = np.array([frames.source_width, frames.source_height] * 2) / 100
    keyframes: list[Keyframe] = []
    for item in sequence:
        frame = _read_frame(item.get("frame"), frames, region.where)
        if keyframes and frame <= keyframes[-1].frame - (not keyframes[-1].visible):
            raise RhasError("keyframes out of order", where=f"{region.where}, frame {frame + 1}")
        values = [item.get(name) for name in ("x", "y", "width", "height")]
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
            raise RhasError(
                "not a box", where=f"{region.where}, frame {frame + 1}", got=str(values)
            )
        x, y, width, height = (np.array(values, np.float64) * size).tolist()
        if keyframes and keyframes[-1].frame == frame:
            keyframes.pop()
        keyframes.append(Keyframe(frame, (x, y, x + width, y + height), True))
        if not item.get("enabled", True) and frame + 1 < frames.source_frames:
            keyframes.append(Keyframe(frame + 1, keyframes[-1].box, False))
    return keyframes


def _read_ranges(region: _Region, frames: FilmFrames) -> Iterator[tuple[str, int, int]]:
    ranges, actions = region.value.get("ranges"), region.value.get("timelinelabels")
    if not isinstance(ranges, list) or not isinstance(actions, list):
        raise RhasError("a timeline without ranges or labels", where=region.where)
    for item in ranges:
        if not isinstance(item, dict):
            raise RhasError("not a range", where=region.where, got=str(item)[:80])
        start, last = (_read_frame(item.get(n), frames, region.where) for n in ("start", "end"))
        if last < start:
            raise RhasError(
                "a range that ends before its start", where=region.where, got=str(item)[:80]
            )
        for action in actions:
            yield str(action), start, last + 1


def _read_frame(value: object, frames: FilmFrames, where: str) -> int:
    """A frame from 0; one beyond the film's end by rounding of its length is its last."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 1:
        raise RhasError("not a frame", where=where, expected="1, 2, 3, ...", got=repr(value)[:80])
    if value > frames.source_frames + frames.source_fps:
        raise RhasError(
            "a frame beyond the film",
            where=where,
            expected=f"1 to {frames.source_frames} at {frames.source_fps:g} a second",
            got=str(value)[:80],
            do="set frameRate of <Video> to the film's rate, and annotate this film",
        )
    return min(int(value), frames.source_frames) - 1
