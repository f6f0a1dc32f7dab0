"""Written and read again: the same intervals and boxes, to the frame."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from recorded import MOVIE, Answer, Span, film_actions, list_spans, make_film, read_back

from rhas.data.actions import ActionInterval, FilmActions, FilmFrames, PersonActions
from rhas.data.audit import Audit
from rhas.data.ava import read_ava
from rhas.data.foreign_tables import Clock
from rhas.data.formats import FORMATS
from rhas.data.formats.events import name_subjects
from rhas.data.formats.keyframes import TOLERANCE
from rhas.data.labels import read_label_map
from rhas.stores.tracks import BoxSource

BY_SECONDS = ("events", "activitynet", "labelstudio", "eaf", "coco")
WITH_BOXES = ("cvat", "labelstudio", "mot", "coco")
EVERY_FRAME = ("mot", "coco")


def expected_spans(person: PersonActions, film: FilmFrames, form: str) -> list[Span]:
    """The intervals; where a format counts the film's own frames, and one of these is shown by
    several working frames, an interval begins and ends with the next of them."""
    if form in BY_SECONDS:
        return list_spans(person.intervals)
    first = np.flatnonzero(np.r_[True, np.diff(film.shown) > 0])
    edges = np.r_[first, len(film)]
    snapped = [
        ActionInterval(
            i.action, *(int(edges[np.searchsorted(edges, f)]) for f in (i.start, i.stop))
        )
        for i in person.intervals
    ]
    return list_spans(i for i in snapped if i.start < i.stop)


@settings(max_examples=20, deadline=None)
@given(film=film_actions())
def test_everything_comes_back_to_the_frame(film: FilmActions) -> None:
    for form in ("cvat", "events", "activitynet", "labelstudio", "eaf", "mot", "coco"):
        with tempfile.TemporaryDirectory() as folder:
            answers, audit = read_back(form, film, Path(folder))
        assert not audit.found
        if form != "mot":
            check_intervals(form, film, answers)
        if form in WITH_BOXES:
            check_boxes(form, film, answers)


def check_intervals(form: str, film: FilmActions, answers: list[Answer]) -> None:
    people = [(p.reference, expected_spans(p, film.film, form)) for p in film.persons]
    if form == "events":  # a person without an event has no line
        names = name_subjects(film)
        people = [(n, s) for n, (_, s) in zip(names, people, strict=True) if s]
        answers.sort(key=lambda a: names.index(a.sentence))
    assert [(a.sentence, a.spans) for a in answers] == people, form


def check_boxes(form: str, film: FilmActions, answers: list[Answer]) -> None:
    """Within the tolerance, at frames that no other working frame shows too."""
    persons = [p for p in film.persons if form != "mot" or p.present.any()]
    shown = film.film.shown
    alone = ~np.isin(shown, shown[1:][np.diff(shown) == 0])
    alone |= form == "labelstudio"  # counts at the working rate or above
    for person, answer in zip(persons, answers, strict=True):
        if answer.boxes is None:
            assert not person.present[alone].any(), form
            continue
        found = np.isfinite(answer.boxes).all(1)
        assert np.array_equal(found[alone], person.present[alone]), form
        both = found & person.present & alone
        apart = np.abs(answer.boxes[both] - person.boxes[both]).max(initial=0)
        assert apart <= (0.02 if form in EVERY_FRAME else TOLERANCE + 0.02), form


def still_person(frames: int, *intervals: ActionInterval, missing: slice) -> PersonActions:
    boxes = np.tile(np.array([4, 6, 20, 40], np.float32), (frames, 1))
    boxes[missing] = np.nan
    present = np.isfinite(boxes).all(1)
    source = np.where(present, BoxSource.DETECTED, 0).astype(np.uint8)
    return PersonActions("the man", intervals, boxes, present.astype(np.float32), source)


def test_cvat_has_keyframes_only_where_something_changes(tmp_path: Path) -> None:
    """30 pictures a second at 15: frame n is the film's 2n."""
    film = make_film(range(120), Fraction(1, 30))
    person = still_person(60, ActionInterval("walking", 10, 50), missing=slice(20, 30))
    FORMATS["cvat"].write([FilmActions(film, (person,))], tmp_path)
    track = ET.parse(tmp_path / f"{MOVIE}.xml").getroot().find("track")
    assert track is not None
    boxes = [(int(b.get("frame", "")), b.get("outside"),
              {a.get("name"): a.text for a in b if a.get("name") == "walking"})
             for b in track]  # fmt: skip
    assert boxes == [
        (0, "0", {"walking": "false"}),
        (20, "0", {"walking": "true"}),
        (38, "0", {}),
        (40, "1", {}),
        (60, "0", {}),
        (100, "0", {"walking": "false"}),
        (118, "0", {}),
    ]
    assert track[0].get("xtl") == "8.00"  # pixels of the film, not of the working frame


def test_events_are_lines_that_boris_pastes(tmp_path: Path) -> None:
    """Six columns on every line, none of them empty but for the modifier, no line at the end."""
    film = make_film(range(120), Fraction(1, 30))
    person = still_person(60, ActionInterval("walking", 15, 30), missing=slice(0))
    FORMATS["events"].write([FilmActions(film, (person,))], tmp_path)
    assert (tmp_path / f"{MOVIE}.tsv").read_text("utf-8") == (
        "1.000\tthe man\twalking\t\tSTART\t30\n2.000\tthe man\twalking\t\tSTOP\t60"
    )


def test_ava_has_a_line_per_second_person_and_action(tmp_path: Path) -> None:
    film = make_film(range(120), Fraction(1, 30), movie="a")
    person = still_person(60, ActionInterval("walking", 15, 46), missing=slice(40, 50))
    FORMATS["ava"].write([FilmActions(film, (person,))], tmp_path)
    lines = (tmp_path / "ava.csv").read_text("utf-8").splitlines()
    assert lines == [f"a,000{s},0.062,0.125,0.312,0.833,129,0" for s in (1, 2)]
    audit = Audit()
    (found,) = read_ava(tmp_path / "ava.csv", Clock(), 1.0, {}, audit)
    assert (found.action, found.start_s, found.end_s) == ("129", 0.5, 2.5)
    assert not audit.found


def test_names_that_spreadsheets_run_or_label_lists_break(tmp_path: Path) -> None:
    action = 'say "=1" {now} \\'
    interval = ActionInterval(action, 0, 30)
    person = replace(still_person(30, interval, missing=slice(0, 0)), reference="=1+1")
    film = FilmActions(make_film(range(30), Fraction(1, 15)), (person,))
    (events,) = FORMATS["events"].write([film], tmp_path / "e.tsv")
    assert {line.split("\t")[1] for line in events.read_text("utf-8").splitlines()} == {"'=1+1"}
    answers, _ = read_back("events", film, tmp_path / "again")
    assert [(a.sentence, [s[0] for s in a.spans]) for a in answers] == [("=1+1", [action])]
    _, labels = FORMATS["ava"].write([film], tmp_path / "ava.csv")
    assert read_label_map(None, labels).names == {1: action}


def test_a_person_without_boxes_is_a_track_without_boxes(tmp_path: Path) -> None:
    film = make_film(range(120), Fraction(1, 30))
    person = PersonActions.without_boxes("the man", [ActionInterval("walking", 5, 9)], 60)
    answers, _ = read_back("cvat", FilmActions(film, (person,)), tmp_path)
    assert [(a.spans, a.boxes) for a in answers] == [([("walking", 5, 9)], None)]
