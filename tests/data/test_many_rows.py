"""Tables with many rows and persons: no work that grows with the one times the other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import make_film

from rhas.base.formatting import list_some
from rhas.data.actions import ActionInterval
from rhas.data.audit import Audit
from rhas.data.foreign_tables import ForeignAnnotation, ForeignReference
from rhas.data.formats import FORMATS
from rhas.data.formats.eaf import split_lanes
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson, number_persons
from rhas.data.labels import read_label_map
from rhas.data.matching import _find_classes, _select_valid
from rhas.data.persons import FoundFilms, find_persons

MANY = 20_000
FILM = make_film(range(120), Fraction(1, 30), movie="a")
CLIP = '<TIME_SLOT TIME_SLOT_ID="{}" TIME_VALUE="{}"/>'


@contextmanager
def in_time(seconds: float = 8.0) -> Iterator[None]:
    """Of this process alone; a step for each pair of persons takes several times as long."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def eaf() -> str:
    tiers = "".join(
        f'<TIER TIER_ID="p{n}"><ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="a" '
        'TIME_SLOT_REF2="b"><ANNOTATION_VALUE>walking</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
        "</ANNOTATION></TIER>"
        for n in range(MANY)
    )
    return f"<ANNOTATION_DOCUMENT>{CLIP.format('a', 0)}{CLIP.format('b', 900)}{tiers}" + (
        "</ANNOTATION_DOCUMENT>"
    )


def events() -> str:
    return "\n".join(
        f"{time}\tsubject {n}\twalking\t\t{kind}\t0"
        for n in range(MANY)
        for time, kind in ((0.5, "START"), (1.5, "STOP"))
    )


def cvat() -> str:
    box = 'frame="0" outside="0" xtl="1" ytl="1" xbr="9" ybr="9"'
    tracks = "".join(f'<track id="{n}" label="p{n}"><box {box}/></track>' for n in range(MANY))
    return f"<annotations><meta><task><name>a</name></task></meta>{tracks}</annotations>"


def mot() -> str:
    return "".join(f"1,{n + 1},1,1,9,9,1,-1,-1,-1\n" for n in range(MANY))


def coco() -> str:
    persons = range(1, MANY + 1)
    box = {"image_id": 1, "bbox": [1, 1, 8, 8]}
    return json.dumps({
        "videos": [{"id": 1, "name": "a"}],
        "images": [{"id": 1, "video_id": 1, "frame_index": 0}],
        "tracks": [{"id": n, "video_id": 1, "person": n} for n in persons],
        "annotations": [{**box, "track_id": n} for n in persons],
    })  # fmt: skip


def activitynet() -> str:
    """A film each, none of which is there."""
    entry = {"annotations": [{"segment": [0, 1], "label": "walking"}]}
    return json.dumps({"database": {f"film {n}": entry for n in range(MANY)}})


@pytest.mark.parametrize(
    ("form", "text", "suffix"),
    [("eaf", eaf, ".eaf"), ("events", events, ".tsv"), ("cvat", cvat, ".xml"), ("mot", mot, ".txt"),
     ("coco", coco, ".json"), ("activitynet", activitynet, ".json")],
)  # fmt: skip
def test_files_of_twenty_thousand_persons(tmp_path: Path, form: str, text, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(text())
    read = FORMATS[form].read
    assert read is not None
    with in_time(15):
        found = number_persons(read(path, FilmCatalogue({"a": FILM}, Audit())), [], Audit())
    assert len(found.references) == (0 if form == "activitynet" else MANY)


def test_references_and_annotations_of_twenty_thousand_persons() -> None:
    references = [ForeignReference("r", "a", str(n), f"person {n}", "") for n in range(MANY)]
    films = FoundFilms({"a": Path("a.mp4")}, {"a": FILM})  # type: ignore[dict-item]
    audit = Audit()
    rows = [ForeignAnnotation("t", "a", str(MANY + n), "walking", 0.0, 1.0) for n in range(MANY)]
    with in_time():
        persons = find_persons(references, films, audit)
        assert [persons.new_number("a", str(n)) for n in range(MANY)] == list(range(MANY))
        assert _select_valid(rows, films, persons, 0.1, audit) == []
    longest = max(map(len, audit.found["person without reference"]))
    assert longest < 200  # not all twenty thousand in each line


def test_persons_alike_but_for_spelling() -> None:
    rows = [
        ForeignReference("r", "a", "0" * (n % 100) + str(n // 100), "x", "") for n in range(MANY)
    ]
    audit = Audit()
    with in_time():
        find_persons(rows, FoundFilms({"a": Path()}, {"a": FILM}), audit)  # type: ignore[dict-item]
    assert len(audit.found["persons alike but for spelling"]) == MANY // 100
    assert max(len(p) for places in audit.found.values() for p in places) < 2_000


def test_suggestions_end_with_the_hundredth_unknown_name() -> None:
    rows = [ForeignAnnotation("t", "a", "0", f"walkin {n}", 0.0, 1.0) for n in range(MANY)] * 2
    audit = Audit()
    with in_time():
        _find_classes(rows, read_label_map(None, None), None, audit)
    kinds = audit.kinds["unknown class"]
    assert set(kinds.values()) == {2}
    assert sum("did you mean" in kind for kind in kinds) == 100


def test_persons_in_many_pieces_have_one_number() -> None:
    people = [FoundPerson("w", "a", f"key {n % 50}", "") for n in range(MANY)]
    with in_time():
        found = number_persons(FoundActions(people, []), [], Audit())
    assert [r.person for r in found.references] == [str(n) for n in range(50)]


Times = st.tuples(st.integers(0, 30), st.integers(1, 10))


@given(st.lists(Times, max_size=30))
def test_lanes_are_those_of_a_search_through_all(times: list[tuple[int, int]]) -> None:
    intervals = [ActionInterval("x", start, start + length) for start, length in times]
    expected: list[list[ActionInterval]] = [[]]
    for i in sorted(intervals, key=lambda i: (i.start, i.stop, i.action)):
        free = next((lane for lane in expected if not lane or lane[-1].stop <= i.start), None)
        if free is None:
            expected.append([i])
        else:
            free.append(i)
    assert split_lanes(intervals) == expected


def test_a_long_list_is_named_by_its_first() -> None:
    assert list_some(["a", "b"]) == "a, b"
    assert (
        list_some([str(n) for n in range(1_012)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,002 others"
    )
