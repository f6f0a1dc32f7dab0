"""RHAS-mini: the same bytes from the same seed, true references, annotations inside the film."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.config.mini import MiniConfig
from rhas.mini import (
    MINI_CLASSES,
    FilmSpec,
    ScenePerson,
    film_specs,
    sample_scenes,
    simulate_film,
    write_film,
)
from rhas.mini.attributes import GARMENTS, Attributes, classify_lookalike
from rhas.mini.camera import find_view, place_people
from rhas.mini.company import _note_event, _rename_label
from rhas.mini.facts import PLAIN, _split_by_partner, make_film_story
from rhas.mini.moments import find_position, find_state
from rhas.mini.movement import Company
from rhas.mini.places import LANES, make_place
from rhas.mini.references import (
    find_descriptions,
    find_matches,
    sample_alternatives,
    sample_reference,
)
from rhas.mini.skeleton import (
    HAND_L,
    HAND_R,
    HEAD_J,
    JOINTS,
    NECK_J,
    PELVIS,
    compute_joints,
    project_joints,
)
from rhas.mini.story import (
    FOLLOWS,
    MEMORY,
    PAIR_CLASSES,
    LabelMark,
    Story,
    find_shot,
    list_labels,
)
from rhas.mini.things import THINGS


def _tiny(index: int, seconds: float = 2.0) -> FilmSpec:
    return replace(film_specs(MiniConfig(films=index + 1))[index], seconds=seconds)


def test_default_set_has_the_announced_size(films):
    specs = [spec for spec, _ in films]
    assert Counter(s.subset for s in specs) == {"train": 5, "val": 2, "test": 3}
    working = [s.seconds * 15 for s in specs]
    assert 22_500 <= sum(working) <= 24_500
    assert min(working) >= 1_500
    assert max(working) <= 4_000
    assert all(2 <= len(facts.references) <= 5 for _, facts in films)


def test_three_films_make_one_of_each_subset():
    assert [s.subset for s in film_specs(MiniConfig(films=3))] == ["train", "val", "test"]
    assert {s.subset for s in film_specs(MiniConfig(films=30))[14:]} == {"train"}


def test_more_films_change_no_film():
    few, many = film_specs(MiniConfig(films=3)), film_specs(MiniConfig(films=20))
    assert few == many[:3]
    assert simulate_film(_tiny(1, 20)) == simulate_film(_tiny(1, 20))


def test_specs_are_json():
    spec = film_specs(MiniConfig())[3]
    assert FilmSpec(**json.loads(json.dumps(asdict(spec)))) == spec


def test_scale_shortens_films():
    assert film_specs(MiniConfig(films=2, seconds_scale=0.02))[1].frames < 120


@pytest.mark.parametrize("wrong", [{"films": 0}, {"seed": -1}, {"seconds_scale": 0.0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(RhasError):
        MiniConfig(**wrong)


def test_classes_are_published_ones():
    assert len(MINI_CLASSES) >= 24
    assert all(name in CLASS_ID for name in MINI_CLASSES)
    assert list(MINI_CLASSES) == sorted(MINI_CLASSES, key=CLASS_ID.__getitem__)


def test_classes_of_test_occur_in_train(films):
    seen = {
        subset: {i[1] for spec, facts in films if spec.subset == subset for i in facts.intervals}
        for subset in ("train", "val", "test")
    }
    assert len(seen["train"]) >= len(MINI_CLASSES) - 4
    assert len(seen["test"] & seen["train"]) >= len(MINI_CLASSES) - 12
    assert len(set(PAIR_CLASSES) - seen["train"]) <= 1
    assert not seen["test"] - seen["train"]


def share_of_time(films, classes: set[str]) -> float:
    """The share of the labelled time with a label of some classes."""
    some = all_ = 0
    for spec, facts in films:
        moments = np.arange(0.05, spec.seconds, 0.1)
        for person in range(len(facts.references)):
            labelled, of_them = np.zeros((2, len(moments)), bool)
            for p, name, a, b in facts.intervals:
                if p == person:
                    labelled |= (moments >= a) & (moments < b)
                    of_them |= (moments >= a) & (moments < b) & (name in classes)
            some += of_them.sum()
            all_ += labelled.sum()
    return some / all_


def test_a_quarter_of_the_time_is_between_people_and_a_tenth_depends_on_before(films):
    assert 0.2 < share_of_time(films, set(PAIR_CLASSES)) < 0.35
    assert 0.06 < share_of_time(films, set(FOLLOWS)) < 0.2


def test_labels_between_people_need_the_other_in_the_picture():
    meeting = LabelMark(10.0, 20.0, "talking", partner=1, alone="movemouth")
    seen = [[], [(8.0, 12.0), (12.5, 14.0), (18.0, 30.0)]]
    assert _split_by_partner(meeting, seen) == [
        ("talking", 10.0, 14.0), ("movemouth", 14.0, 18.0), ("talking", 18.0, 20.0)
    ]  # fmt: skip
    assert _split_by_partner(meeting, [[], []]) == [("movemouth", 10.0, 20.0)]
    listening = LabelMark(10.0, 20.0, "listening", partner=1)
    assert _split_by_partner(listening, seen) == [
        ("listening", 10.0, 14.0), ("listening", 18.0, 20.0)
    ]  # fmt: skip
    assert _split_by_partner(LabelMark(1.0, 2.0, "entering"), seen) == [("entering", 1.0, 2.0)]


def test_both_sides_of_a_meeting_are_annotated_and_look_at_each_other(films):
    """Who talks has a listener at the same time, on the side to which the face is turned."""
    pairs = {
        "talking": "listening",
        "showing": "looking",
        "hitting": "dodging",
        "hugging": "hugging",
    }
    for spec, _ in films[:6]:
        story = make_film_story(spec)
        for number, timeline in enumerate(story.timelines):
            for mark in timeline.marks:
                if mark.label not in pairs:
                    continue
                other = story.timelines[mark.partner]
                assert any(
                    m.partner == number and m.label == pairs[mark.label]
                    and m.t0 == pytest.approx(mark.t0) and m.t1 == pytest.approx(mark.t1)
                    for m in other.marks
                )  # fmt: skip
                middle = (mark.t0 + mark.t1) / 2
                setting = find_position(timeline, middle)[0]
                me, you = (
                    find_state(story.timelines[p], story.cast[p], middle, setting)
                    for p in (number, mark.partner)
                )
                if mark.t1 - mark.t0 > 1.2:  # turned by then
                    assert np.sign(np.sin(me.yaw)) == np.sign(you.x - me.x)


def test_what_is_held_passes_from_hand_to_hand(films):
    handed = 0
    for spec, _ in films:
        story = make_film_story(spec)
        for number, timeline in enumerate(story.timelines):
            for mark in timeline.marks:
                if mark.label != "giving":
                    continue
                for t, holder in ((mark.t0 + 0.1, number), (mark.t1 - 0.1, mark.partner)):
                    held = {
                        p: [a for a in story.timelines[p].arms if a.t0 <= t < a.t1]
                        for p in (number, mark.partner)
                    }
                    with_it = [
                        p for p, arms in held.items()
                        if arms and (t >= arms[0].swap) == arms[0].appears
                    ]  # fmt: skip
                    assert with_it == [holder]
                handed += 1
    assert handed > 3


def find_hand(story: Story, person: int, t: float) -> np.ndarray:
    """Where the acting hand is in the place, metres to the right and down."""
    timeline, appearance = story.timelines[person], story.cast[person]
    state = find_state(timeline, appearance, t, find_position(timeline, t)[0])
    joints = compute_joints(state.pose, appearance.girth)
    seen = project_joints(joints, state.pose, state.yaw, appearance.stature)
    hand = HAND_R if state.side == "R" else HAND_L
    return np.array([state.x + seen.x[hand], (state.z - 1) * LANES + seen.y[hand]])


def test_hands_meet_whatever_the_height_of_the_two(films):
    compared = 0
    for spec, _ in films:
        story = make_film_story(spec)
        for person, timeline in enumerate(story.timelines):
            for mark in timeline.marks:
                if mark.label in ("shaking", "giving") and mark.t1 - mark.t0 > 1.2:
                    middle = (mark.t0 + mark.t1) / 2
                    hands = [find_hand(story, p, middle) for p in (person, mark.partner)]
                    across, down = np.abs(hands[0] - hands[1])
                    assert across < 0.25, (spec.movie, mark)
                    assert down < 0.1, (spec.movie, mark)
                    compared += 1
    assert compared > 10


def test_somebody_hardly_seen_is_no_partner(films):
    """Somebody hugs only where a quarter of the other one can be seen at that time or 1 s away."""
    compared = 0
    for spec, facts in films[:5]:
        story = make_film_story(spec)
        for person, name, start, end in facts.intervals:
            if name not in ("hugging", "shaking", "touching"):
                continue
            partners = {
                m.partner for m in story.timelines[person].marks
                if m.label == name and m.t0 < end and m.t1 > start
            }  # fmt: skip
            best = 0.0
            for t in np.arange(max(0.0, start - 1), min(end + 1, spec.seconds), 0.1):
                shot = story.shots[find_shot(story, float(t))]
                view = find_view(story, shot, float(t), spec.height)
                size = (spec.width, spec.height)
                for q in place_people(story, shot, float(t), view, size):
                    best = max(best, q.visible * (q.person in partners))
            assert best >= PLAIN, (spec.movie, name, start)
            compared += 1
    assert compared > 5


def test_people_make_room_for_a_meeting(films):
    """A third person seldom stands where two touch each other."""
    crowded = met = 0
    for spec, _ in films:
        story = make_film_story(spec)
        for person, timeline in enumerate(story.timelines):
            for mark in timeline.marks:
                if mark.label not in ("hugging", "shaking", "giving"):
                    continue
                found = {p: find_position(t, mark.t0 + 0.1) for p, t in enumerate(story.timelines)}
                here = {p: at[1] for p, at in found.items() if at and at[0] == found[person][0]}
                others = [x for p, x in here.items() if p not in (person, mark.partner)]
                met += 1
                crowded += any(abs(x - here[person]) < 0.3 for x in others)
    assert met > 20
    assert crowded < 0.12 * met


def test_what_depends_on_before_has_its_cause_long_before(films):
    """Each such class has a cause in the same film that lies 15 s back, a helper's just before."""
    by_others = {"removing", "moving", "tidying", "rubbing"}
    found = Counter()
    for spec, _ in films:
        story = make_film_story(spec)
        marks = [(p, m) for p in range(len(story.cast)) for m in list_labels(story.timelines[p])]
        for person, mark in marks:
            if mark.label not in FOLLOWS:
                continue
            back = 0.0 if mark.label == "helping" else MEMORY
            causes = [
                m for p, m in marks
                if m.label in FOLLOWS[mark.label][1] and m.t0 <= mark.t0 - back + 1e-6
                and (p == person or mark.label in by_others)
            ]  # fmt: skip
            assert causes, (spec.movie, mark)
            found[mark.label] += 1
    assert set(found) == set(FOLLOWS)


def test_nobody_shouts_at_somebody_who_did_nothing():
    company = Company(make_place(np.random.default_rng(0), 5.0))
    one, two = (SimpleNamespace(company=company, owner=number) for number in (0, 1))
    assert _rename_label("talking", one, two, 100.0) == "talking"
    _note_event("dodging", one, two, 50.0)
    assert _rename_label("talking", one, two, 60.0) == "talking"  # too soon
    assert _rename_label("talking", one, two, 66.0) == "shouting"
    assert _rename_label("hitting", one, two, 66.0) == "struggling"
    assert _rename_label("talking", two, one, 66.0) == "talking"
    assert _rename_label("touching", two, one, 66.0) == "touching"
    _note_event("falling", one, two, 70.0)
    assert _rename_label("touching", two, one, 86.0) == "rubbing"
    assert _rename_label(None, one, two, 86.0) is None


def test_intervals_lie_inside_the_film_and_the_presence(films):
    for spec, facts in films:
        persons = len(facts.references)
        for person, name, start, end in facts.intervals:
            assert 0 <= person < persons
            assert name in CLASS_ID
            assert 0 <= start < end <= spec.frames / float(spec.rate) + 1e-3
            assert any(a - 1e-3 <= start and end <= b + 1e-3 for a, b in facts.presence[person]), (
                spec.movie
            )
        by_class = sorted((p, n, a, b) for p, n, a, b in facts.intervals)
        for one, two in pairwise(by_class):
            assert one[:2] != two[:2] or one[3] <= two[2]


def test_two_labels_at_once_are_common(films):
    both = single = 0.0
    for _, facts in films:
        for person in range(len(facts.references)):
            spans = [(a, b) for p, _, a, b in facts.intervals if p == person]
            for t in np.arange(0, max((b for _, b in spans), default=0), 0.5):
                active = sum(a <= t < b for a, b in spans)
                both += active > 1
                single += active == 1
    assert both > 0.25 * single


def test_putting_follows_picking():
    for spec in film_specs(MiniConfig())[:6]:
        for timeline in make_film_story(spec).timelines:
            hands = 0
            for arms in timeline.arms:
                hands += (arms.label == "picking") - (arms.label == "putting")
                if arms.label == "putting":
                    assert hands >= 0


def test_references_single_out_one_person(films):
    for spec, facts in films:
        cast = facts.attributes
        assert len(set(facts.references)) == len(facts.references)
        for person in range(len(cast)):
            assert all(
                find_matches(chosen, gender, cast) == [person]
                for gender, chosen in find_descriptions(person, cast)
            ), spec.movie
            rng = np.random.default_rng(0)
            words = {sample_reference(rng, person, cast) for _ in range(60)}
            others = set()
            for other in range(len(cast)):
                if other != person:
                    others |= {sample_reference(rng, other, cast) for _ in range(60)}
            assert not words & others
            assert not set(sample_alternatives(rng, person, cast)) & others


def test_references_never_name_an_action(films):
    words = {word for _, facts in films for r in facts.references for word in r.split()}
    assert not words & set(MINI_CLASSES)


def test_left_and_right_are_true(films):
    for spec, facts in films:
        sides = [a.side for a in facts.attributes]
        assert any(sides) == spec.sides
        if not spec.sides:
            continue
        story = make_film_story(spec)
        left, right = sides.index("left"), sides.index("right")
        for t in np.arange(0.1, spec.seconds - 0.1, 1.0):
            a, b = (find_position(story.timelines[p], float(t)) for p in (left, right))
            assert a is not None
            assert b is not None
            assert a[1] < b[1]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_film_is_decodable_and_has_the_same_bytes_twice(tmp_path: Path, index: int):
    spec = _tiny(index)
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        counts: list[int] = []
        truth = write_film(spec, tmp_path / name, counts.append)
        assert sum(counts) == spec.frames
        files.append((tmp_path / name / spec.file_name).read_bytes())
    assert files[0] == files[1]
    with av.open(str(tmp_path / "a" / spec.file_name)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None
        assert float(stream.average_rate) == pytest.approx(float(spec.rate), rel=1e-3)
        assert (stream.width, stream.height) == (spec.width, spec.height)
        assert len(container.streams.audio) == spec.audio
        frames = list(container.decode(stream))
    assert len(frames) == spec.frames
    persons = len(truth.references)
    assert truth.boxes.shape == (spec.frames, persons, 4)
    assert truth.boxes.dtype == np.float32
    assert truth.visible.shape == (spec.frames, persons)
    seen = truth.visible > 0
    assert seen.any()
    assert np.array_equal(np.isfinite(truth.boxes).all(-1), seen)
    boxes = truth.boxes[seen]
    assert (boxes >= 0).all()
    assert (boxes[:, [0, 2]] <= spec.width).all()
    assert (boxes[:, [1, 3]] <= spec.height).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert truth.intervals == simulate_film(spec).intervals


def _in_the_box(person: ScenePerson) -> bool:
    """Whether the trunk and the head of somebody seen whole lie where the box is."""
    x0, y0, x1, y1 = person.box
    trunk = [person.joints[j][:2] for j in (PELVIS, NECK_J, HEAD_J)]
    return all(x0 - 1 <= x <= x1 + 1 and y0 - 1 <= y <= y1 + 1 for x, y in trunk)


def test_scenes_are_repeatable_and_not_from_the_films():
    scenes = list(sample_scenes(7, 30))
    again = list(sample_scenes(7, 30))
    assert len(scenes) == 30
    assert all(np.array_equal(a.frame, b.frame) for a, b in zip(scenes, again, strict=True))
    assert [s.persons for s in scenes] == [s.persons for s in again]
    films = {tuple(simulate_film(_tiny(i, 1)).references) for i in range(14)}
    assert not {tuple(s.cast) for s in scenes} & films
    for scene in scenes:
        height, width, _ = scene.frame.shape
        assert scene.frame.dtype == np.uint8
        for person in scene.persons:
            x0, y0, x1, y1 = person.box
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            assert 0 < person.visible <= 1
            assert set(person.actions) <= set(MINI_CLASSES)
            assert person.alternatives
            assert len(set(person.alternatives)) == len(person.alternatives)
            assert len(person.joints) == JOINTS
            assert person.held in ("", *THINGS)
            assert person.visible < 1 or _in_the_box(person)
    assert not np.array_equal(scenes[0].frame, next(sample_scenes(8, 1)).frame)


def test_look_alikes_by_place_or_by_one_garment():
    she = Attributes(
        "woman", "tall", "slim", "long", "black", "coat", "red", "plain", "trousers", "blue",
        "hat", "red", None, None, False, False,
    )  # fmt: skip
    other = replace(she, gender="man", hair="short")
    cases = {
        "place": [replace(she, side="left"), replace(she, side="right"), other],
        "garment": [she, replace(she, hat_colour="blue"), other],
        "none": [she, replace(she, hair_colour="red"), other],
    }
    for kind, cast in cases.items():
        assert [classify_lookalike(p, cast) for p in range(3)] == [kind, kind, "none"]
    two_garments = [she, replace(she, lower_colour="grey", upper_colour="blue")]
    assert classify_lookalike(0, two_garments) == "none"
    assert classify_lookalike(0, [she]) == "none"
    assert set(GARMENTS) <= set(asdict(she))


def test_the_set_has_look_alikes_and_their_references_say_what_tells_them_apart(films):
    counted = Counter()
    for spec, facts in films:
        assert [kind == "place" for kind in facts.lookalikes] == [
            a.side is not None for a in facts.attributes
        ]
        assert ("place" in facts.lookalikes) == spec.sides
        for text, kind, person in zip(
            facts.references, facts.lookalikes, facts.attributes, strict=True
        ):
            counted[spec.subset, kind] += 1
            if kind == "place":
                assert text.endswith(f"on the {person.side}")
            worn = [getattr(person, name) for name in GARMENTS]
            if kind == "garment":  # a garment's kind, colour or pattern
                assert any(str(value) in text for value in worn if value)
    for subset in ("train", "test"):
        assert counted[subset, "place"] == 2
        assert counted[subset, "garment"] >= 2


def import_mini_with(prelude: str) -> str:
    """The error of importing ``rhas.mini`` after some lines of code."""
    code = f"import sys; {prelude}; import rhas.mini"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr


def test_a_renderer_that_does_not_load_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "skia.py").write_text("raise ImportError('libEGL.so.1: cannot open')")
    message = import_mini_with(f"sys.path.insert(0, {str(tmp_path)!r})")
    assert "RhasError: skia: the renderer of the built-in films does not load" in message
    assert "apt-get install libegl1 libgl1" in message


def test_a_renderer_that_is_not_installed_is_a_clear_error() -> None:
    message = import_mini_with("sys.modules['skia'] = None")
    assert "RhasError: skia: a package is not installed" in message
    assert "pip install '.[mini]'" in message
