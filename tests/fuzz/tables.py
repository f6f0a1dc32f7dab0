"""Tables of strangers, and files of labelling tools, from reading to the tables that an import
writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import numpy as np
from films import film_info
from fuzz.target import Kind
from recorded import make_film

from rhas.data.actions import ActionInterval, FilmActions, PersonActions
from rhas.data.annotations import read_annotations, write_annotations
from rhas.data.audit import Audit
from rhas.data.ava import read_ava, read_excluded_moments
from rhas.data.drawn_table import write_drawn
from rhas.data.foreign_tables import (
    Clock,
    ForeignAnnotation,
    ForeignReference,
    read_foreign_annotations,
    read_foreign_references,
)
from rhas.data.formats import FORMATS
from rhas.data.formats.found import FilmCatalogue, ForeignTables, number_persons
from rhas.data.intervals import read_intervals
from rhas.data.labels import LabelMap, read_label_map
from rhas.data.matching import match_tables
from rhas.data.references import read_references, write_references
from rhas.data.review import list_review, read_review, write_review
from rhas.decode.container import FilmInfo

FILM = make_film(range(120), Fraction(1, 30), movie="a")
_TIMES = "movie,person,action,start_s,end_s\na,0,walking,0.2,1.0\na,1,sitting,0.0,1.6\n"
_PERSONS = "movie,person,reference,subset\na,0,the man,train\na,1,the woman,train\n"
_TABLES = {
    "annotations.csv": _TIMES,
    "references.csv": _PERSONS,
    "intervals.csv": _TIMES.replace("end_s", "end_s,score").replace("0\n", "0,0.5\n")
    .replace("6\n", "6,1\n"),
    "intervals.json": '{"database": {"a": {"duration": 4, "references": ["the man"], '
    '"annotations": [{"segment": [0, 1.5], "label": "walking", "score": 0.5, "person": 0}]}}}',
    "seconds.csv": _TIMES,
    "numbers.csv": "movie,person,action,start_s,end_s\na,0,128,0.2,1.0\na,1,3,0.0,1.6\n",
    "frames.csv": "movie,person,action,start_frame,end_frame\na,0,walking,3,15\n",
    "persons.csv": _PERSONS,
    "ava.csv": "a,1,0.1,0.1,0.5,0.9,129,0\na,2,0.1,0.1,0.5,0.9,129,0\n",
    "excluded.csv": "a,902\nb,903\n",
    "map.csv": "from,to\nstrolling,walking\n17,\n",
    "labels.csv": "id,name\n1,walking\n2,sitting\n",
    "labels.pbtxt": 'label {\n  name: "walking"\n  label_id: 1\n  label_type: X\n}\n'
    'label {\n  name: "sit"\n  id: 2\n}\n',
}  # fmt: skip


def write_tables(folder: Path) -> None:
    for name, text in _TABLES.items():
        (folder / name).write_text(text, "utf-8")


def read_table(folder: Path, path: Path, way: int) -> None:
    if (read := _PLAIN.get(path.name)) is not None:
        read(path)
        return
    audit, labels = Audit(), LabelMap({}, {})
    rows = [ForeignReference("r:1", "a", "0", "the man", "")]
    said = [ForeignAnnotation("t:1", "a", "0", "1", 0.5, 1.0)]
    if path.name == "persons.csv":
        rows = read_foreign_references(path, audit)
    elif path.name in ("map.csv", "labels.csv", "labels.pbtxt"):
        pair = (path, None) if path.name == "map.csv" else (None, path)
        labels = read_label_map(*pair)
    elif path.name == "ava.csv":
        said = read_ava(path, Clock(), 1.0, {}, audit)
    else:
        clock = Clock(fps=30.0) if path.name == "frames.csv" else Clock(offset_s=0.1)
        said = read_foreign_annotations(path, clock, audit)
    tables = ForeignTables(list(rows), list(said))
    finish_import(folder.parent, tables, labels, audit, (1, None)[way])


_PLAIN: dict[str, Callable[[Path], object]] = {
    "annotations.csv": lambda path: read_annotations(path.parent),
    "references.csv": read_references,
    "intervals.csv": read_intervals,
    "intervals.json": read_intervals,
    "excluded.csv": read_excluded_moments,
}


def finish_import(
    out: Path, tables: ForeignTables, labels: LabelMap, audit: Audit, id_base: int | None = None
) -> None:
    """What `rhas import` does after reading, with a film of four seconds called a."""
    path = Path("a.mp4")
    with patch("rhas.data.matching.inspect_once", _describe_film):
        found = match_tables(
            {"a": path}, tables.references, tables.annotations, labels, id_base, Clock(), audit,
            None, tables.boxes,
        )  # fmt: skip
    write_references(out, found.references, found.subsets)
    write_annotations(out, found.annotations)
    write_drawn(out, found.drawn)
    audit.write(out / "import.json", {}, True)


def _describe_film(path: Path) -> FilmInfo:
    return film_info(path=path, ticks=np.arange(120), time_base=Fraction(1, 30))


def write_formats(folder: Path) -> None:
    boxes = np.tile(np.array([4, 6, 20, 40], np.float32), (60, 1))
    boxes[20:30] = np.nan
    present = np.isfinite(boxes).all(1)
    intervals = (ActionInterval("walking", 5, 50, 0.5), ActionInterval("sitting", 10, 20))
    persons = (
        PersonActions("the man", intervals, boxes, present.astype(np.float32),
                      present.astype(np.uint8)),
        PersonActions.without_boxes("the woman", intervals[:1], 60),
    )  # fmt: skip
    for form, described in FORMATS.items():
        if described.read is not None:
            described.write(
                [FilmActions(FILM, persons)], folder / form / f"a{described.suffixes[0]}"
            )
    for extra in (folder / "labelstudio" / "a.xml", folder / "cvat" / "labels.json"):
        extra.unlink()
    (folder / "events" / "a.csv").write_text(
        "Observation id,Time,Media file name,Subject,Behavior,Behavior type\n"
        "o,00:00:01.5,C:\\films\\a.mp4,the man,walking,START\n"
        "o,2.5,/home/x/a.mp4,the man,walking,STOP\n"
    )

    (folder / "review").mkdir()
    interval = {"action": "walking", "start_frame": 3, "end_frame": 20}
    added = {**interval, "by": "corrected", "was": interval}
    person = {
        "person": 0,
        "reference": "the man",
        "checked": True,
        "intervals": [added],
        "removed": [interval],
        "not_this_person": [{"start_frame": 1, "end_frame": 2}],
    }
    record = {"format": "rhas corrections", "version": 1, "revision": 2, "film": "a.mp4",
              "frames": 60, "fps": 15.0, "persons": [person]}  # fmt: skip
    (folder / "review" / "a.json").write_text(json.dumps(record))


def read_format(folder: Path, path: Path, way: int) -> None:
    catalogue = FilmCatalogue({"a": FILM}, audit := Audit())
    if path.parent.name == "review":
        found, known = read_review([path], catalogue, {"a": Path("a.mp4")}, everybody=True)
        write_review(folder.parent, list_review(known, {"a": ["the man"]}))
    else:
        read = FORMATS[path.parent.name].read
        assert read is not None
        found = read(path, catalogue)
    finish_import(folder.parent, number_persons(found, [], audit), LabelMap({}, {}), audit)


TABLES = Kind("tables", write_tables, read_table, ways=2, examples=600)
FORMATS_OF_TOOLS = Kind("formats", write_formats, read_format, examples=600)
