"""ELAN's .eaf: tiers of a person with an annotation per interval, in milliseconds; a file per film.

A tier holds no two annotations at once, so that a person who does several things has several tiers:
``person 0``, ``person 0 (2)``. Their participant is the sentence.
"""

from __future__ import annotations

import heapq
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from rhas.base.errors import RhasError
from rhas.base.units import frame_to_seconds
from rhas.data.actions import ActionInterval, FilmActions, FilmFrames
from rhas.data.foreign_tables import ForeignAnnotation
from rhas.data.formats.files import plan_files
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.formats.xml import read_text, read_xml, write_xml
from rhas.data.tables import parse_digits, parse_whole

SUFFIX = ".eaf"
_LANE = re.compile(r"(.*?)(?: \(\d+\))?")
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE = "action"
_DATE = "1970-01-01T00:00:00+00:00"  # equal annotations give equal bytes


def write_eaf(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes a file per film, and returns their paths. A person without an action has an empty
    tier."""
    written = []
    for film, path in plan_files(films, out, SUFFIX):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_xml(_make_document(film), path)
        written.append(path)
    return written


def _make_document(film: FilmActions) -> ET.Element:
    ET.register_namespace("xsi", _SCHEMA)
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="rhas", DATE=_DATE, FORMAT="3.0", VERSION="3.0")
    root.set(f"{{{_SCHEMA}}}noNamespaceSchemaLocation", "http://www.mpi.nl/tools/elan/EAFv3.0.xsd")
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    file = film.film.file
    ET.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=file, MIME_TYPE="video/*",
                  RELATIVE_MEDIA_URL=f"./{file}")  # fmt: skip
    times = sorted(
        {
            _milliseconds(film, f)
            for p in film.persons
            for i in p.intervals
            for f in (i.start, i.stop)
        }
    )
    slots = {time: f"ts{number}" for number, time in enumerate(times, 1)}
    order = ET.SubElement(root, "TIME_ORDER")
    for time, slot in slots.items():
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time))
    count = 0
    for number, person in enumerate(film.persons):
        for lane, intervals in enumerate(split_lanes(person.intervals), 1):
            name = f"person {number}" if lane == 1 else f"person {number} ({lane})"
            tier = ET.SubElement(root, "TIER", LINGUISTIC_TYPE_REF=_TYPE,
                                 PARTICIPANT=person.reference, TIER_ID=name)  # fmt: skip
            for i in intervals:
                count += 1
                _add_annotation(tier, f"a{count}", i, film, slots)
    ET.SubElement(root, "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID=_TYPE,
                  TIME_ALIGNABLE="true")  # fmt: skip
    return root


def _add_annotation(
    tier: ET.Element, name: str, i: ActionInterval, film: FilmActions, slots: dict[int, str]
) -> None:
    start, stop = (slots[_milliseconds(film, frame)] for frame in (i.start, i.stop))
    annotation = ET.SubElement(
        ET.SubElement(tier, "ANNOTATION"),
        "ALIGNABLE_ANNOTATION",
        ANNOTATION_ID=name,
        TIME_SLOT_REF1=start,
        TIME_SLOT_REF2=stop,
    )
    ET.SubElement(annotation, "ANNOTATION_VALUE").text = i.action


def _milliseconds(film: FilmActions, frame: int) -> int:
    return round(1000 * frame_to_seconds(frame, film.film.fps))


def split_lanes(intervals: Sequence[ActionInterval]) -> list[list[ActionInterval]]:
    """Intervals in the fewest lists without overlaps, each by start; at least one list."""
    lanes: list[list[ActionInterval]] = [[]]
    free, taken = [0], list[tuple[int, int]]()  # heaps: lanes, and (end, lane)
    for i in sorted(intervals, key=lambda i: (i.start, i.stop, i.action)):
        while taken and taken[0][0] <= i.start:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if not free:
            heapq.heappush(free, len(lanes))
            lanes.append([])
        lane = heapq.heappop(free)
        lanes[lane].append(i)
        heapq.heappush(taken, (i.stop, lane))
    return lanes


def read_eaf(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of a film and their actions: tiers that are called alike but for ``(2)``, ``(3)``
    are one person, whose sentence is the participant or the tier's name.

    Tiers without times of their own (of symbolic types) are left out.

    Raises:
        RhasError: not such a file, an annotation without its times.
    """
    root = read_xml(path, "ANNOTATION_DOCUMENT")
    media = list(root.iter("MEDIA_DESCRIPTOR"))
    names = [name for one in media for name in _list_names(one)]
    film = films.find_film([*names, path.stem], str(path))
    found = FoundActions()
    if film is None:
        return found
    slots = {s.get("TIME_SLOT_ID"): s.get("TIME_VALUE") for s in root.iter("TIME_SLOT")}
    origin = _find_origin(media, film, str(path))
    keys: set[str] = set()
    for tier in root.iter("TIER"):
        name = tier.get("TIER_ID", "")
        lane = _LANE.fullmatch(name)
        key = lane[1] if lane else name
        where = f"{path}, tier {name}"
        if tier.get("PARENT_REF"):
            films.audit.add("tier of another tier", where)
            continue
        if key not in keys:
            keys.add(key)
            sentence = tier.get("PARTICIPANT", "").strip() or key
            found.persons.append(FoundPerson(where, film.movie, key, sentence))
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            place = f"{where}, {annotation.get('ANNOTATION_ID')}"
            times = [_read_slot(slots.get(annotation.get(f"TIME_SLOT_REF{n}")), place) + origin
                     for n in (1, 2)]  # fmt: skip
            action = read_text(annotation, "ANNOTATION_VALUE")
            found.annotations.append(ForeignAnnotation(place, film.movie, key, action, *times))
    return found


def _list_names(media: ET.Element) -> list[str]:
    """File names of a film that the document shows."""
    addresses = (media.get(key, "") for key in ("MEDIA_URL", "RELATIVE_MEDIA_URL"))
    return [PureWindowsPath(unquote(address)).name for address in addresses]


def _find_origin(media: Sequence[ET.Element], film: FilmFrames, where: str) -> float:
    """Seconds of the film at the document's time 0: where several films are shown in step, each
    may begin at another moment."""
    for one in media:
        names = {name for full in _list_names(one) for name in (full, full.rpartition(".")[0])}
        text = one.get("TIME_ORIGIN", "")
        if text and film.movie in names:
            milliseconds = parse_whole(text)
            if milliseconds is None:
                raise RhasError("not a time", where=f"{where}, TIME_ORIGIN", got=repr(text)[:80])
            return milliseconds / 1000
    return 0.0


def _read_slot(value: str | None, where: str) -> float:
    """Seconds of a time slot."""
    milliseconds = parse_digits(value or "")
    if milliseconds is None:
        raise RhasError(
            "an annotation without its times",
            where=where,
            expected="a TIME_SLOT with a TIME_VALUE in milliseconds",
            got=repr(value),
        )
    return milliseconds / 1000
