"""CVAT for video 1.1: a track per person, actions as checkboxes that change with time.

Frames are those of the film, from 0. A file per film; ``labels.json`` beside them is the label
that a CVAT task must have before annotations are uploaded (its constructor, tab "Raw").
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.data.actions import FilmActions, FilmFrames, PersonActions
from rhas.data.formats.files import plan_files
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.formats.keyframes import (
    Keyframe,
    draw_boxes,
    find_changes,
    find_first_rows,
    find_spans,
    is_whole_frame,
    make_keyframes,
    make_track,
)
from rhas.data.formats.xml import read_text, read_xml, write_xml
from rhas.data.tables import parse_digits

SUFFIX = ".xml"
_LABEL, _PERSON, _REFERENCE = "person", "person", "reference"
_SENTENCES = (_REFERENCE, "sentence", "description")
_CHECKED = {"true": True, "false": False}
_SLACK = 2  # frames by which programs count a film differently


def write_cvat(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes a file per film and ``labels.json``; returns their paths.

    Raises:
        RhasError: an action whose name the label needs for something else.
    """
    actions = sorted({name for film in films for name in film.list_actions()})
    for name in {_PERSON, _REFERENCE}.intersection(actions):
        raise RhasError(
            "an action that is named as an attribute of the person",
            where="CVAT",
            got=name,
            do="rename the action",
        )
    written = []
    for film, path in plan_files(films, out, SUFFIX):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_xml(_make_document(film, actions), path)
        written.append(path)
    labels = written[0].with_name("labels.json")
    write_json(labels, [_describe_label(actions)], sort_keys=False)
    return [*written, labels]


def _describe_label(actions: Sequence[str]) -> dict[str, object]:
    """The label in the form of CVAT's constructor."""
    fixed = [
        {"name": name, "mutable": False, "input_type": "text", "default_value": "", "values": [""]}
        for name in (_PERSON, _REFERENCE)
    ]
    checkboxes = [
        {
            "name": name,
            "mutable": True,
            "input_type": "checkbox",
            "default_value": "false",
            "values": ["false"],
        }
        for name in actions
    ]
    return {"name": _LABEL, "type": "rectangle", "attributes": [*fixed, *checkboxes]}


def _make_document(film: FilmActions, actions: Sequence[str]) -> ET.Element:
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    frames = film.film
    facts = {"name": frames.movie, "size": frames.source_frames, "mode": "interpolation",
             "overlap": 0, "start_frame": 0, "stop_frame": frames.source_frames - 1,
             "frame_filter": ""}  # fmt: skip
    for name, value in facts.items():
        ET.SubElement(task, name).text = str(value)
    _add_label(ET.SubElement(task, "labels"), actions)
    size = ET.SubElement(task, "original_size")
    ET.SubElement(size, "width").text = str(frames.source_width)
    ET.SubElement(size, "height").text = str(frames.source_height)
    ET.SubElement(task, "source").text = frames.file
    for number, person in enumerate(film.persons):
        _add_track(root, number, person, frames, actions)
    return root


def _add_label(labels: ET.Element, actions: Sequence[str]) -> None:
    label = ET.SubElement(labels, "label")
    described = _describe_label(actions)
    ET.SubElement(label, "name").text = _LABEL
    ET.SubElement(label, "type").text = "rectangle"
    attributes = ET.SubElement(label, "attributes")
    for attribute in described["attributes"]:  # type: ignore[attr-defined]
        element = ET.SubElement(attributes, "attribute")
        for key, value in attribute.items():
            text = "\n".join(value) if isinstance(value, list) else str(value)
            ET.SubElement(element, key).text = text


def _add_track(
    root: ET.Element, number: int, person: PersonActions, film: FilmFrames, actions: Sequence[str]
) -> None:
    keyframes = make_keyframes(person, film) or _cover_frame(person, film)
    track = ET.SubElement(root, "track", id=str(number), label=_LABEL, source="automatic")
    written: dict[str, str] = {}  # CVAT takes what a keyframe leaves out from the one before
    for keyframe in keyframes:
        corners = zip(("xtl", "ytl", "xbr", "ybr"), keyframe.box, strict=True)
        box = ET.SubElement(
            track,
            "box",
            {
                "frame": str(keyframe.frame),
                "keyframe": "1",
                "outside": str(int(not keyframe.visible)),
                "occluded": "0",
                **{name: f"{value:.2f}" for name, value in corners},
                "z_order": "0",
            },
        )
        values = {_PERSON: str(number), _REFERENCE: person.reference}
        values |= {name: str(name in keyframe.actions).lower() for name in actions}
        for name, value in values.items():
            if written.get(name) != value:
                ET.SubElement(box, "attribute", name=name).text = value
        written = values


def _cover_frame(person: PersonActions, film: FilmFrames) -> list[Keyframe]:
    """A person without boxes: a box over the whole frame, so that actions can be seen and edited.
    It is read as no box."""
    box = (0.0, 0.0, float(film.source_width), float(film.source_height))
    rows = find_first_rows(film)
    return [
        Keyframe(int(film.shown[rows[i]]), box, True, person.find_active(int(rows[i])))
        for i in [0, *find_changes(person, rows)]
    ]


def read_cvat(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of a film and their actions.

    A track is a person; tracks with the same attribute ``person``, or without it the same sentence,
    are one. The sentence is the attribute ``reference``, ``sentence`` or ``description``, otherwise
    the track's label where it is not "person". A checkbox that is ticked is an action; so is the
    value of another attribute that may change with time.

    Raises:
        RhasError: not such a file, keyframes out of order or beyond the film.
    """
    root = read_xml(path, "annotations")
    if root.find("image") is not None and root.find("track") is None:
        raise RhasError(
            "annotations of images, not of a film",
            where=str(path),
            expected="tracks",
            do="export from CVAT as `CVAT for video 1.1`",
        )
    names = [read_text(root, f"meta/{kind}/{name}") for kind in ("task", "job")
             for name in ("source", "name")]  # fmt: skip
    source = read_text(root, "meta/source")
    film = films.find_film([source, *names, path.stem], str(path))
    found = FoundActions()
    if film is None:
        return found
    _check_size(root, film, str(path), films)
    mutable = _list_mutable(root)
    keys: dict[str, str] = {}
    for number, track in enumerate(root.iter("track")):
        where = f"{path}, track {track.get('id', number)}"
        _read_track(track, where, film, mutable, keys, found)
    return found


def _check_size(root: ET.Element, film: FilmFrames, where: str, films: FilmCatalogue) -> None:
    size = parse_digits(read_text(root, "meta/task/size"))
    if size is None:
        return
    expected = f"{film.source_frames}, the frames of {film.file}"
    if size > film.source_frames + _SLACK:
        raise RhasError(
            "annotations of a film with more frames",
            where=where,
            expected=expected,
            got=str(size),
            do="give the film that was annotated",
        )
    if size < film.source_frames - _SLACK:
        films.audit.add("fewer frames than the film", f"{where}: {size}, expected {expected}")


def _list_mutable(root: ET.Element) -> set[str]:
    """Attributes that the file declares as changing with time."""
    return {
        read_text(attribute, "name")
        for attribute in root.iterfind("meta//label/attributes/attribute")
        if read_text(attribute, "mutable").lower() == "true"
    }


def _read_track(
    track: ET.Element, where: str, film: FilmFrames, mutable: set[str], keys: dict[str, str],
    found: FoundActions,
) -> None:  # fmt: skip
    """Adds a track's person and actions.

    Args:
        keys: keys of the persons so far by their sentences.
    """
    keyframes: list[Keyframe] = []
    values: dict[str, str] = {}
    for box in track.iterfind("box"):
        if box.get("keyframe", "1") != "1":
            continue
        place = f"{where}, frame {box.get('frame')}"
        frame = _read_frame(box, film, place)
        if keyframes and frame <= keyframes[-1].frame:
            raise RhasError(
                "keyframes out of order",
                where=place,
                expected=f"a frame after {keyframes[-1].frame}",
            )
        values |= {a.get("name", ""): (a.text or "").strip() for a in box.iterfind("attribute")}
        visible = box.get("outside", "0") != "1"
        keyframes.append(
            Keyframe(frame, _read_box(box, place), visible, _read_actions(values, mutable))
        )
    if not keyframes:
        return
    fixed = {a.get("name", ""): (a.text or "").strip() for a in track.iterfind("attribute")}
    person = _find_person({**fixed, **values}, track, where, keys)
    keys.setdefault(person[1], person[0])
    draw = partial(draw_boxes, keyframes, film)
    drawn = () if is_whole_frame(draw(), film) else (draw, (make_track(keyframes, film),))
    found.persons.append(FoundPerson(where, film.movie, *person, *drawn))
    found.add_actions(found.persons[-1], find_spans(keyframes, film.source_frames), film)


def _read_frame(box: ET.Element, film: FilmFrames, where: str) -> int:
    text = box.get("frame", "")
    frame = parse_digits(text)
    if frame is None:
        raise RhasError("a box without a frame", where=where, got=repr(text))
    if frame >= film.source_frames:
        raise RhasError(
            "a frame beyond the film",
            where=where,
            expected=f"0 to {film.source_frames - 1}, the frames of {film.file}",
            got=text,
            do="give the film that was annotated",
        )
    return frame


def _read_box(box: ET.Element, where: str) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(box.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr"))
    except ValueError as error:
        raise RhasError("a box without its corners", where=where) from error
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 < x1 or y2 < y1:
        raise RhasError("not a box", where=where, got=f"{x1}, {y1}, {x2}, {y2}")
    return x1, y1, x2, y2


def _read_actions(values: Mapping[str, str], mutable: set[str]) -> frozenset[str]:
    """Names of ticked checkboxes, and values of other attributes that change with time."""
    actions = set()
    for name, value in values.items():
        checked = _CHECKED.get(value.lower())
        if checked:
            actions.add(name)
        elif checked is None and value and name in mutable and name not in _SENTENCES:
            actions.add(value)
    return frozenset(actions)


def _find_person(
    values: Mapping[str, str], track: ET.Element, where: str, keys: Mapping[str, str]
) -> tuple[str, str]:
    """Key and sentence of a track's person."""
    label = track.get("label", "").strip()
    sentence = next((values[name] for name in _SENTENCES if values.get(name)), "")
    sentence = sentence or ("" if label.lower() == _LABEL else label)
    given = values.get(_PERSON, "")
    if given and given.lower() not in _CHECKED:
        return given, sentence
    known = keys.get(sentence) if sentence else None
    return known or f"track {where}", sentence
