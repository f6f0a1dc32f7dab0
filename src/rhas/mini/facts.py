"""What is known of a film without drawing it: references, labels, cuts. Seconds from its start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhas.mini.attributes import Attributes, classify_lookalike
from rhas.mini.camera import find_view, place_people
from rhas.mini.references import sample_reference
from rhas.mini.simulate import invent_story
from rhas.mini.spec import FILM_KEY, FilmSpec
from rhas.mini.story import MINI_CLASSES, LabelMark, Story, find_shot, list_labels

_GRID = 0.2  # seconds between the moments at which presence in the picture is tested
_GAP = 1.0  # seconds; shorter absences of a partner end no label
_SHORTEST = 0.25  # seconds; shorter labels are dropped
PLAIN = 0.25
"""Visible fraction from which somebody counts as a partner who is in the picture."""

Interval = tuple[int, str, float, float]
Stretch = tuple[float, float]


@dataclass(frozen=True)
class FilmFacts:
    """What is known of a film without drawing it."""

    references: list[str]
    """One sentence per person; a person's number is the index."""
    intervals: list[Interval]
    """(person, class name, start, end) in seconds, by person, then start."""
    cuts: list[int]
    """Source frames that start a new shot, without frame 0."""
    attributes: list[Attributes]
    """Per person, what their references can state."""
    lookalikes: list[str]
    """Per person, see :func:`rhas.mini.attributes.classify_lookalike`."""
    frames: int
    """F, source frames."""
    presence: list[list[Stretch]]
    """Per person, the stretches in seconds during which they are in the picture."""


def make_generators(spec: FilmSpec) -> tuple[np.random.Generator, ...]:
    """Independent streams for story, references, drawing and sound."""
    root = np.random.SeedSequence([spec.seed, spec.index], spawn_key=(FILM_KEY,))
    return tuple(np.random.default_rng(child) for child in root.spawn(4))


def make_film_story(spec: FilmSpec) -> Story:
    """Invent a film; nothing is drawn."""
    return invent_story(
        make_generators(spec)[0], spec.frames / float(spec.rate), spec.width / spec.height,
        sides=spec.sides,
    )  # fmt: skip


def simulate_film(spec: FilmSpec) -> FilmFacts:
    """The annotations of a film, without drawing it."""
    return collect_facts(spec, make_film_story(spec))


def collect_facts(spec: FilmSpec, story: Story) -> FilmFacts:
    """The annotations of a film's story (`make_film_story`)."""
    rng = make_generators(spec)[1]
    cast = [appearance.attributes for appearance in story.cast]
    presence, plain = _find_presence(spec, story)
    intervals = [
        interval
        for p in range(len(cast))
        for interval in _list_intervals(story, p, presence[p], plain)
    ]
    intervals.sort(key=lambda entry: (entry[0], entry[2], entry[1]))
    shots = [find_shot(story, n / float(spec.rate)) for n in range(spec.frames)]
    return FilmFacts(
        references=[sample_reference(rng, p, cast) for p in range(len(cast))],
        intervals=intervals,
        cuts=[n for n in range(1, spec.frames) if shots[n] != shots[n - 1]],
        attributes=cast,
        lookalikes=[classify_lookalike(p, cast) for p in range(len(cast))],
        frames=spec.frames,
        presence=presence,
    )


def _list_intervals(
    story: Story, person: int, presence: list[Stretch], plain: Sequence[list[Stretch]]
) -> list[Interval]:
    """A person's labels while in the picture; stretches that touch are one. ``plain``: when each
    person is seen well enough to be a partner."""
    pieces: dict[str, list[Stretch]] = {}
    for mark in list_labels(story.timelines[person]):
        for name, start, end in _split_by_partner(mark, plain):
            for t0, t1 in presence:
                a, b = max(start, t0), min(end, t1)
                if b > a:
                    pieces.setdefault(name, []).append((a, b))
    return [
        (person, name, round(a, 3), round(b, 3))
        for name in MINI_CLASSES
        for a, b in merge_stretches(sorted(pieces.get(name, [])))
        if b - a >= _SHORTEST
    ]


def _split_by_partner(
    mark: LabelMark, plain: Sequence[list[Stretch]]
) -> list[tuple[str, float, float]]:
    """Classes, starts and ends of a mark: what somebody does with another person while that one is
    in the picture, and what it looks like while not.
    """
    if mark.partner < 0:
        return [(mark.label, mark.t0, mark.t1)] if mark.label is not None else []
    out, t = [], mark.t0
    for start, end in [*_close_gaps(plain[mark.partner]), (mark.t1, mark.t1)]:
        start, end = max(t, min(start, mark.t1)), min(end, mark.t1)
        if end < t:
            continue
        if mark.alone is not None and start > t:
            out.append((mark.alone, t, start))
        if mark.label is not None and end > start:
            out.append((mark.label, start, end))
        t = max(t, end)
    return out


def _close_gaps(stretches: list[Stretch]) -> list[Stretch]:
    """Stretches with short absences in between filled."""
    out: list[Stretch] = []
    for a, b in stretches:
        if out and a - out[-1][1] < _GAP:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def _find_presence(spec: FilmSpec, story: Story) -> tuple[list[list[Stretch]], list[list[Stretch]]]:
    """Per person, when they are in the picture, and when at least `PLAIN` of them is; on a grid of
    `_GRID` seconds."""
    seen: list[list[Stretch]] = [[] for _ in story.cast]
    plain: list[list[Stretch]] = [[] for _ in story.cast]
    for shot in story.shots:
        t0, t1 = shot.t0, min(shot.t1, story.seconds)
        steps = max(1, round((t1 - t0) / _GRID))
        for n in range(steps):
            a, b = t0 + (t1 - t0) * n / steps, t0 + (t1 - t0) * (n + 1) / steps
            t = (a + b) / 2
            view = find_view(story, shot, t, spec.height)
            for q in place_people(story, shot, t, view, (spec.width, spec.height)):
                if q.visible > 0:
                    seen[q.person].append((a, b))
                if q.visible >= PLAIN:
                    plain[q.person].append((a, b))
    return [merge_stretches(p) for p in seen], [merge_stretches(p) for p in plain]


def merge_stretches(pieces: list[Stretch]) -> list[Stretch]:
    """Join stretches that touch; they come in the order of their starts."""
    out: list[Stretch] = []
    for a, b in pieces:
        if out and a - out[-1][1] < 1e-6:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out
