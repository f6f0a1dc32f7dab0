from __future__ import annotations

from pathlib import Path

from rhas.segment.people import Action, Person
from rhas.segment.subtitles import find_constant_intervals, write_subtitles


def person(number: int, reference: str, *spans: tuple[str, int, int]) -> Person:
    actions = [Action(0, name, start, stop, 0.5, None, 1.0) for name, start, stop in spans]
    return Person(number, reference, 1, 0, 0, actions, [], [], [])


def test_a_stretch_lasts_as_long_as_the_set_of_actions() -> None:
    made = person(0, "x", ("walk", 0, 30), ("talk", 15, 45), ("walk", 45, 60), ("nod", 90, 91))
    assert find_constant_intervals(made) == [
        (0, 15, ("walk",)),
        (15, 30, ("talk", "walk")),
        (30, 45, ("talk",)),
        (45, 60, ("walk",)),
        (90, 91, ("nod",)),
    ]
    assert find_constant_intervals(person(1, "nobody")) == []


def test_subtitles_are_webvtt_by_start_whatever_is_in_a_reference(tmp_path: Path) -> None:
    people = [
        person(0, "a man <b> & co\n-->", ("walk", 0, 30), ("run", 55_000, 55_001)),
        person(1, "женщина", ("sit", 15, 30)),
    ]
    write_subtitles(people, 15.0, tmp_path / "a.vtt")
    assert (tmp_path / "a.vtt").read_text("utf-8") == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.000\n<v a man &lt;b&gt; &amp; co --&gt;>walk\n\n"
        "00:00:01.000 --> 00:00:02.000\n<v женщина>sit\n\n"
        "01:01:06.667 --> 01:01:06.733\n<v a man &lt;b&gt; &amp; co --&gt;>run\n"
    )
