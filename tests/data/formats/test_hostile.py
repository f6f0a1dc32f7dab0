"""Files that are broken, or made to do harm: a clear error or a line of the audit, never more."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from recorded import make_film

from rhas.base import files
from rhas.base.errors import RhasError
from rhas.data.audit import Audit
from rhas.data.foreign_tables import ForeignAnnotation, ForeignReference
from rhas.data.formats import FORMATS
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson, number_persons

FILM = make_film(range(120), Fraction(1, 30), movie="a")
BOX = 'outside="0" keyframe="1" xtl="1" ytl="1" xbr="9" ybr="9"'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<annotations>&c;</annotations>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>'


def read(form: str, path: Path) -> tuple[FoundActions, Audit]:
    audit = Audit()
    function = FORMATS[form].read
    assert function is not None
    return function(path, FilmCatalogue({"a": FILM}, audit)), audit


def track(*frames: object, name: str = "a") -> str:
    boxes = "".join(f'<box frame="{frame}" {BOX}/>' for frame in frames)
    return (
        f"<annotations><meta><task><name>{name}</name></task></meta>"
        f'<track id="0" label="the man">{boxes}</track></annotations>'
    )


def tasks(**value: object) -> str:
    region = {"type": "videorectangle", "from_name": "box", "value": value}
    return json.dumps([{"data": {"video": "a.mp4"}, "annotations": [{"result": [region]}]}])


def ranges(start: object, end: object) -> str:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": ["walking"]}
    region = {"type": "timelinelabels", "from_name": "actions_0", "value": value}
    return json.dumps([{"data": {"video": "a.mp4"}, "annotations": [{"result": [region]}]}])


def keys(*frames: int) -> list[dict[str, object]]:
    box = {"x": 1, "y": 1, "width": 9, "height": 9, "enabled": True}
    return [{"frame": frame, **box} for frame in frames]


def coco(
    bbox: object = (1, 2, 3, 4), image_id: int = 1, track_id: int = 1, frame: int = 0,
    count: int = 1, videos: int = 1, film: int = 1,
) -> str:  # fmt: skip
    return json.dumps({
        "videos": [{"id": 1, "name": "a.mp4"}] * videos,
        "images": [{"id": 1, "video_id": 1, "frame_index": frame}],
        "tracks": [{"id": 1, "video_id": film}],
        "annotations": [{"image_id": image_id, "track_id": track_id, "bbox": bbox}] * count,
    })  # fmt: skip


def segments(text: str) -> str:
    film = f'{{"annotations": [{{"label": "x", "segment": {text}}}]}}'
    return f'{{"database": {{"a": {film}}}}}'


def counted(fps: object) -> str:
    data = {"video": "a.mp4", "fps": fps}
    return json.dumps([{"data": data, "annotations": [{"result": []}]}])


def slot(time: str) -> str:
    return (
        f'<ANNOTATION_DOCUMENT><TIME_SLOT TIME_SLOT_ID="t" TIME_VALUE="{time}"/><TIER TIER_ID="x">'
        '<ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="t" TIME_SLOT_REF2="t"/></ANNOTATION>'
        "</TIER></ANNOTATION_DOCUMENT>"
    )


EAF = '<ANNOTATION_DOCUMENT><TIER TIER_ID="x"><ANNOTATION><ALIGNABLE_ANNOTATION '


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("cvat", BOMB, "entities"),
        ("cvat", OUTSIDE, "entities"),
        ("eaf", BOMB, "entities"),
        ("cvat", "<annotations>" + "<a>" * 100_000, "nested too deeply"),
        ("eaf", "<a>" * 100_000, "nested too deeply"),
        ("cvat", "<annotations>", "not XML"),
        ("cvat", "", "not XML"),
        ("cvat", "<a/>", "another kind of XML"),
        ("cvat", "<annotations><image/></annotations>", "annotations of images"),
        ("cvat", track(4, 2), "keyframes out of order"),
        ("cvat", track(4, 4), "keyframes out of order"),
        ("cvat", track(120), "a frame beyond the film"),
        ("cvat", track("-1"), "a box without a frame"),
        ("cvat", track("1e9"), "a box without a frame"),
        ("cvat", track(1).replace('xtl="1"', 'xtl="nan"'), "not a box"),
        ("cvat", track(1).replace('xtl="1"', 'xtl="left"'), "without its corners"),
        ("cvat", track(1).replace("</name>", "</name><size>500</size>"), "more frames"),
        ("cvat", track(1, name="/etc/passwd"), "is a path"),
        ("cvat", track(1, name="..\\a"), "is a path"),
        ("activitynet", '{"database": ' * 100_000, "not JSON"),
        ("activitynet", '{"database": {"/a": {"annotations": [1]}}}', "not an interval"),
        ("activitynet", '{"database": {"../a": {"references": ["x"]}}}', "is a path"),
        ("activitynet", segments("[0, 1e400]"), "end_s is not a number"),
        ("activitynet", segments(f"[0, {'9' * 400}]"), "end_s is not a number"),
        ("activitynet", segments('[0, 1], "label": "\\ud800"'), "not JSON"),
        ("cvat", track("9" * 5000), "a box without a frame"),
        ("labelstudio", "[" * 100_000, "not JSON"),
        ("labelstudio", counted(1e9), "a frame rate beyond reason"),
        ("labelstudio", tasks(framesCount=10**12, duration=1e-3), "a frame rate beyond reason"),
        ("labelstudio", "[{}]", "not a task"),
        ("labelstudio", "3", "not Label Studio"),
        ("labelstudio", tasks(sequence=keys(9, 3)), "keyframes out of order"),
        ("labelstudio", tasks(sequence=keys(900)), "a frame beyond the film"),
        ("labelstudio", tasks(sequence=[{"frame": 1, "x": "1"}]), "not a box"),
        ("labelstudio", tasks(), "without its sequence"),
        ("labelstudio", ranges(9, 3), "ends before its start"),
        ("labelstudio", ranges(0, 3), "not a frame"),
        ("labelstudio", ranges(1, 10**9), "a frame beyond the film"),
        ("labelstudio", ranges(None, True), "not a frame"),
        ("eaf", EAF + 'TIME_SLOT_REF1="ts1"/></ANNOTATION></TIER></ANNOTATION_DOCUMENT>', "times"),
        ("eaf", slot("9" * 5000), "an annotation without its times"),
        ("mot", "0,1,2,3,4,5,1\n", "a frame beyond the film"),
        ("mot", "121,1,2,3,4,5,1\n", "a frame beyond the film"),
        ("mot", "1,0,2,3,4,5,1\n", "not a person's box"),
        ("mot", "1,1,2,3,0,5,1\n", "not a person's box"),
        ("mot", "1,1,nan,3,4,5,1\n", "not a line of MOT"),
        ("mot", "1,1,2,3,4,5\n1,1,2,3,4,5\n", "two boxes of a person"),
        ("coco", "[]", "not COCO's JSON"),
        ("coco", coco(bbox=[1, 2, 0, 4]), "annotations.0.bbox.2"),
        ("coco", coco(bbox=[1, 2, 3]), "annotations.0.bbox"),
        ("coco", coco(image_id=2), "no such image"),
        ("coco", coco(track_id=7), "no such track"),
        ("coco", coco(frame=120), "a frame beyond the film"),
        ("coco", coco(frame=-1), "images.0.frame_index"),
        ("coco", coco(count=2), "two boxes of a track"),
        ("coco", coco(videos=2), "an id that is there twice"),
        ("coco", coco(bbox=[1, 2, 3, float("nan")]), "annotations.0.bbox.3"),
        ("coco", "[" * 100_000, "not JSON"),
        ("coco", coco().replace("a.mp4", "/etc/passwd"), "is a path"),
        ("coco", coco().replace("a.mp4", "..\\\\a.mp4"), "is a path"),
        ("coco", coco().replace("a.mp4", "\\ud800"), "not JSON"),
        ("coco", coco(film=2), "another film than its track"),
        ("coco", coco(film=2, count=0), "no such video"),
        ("coco", coco(image_id=10**30), "annotations.0.image_id"),
        ("eaf", OUTSIDE, "entities"),
    ],
)  # fmt: skip
def test_harm_is_an_error_that_names_the_file(
    form: str, text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[form].suffixes[0]}"
    path.write_text(text, "utf-8")
    with pytest.raises(RhasError) as caught:
        read(form, path)
    assert message in str(caught.value)
    assert "a" + path.suffix in str(caught.value)


@pytest.mark.parametrize("form", [name for name, f in FORMATS.items() if f.read])
def test_other_bytes_and_large_files_are_refused(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{FORMATS[form].suffixes[0]}"
    path.write_bytes(b"\xff\xfe\x00" * 99)
    with pytest.raises(RhasError, match="UTF-8"):
        read(form, path)
    monkeypatch.setattr(files, "MAX_TEXT_BYTES", 1000)
    path.write_text(" " * 2000)
    with pytest.raises(RhasError, match="too large"):
        read(form, path)


@pytest.mark.parametrize(
    ("form", "text", "finding"),
    [
        ("cvat", track(1, name="b"), ""),  # the file's own name is the film's
        ("cvat", track(1).replace("</name>", "</name><size>60</size>"), "fewer frames"),
        ("events", "1\tthe man\twalking\t\tSTART", "start or stop without"),
        ("events", "1\tthe man\twalking\t\tSTOP", "start or stop without"),
        ("events", "1\tthe man\twalking\t\tPOINT", "interval without length"),
        ("events", "1\tthe man", "malformed line"),
        ("events", "soon\tthe man\twalking", "malformed line"),
        ("events", "inf\tthe man\twalking", "malformed line"),
        ("events", f"{'9' * 400}:00:00\tthe man\twalking", "malformed line"),
    ],
)
def test_what_can_be_left_out_is_counted(
    form: str, text: str, finding: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[form].suffixes[0]}"
    path.write_text(text, "utf-8")
    _, audit = read(form, path)
    assert [name for name in audit.found if name.startswith(finding)] == list(audit.found)
    assert bool(audit.found) == bool(finding)


def test_labels_are_text_whatever_they_say(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("1\t<script>alert(1)</script>\t=cmd()\n2\t<script>alert(1)</script>\t=cmd()")
    result, audit = read("events", path)
    assert [p.sentence for p in result.persons] == ["<script>alert(1)</script>"]
    assert [(a.action, a.start_s, a.end_s) for a in result.annotations] == [("=cmd()", 1.0, 2.0)]
    assert not audit.found
    path = tmp_path / "a.json"
    content = json.loads(coco())
    actions = [{"label": "=cmd()", "segment": [0, 1]}]
    content["tracks"][0] |= {"reference": "<script>alert(1)</script>", "actions": actions}
    path.write_text(json.dumps(content))
    result, audit = read("coco", path)
    assert [p.sentence for p in result.persons] == ["<script>alert(1)</script>"]
    assert [a.action for a in result.annotations] == ["=cmd()"]
    assert not audit.found


def test_boxes_of_a_track_may_come_in_any_order(tmp_path: Path) -> None:
    """COCO and MOT say the frame of each box, so their order means nothing."""
    path = tmp_path / "a.json"
    content = json.loads(coco())
    content["images"] = [{"id": n, "video_id": 1, "frame_index": n} for n in (8, 2)]
    box = {"track_id": 1, "bbox": [1, 2, 3, 4]}
    content["annotations"] = [{**box, "image_id": n} for n in (8, 2)]
    path.write_text(json.dumps(content))
    (person,) = read("coco", path)[0].persons
    assert person.boxes is not None
    assert np.flatnonzero(np.isfinite(person.boxes).all(1)).tolist() == [1, 4]


def two_persons(*regions: dict[str, object]) -> str:
    data = {"video": "a.mp4", "references": ["the man", "the woman"]}
    return json.dumps([{"data": data, "annotations": [{"result": list(regions)}]}])


def test_a_timeline_of_nobody_is_no_ones_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    lane = {"ranges": [{"start": 1, "end": 15}], "timelinelabels": ["walking"]}
    for control, persons in (("lane", []), ("actions_1", ["1"])):
        region = {"type": "timelinelabels", "from_name": control, "value": lane}
        path.write_text(two_persons(region))
        result, audit = read("labelstudio", path)
        assert [a.person for a in result.annotations] == persons
        assert bool(audit.found) == (not persons)


def test_two_boxes_of_a_person_are_one_track(tmp_path: Path) -> None:
    """As where they leave the picture and come back."""

    def region(frame: int) -> dict[str, object]:
        start, end = keys(frame, frame + 9)
        value = {"labels": ["person 0"], "sequence": [start, {**end, "enabled": False}]}
        return {"type": "videorectangle", "from_name": "box", "value": value}

    path = tmp_path / "a.json"
    path.write_text(two_persons(region(1), region(61)))
    result, _ = read("labelstudio", path)
    assert len(result.persons) == 2
    boxes = result.persons[0].boxes
    assert boxes is not None
    assert np.flatnonzero(np.isfinite(boxes).all(1)).tolist() == [*range(5), *range(30, 35)]


def test_a_track_without_a_person_is_not_the_person_of_its_number(tmp_path: Path) -> None:
    """As one that was drawn in the tool beside exported ones."""
    path = tmp_path / "a.json"
    content = json.loads(coco())
    content["tracks"] = [{"id": 1, "video_id": 1}, {"id": 2, "video_id": 1, "person": 1}]
    path.write_text(json.dumps(content))
    result, _ = read("coco", path)
    assert len({p.key for p in result.persons}) == 2


def test_two_sentences_of_one_person_are_two_rows(tmp_path: Path) -> None:
    """The second is a finding of the import, where they are matched."""
    path = tmp_path / "a.json"
    content = json.loads(coco())
    content["tracks"] = [
        {"id": n, "video_id": 1, "person": 0, "reference": text}
        for n, text in enumerate(("the man", "the man", "", "the woman"), 1)
    ]
    path.write_text(json.dumps(content))
    result, _ = read("coco", path)
    rows = number_persons(result, [], Audit()).references
    assert [(r.person, r.text) for r in rows] == [("0", "the man"), ("0", "the woman")]


def number(
    persons: dict[str, str], references: dict[str, str], movie: str = "a"
) -> tuple[dict[str, str], Audit]:
    """The numbers of the persons of a file, by what they do; all by their keys."""
    audit = Audit()
    found = FoundActions(
        [FoundPerson(f"f:{key}", "a", key, text) for key, text in persons.items()],
        [ForeignAnnotation("f", "a", key, f"does {key}", 0, 1) for key in persons],
    )
    table = [ForeignReference("t", movie, n, text, "") for n, text in references.items()]
    numbered = number_persons(found, table, audit)
    return {row.action.removeprefix("does "): row.person for row in numbered.annotations}, audit


TABLE = {"0": "the tall woman", "1": "the man"}


def test_a_number_that_another_has_by_its_sentence_is_nobody() -> None:
    numbers, audit = number({"0": "the man", "1": "the woman"}, TABLE)
    assert numbers == {"0": "1"}
    (place,) = audit.found["person without reference"]
    assert place.startswith("f:1: a, person 1")
    assert audit.stops
    found = FoundActions(
        [FoundPerson("f:0", "a", "0", "the man")], [ForeignAnnotation("f", "a", "1", "runs", 0, 1)]
    )
    table = [ForeignReference("t", "a", n, text, "") for n, text in TABLE.items()]
    assert not number_persons(found, table, audit).annotations, "of nobody whom the file lists"


def test_sentences_go_before_numbers() -> None:
    for persons, movie, expected in (
        ({"0": "the man", "1": "the tall woman"}, "a", {"0": "1", "1": "0"}),
        ({"0": "the man", "1": "the tall woman"}, "a.mp4", {"0": "1", "1": "0"}),
        ({"0": "the woman", "1": "the man "}, "a", {"0": "0", "1": "1"}),
        ({"0": "", "1": ""}, "a", {"0": "0", "1": "1"}),
        ({"x": "the man", "7": ""}, "a", {"x": "1", "7": "7"}),
    ):
        numbers, audit = number(persons, TABLE, movie)
        assert (numbers, audit.found) == (expected, {})
    same = {"0": "a man", "1": "a man"}
    assert number(same, same)[0] == {"0": "0", "1": "1"}
    assert number({"0": "", "1": ""}, {"0": "", "1": "a man"})[0] == {"0": "0", "1": "1"}


def test_two_persons_are_not_made_one() -> None:
    with pytest.raises(RhasError, match=r"f:0, f:5: two persons of one sentence") as error:
        number({"0": "the man", "5": "the man"}, TABLE)
    assert "0 and 5" in error.value.got


def test_elan_shows_films_from_another_moment_on(tmp_path: Path) -> None:
    path = tmp_path / "a.eaf"
    media = (
        '<MEDIA_DESCRIPTOR MEDIA_URL="file:///x/b.mp4" TIME_ORIGIN="9000"/>'
        '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/films/a.mp4" TIME_ORIGIN="1500"/>'
    )
    path.write_text(slot("500").replace("<TIME_SLOT", media + "<TIME_SLOT"))
    result, audit = read("eaf", path)
    assert [(a.start_s, a.end_s) for a in result.annotations] == [(2.0, 2.0)]
    assert not audit.found
    path.write_text(path.read_text().replace("1500", "soon"))
    with pytest.raises(RhasError, match="not a time"):
        read("eaf", path)


def test_an_unknown_film_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "harbour.xml"
    path.write_text(track(1, name="harbor"))
    result, audit = read("cvat", path)
    assert not result.persons
    assert list(audit.found) == ["annotation without film"]


def test_boris_exports_its_own_table(tmp_path: Path) -> None:
    """Columns by name, a whole path as the film's name, times as hours and minutes."""
    path = tmp_path / "export.csv"
    path.write_text(
        "Observation id,Time,Media file name,Subject,Behavior,Behavior type\n"
        "o,00:00:01.5,C:\\films\\a.mp4,the man,walking,START\n"
        "o,00:00:02.5,/home/x/a.mp4,the man,walking,STOP\n"
    )
    result, audit = read("events", path)
    assert [(a.movie, a.start_s, a.end_s) for a in result.annotations] == [("a", 1.5, 2.5)]
    assert not audit.found


def test_cvat_choices_are_actions_and_tracks_of_one_sentence_a_person(tmp_path: Path) -> None:
    def box(frame: int, doing: str) -> str:
        return (
            f'<box frame="{frame}" {BOX}><attribute name="doing">{doing}</attribute>'
            '<attribute name="sentence">the man</attribute></box>'
        )

    path = tmp_path / "a.xml"
    path.write_text(
        "<annotations><meta><task><name>a.mp4</name><labels><label><attributes><attribute>"
        "<name>doing</name><mutable>True</mutable></attribute></attributes></label></labels></task>"
        f'</meta><track id="0" label="p">{box(0, "walking")}{box(30, "running")}</track>'
        f'<track id="1" label="p">{box(60, "walking")}</track></annotations>'
    )
    result, _ = read("cvat", path)
    assert len({p.key for p in result.persons}) == 1
    assert {p.sentence for p in result.persons} == {"the man"}
    spans = [(a.action, a.start_s, a.end_s) for a in result.annotations]
    assert spans == [("walking", 0.0, 1.0), ("running", 1.0, 4.0), ("walking", 2.0, 4.0)]
