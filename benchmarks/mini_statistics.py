"""What RHAS-mini holds, as Markdown: python benchmarks/mini_statistics.py [--ava FILE]

Everything is simulated, nothing drawn. N frames of a film at the working rate, C classes.
``--ava`` adds a column from a table of AVA (https://research.google.com/ava, v2.2, CC-BY 4.0):
movie, second, box, action, person; one keyframe a second, persons numbered anew in every shot.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.base.units import seconds_to_frame
from rhas.chunk import make_labels
from rhas.config.mini import MiniConfig
from rhas.mini import MINI_CLASSES, FilmFacts, FilmSpec, film_specs, simulate_film
from rhas.mini.attributes import Attributes
from rhas.mini.camera import find_view, place_people
from rhas.mini.facts import make_film_story
from rhas.mini.references import find_descriptions
from rhas.mini.story import FOLLOWS, PAIR_CLASSES, find_shot

FPS = 15.0
SUBSETS = ("train", "val", "test")
AFTER = {
    "carrying": ("picking",),
    "moving": ("removing",),
    "putting": ("picking",),
    "tidying": ("removing",),
    "throwing": ("holding",),
    "taking": ("giving",),
    "searching": ("dropping",),
    "grabbing": ("searching",),
    "breathing": ("running",),
    "sleeping": ("lying",),
    "stretching": ("lying", "sleeping"),
    "drawing": ("watching",),
    "shouting": ("dodging", "falling"),
    "struggling": ("dodging", "falling"),
    "standingup": ("sitting", "sittingdown"),
    "gettingup": ("lying", "gettingdown"),
    "lying": ("gettingdown",),
}
"""Actions that only follow another one of the same person."""
TWINS = (
    ("sittingdown", "standingup"),
    ("gettingdown", "gettingup"),
    ("picking", "putting"),
    ("removing", "tidying"),
    ("entering", "leaving"),
)
"""Pairs of which one is about the other run backwards: a single frame does not tell which."""
PAPER = {
    "films": "133",
    "hours": "33",
    "persons": "542",
    "persons per film: mean (min to max)": "4.1",
    "classes": "137",
    "samples of 3,000 frames: train / val / test": "566 / 61 / 163",
}
"""RHAS133, as far as the paper says in figures (abstract, Sections 1, 3 and 5)."""


@dataclass(frozen=True)
class Person:
    """One person of a film."""

    labels: np.ndarray
    """(N, C) bool."""
    present: np.ndarray
    """(N,) bool, in the picture."""
    intervals: list[tuple[str, float, float]]
    """Class, start and end in seconds, rising."""


@dataclass(frozen=True)
class Film:
    """One film."""

    subset: str
    seconds: float
    persons: list[Person]


def mini_film(spec: FilmSpec, facts: FilmFacts) -> Film:
    """A film of RHAS-mini, as the pipeline sees it at 15 frames per second."""
    frames = seconds_to_frame(spec.seconds, FPS)
    persons = []
    for person, stretches in enumerate(facts.presence):
        present = np.zeros(frames, bool)
        for start, end in stretches:
            present[seconds_to_frame(start, FPS) : seconds_to_frame(end, FPS)] = True
        own = [(name, a, b) for p, name, a, b in facts.intervals if p == person]
        spans = [
            (CLASS_ID[name], seconds_to_frame(a, FPS), seconds_to_frame(b, FPS))
            for name, a, b in own
        ]
        persons.append(Person(make_labels(spans, 0, frames) > 0, present, own))
    return Film(spec.subset, spec.seconds, persons)


def ava_films(path: Path) -> list[Film]:
    """Films of a table of AVA; N counts its keyframes, an interval is a run of whole seconds."""
    seen: dict[str, dict[str, set[tuple[int, int]]]] = defaultdict(lambda: defaultdict(set))
    with path.open(newline="", encoding="utf-8") as file:
        for movie, time, *_, label, person in csv.reader(file):
            seen[movie][person].add((int(time), int(label)))
    films = []
    for people in seen.values():
        moments = sorted({second for rows in people.values() for second, _ in rows})
        column = {second: n for n, second in enumerate(moments)}
        persons = []
        for rows in people.values():
            labels = np.zeros((len(moments), 81), bool)
            for second, action in rows:
                labels[column[second], action] = True
            intervals = []
            for action in {a for _, a in rows}:
                seconds = sorted(s for s, a in rows if a == action)
                for _, run in groupby(enumerate(seconds), lambda entry: entry[1] - entry[0]):
                    times = [moment for _, moment in run]
                    intervals.append((str(action), float(times[0]), float(times[-1] + 1)))
            present = np.asarray(labels.any(1))
            persons.append(Person(labels, present, sorted(intervals, key=lambda i: i[1])))
        films.append(Film("", float(len(moments)), persons))
    return films


def measure_films(films: Sequence[Film]) -> dict[str, str]:
    """Figures that RHAS-mini and AVA have in common, by name."""
    persons = [person for film in films for person in film.persons]
    lengths = np.array([b - a for p in persons for _, a, b in p.intervals])
    labels = np.concatenate([p.labels.sum(1) for p in persons])
    low, middle, high = np.percentile(lengths, [10, 50, 90])
    classes = len({name for p in persons for name, _, _ in p.intervals})
    crowd, differ, lucky = count_confusion(films)
    return {
        "films": str(len(films)),
        "frames": f"{sum(len(f.persons[0].present) for f in films):,}",
        "persons": str(len(persons)),
        "classes": str(classes),
        "intervals": f"{len(lengths):,}",
        "length of an interval, s: median (10 to 90 %)": f"{middle:.1f} ({low:.1f} to {high:.1f})",
        "labels per labelled frame": f"{labels[labels > 0].mean():.2f}",
        "- of these with two labels or more": _share((labels[labels > 0] > 1).mean()),
        "frames with two people or more in view": _share(crowd),
        "- of these with different label sets": _share(differ),
        "the label set is right by choosing anybody in view": _share(lucky),
    }


def measure_presence(films: Sequence[Film]) -> dict[str, str]:
    """Figures of films whose persons are followed through, by name."""
    persons = [person for film in films for person in film.persons]
    counts = [len(film.persons) for film in films]
    present = np.concatenate([p.present for p in persons])
    idle = ~np.concatenate([p.labels.any(1) for p in persons])
    windows = [
        sum(_windows(f) * len(f.persons) for f in films if f.subset == subset) for subset in SUBSETS
    ]
    spread = f"{np.mean(counts):.1f} ({min(counts)} to {max(counts)})"
    labels = np.concatenate([p.labels for p in persons])
    labelled = labels.any(1).sum()

    def share_with(names: Sequence[str]) -> str:
        return _share(labels[:, [CLASS_ID[name] for name in names]].any(1).sum() / labelled)

    return {
        "labelled frames with a label between people": share_with(PAIR_CLASSES),
        "labelled frames with a label that depends on before": share_with(tuple(FOLLOWS)),
        "hours": f"{sum(f.seconds for f in films) / 3600:.2f}",
        "persons per film: mean (min to max)": spread,
        "samples of 3,000 frames: train / val / test": " / ".join(map(str, windows)),
        "frames in which the person is in view": _share(present.mean()),
        "frames without a label (background)": _share(idle.mean()),
        "- of those in which the person is in view": _share(idle[present].mean()),
    }


def _windows(film: Film, length: int = 3000, shortest: int = 100) -> int:
    """Samples of one person (``rhas.chunk.write_samples``)."""
    frames = len(film.persons[0].present)
    whole, rest = divmod(frames, length)
    return max(1, whole + (rest >= shortest))


def count_confusion(films: Sequence[Film]) -> tuple[float, float, float]:
    """How far the whole frame leaves open who is meant.

    Returns:
        The share of frames with two people or more among those with anybody in view; among the
        first, the share in which not all of these people have one and the same label set; and, over
        people in view, how often somebody in view drawn at random has the meant person's label set.
    """
    anybody = several = differ = 0
    lucky: list[float] = []
    for film in films:
        labels = np.stack([p.labels for p in film.persons])  # (P, N, C)
        present = np.stack([p.present for p in film.persons])  # (P, N)
        for n in np.flatnonzero(present.any(0)):
            sets = [tuple(np.flatnonzero(row)) for row in labels[present[:, n], n]]
            anybody += 1
            several += len(sets) > 1
            differ += len(set(sets)) > 1
            lucky += [sets.count(own) / len(sets) for own in sets]
    return several / anybody, differ / max(1, several), float(np.mean(lucky))


def find_followers(films: Sequence[Film]) -> tuple[int, list[float]]:
    """Intervals whose class only follows another, and how long before the other one was last seen.

    Returns:
        The number of such intervals, and for those whose forerunner has been in view, the seconds
        from its start to the start of the follower.
    """
    number, gaps = 0, []
    for person in (p for film in films for p in film.persons):
        for name, start, _ in person.intervals:
            if name in AFTER:
                number += 1
                before = [a for n, a, _ in person.intervals if n in AFTER[name] and a < start]
                gaps += [start - max(before)] if before else []
    return number, gaps


def measure_hardness(films: Sequence[Film], specs: Sequence[FilmSpec]) -> dict[str, str]:
    """Figures of RHAS-mini alone: memory, look-alikes, sizes."""
    names = Counter(name for f in films for p in f.persons for name, _, _ in p.intervals)
    total = sum(names.values())
    number, gaps = find_followers(films)
    low, middle, high = np.percentile(gaps, [10, 50, 90])
    twins = sum(names[name] for pair in TWINS for name in pair)
    one = []
    heights, visible = [], []
    for spec in specs:
        story = make_film_story(spec)
        cast: list[Attributes] = [appearance.attributes for appearance in story.cast]
        for person in range(len(cast)):
            found = find_descriptions(person, cast, most=1)
            one.append(any(t.kind == "wear" for _, chosen in found for t in chosen))
        for t in np.arange(0.5, spec.seconds, 1.0):
            shot = story.shots[find_shot(story, float(t))]
            view = find_view(story, shot, float(t), spec.height)
            for q in place_people(story, shot, float(t), view, (spec.width, spec.height)):
                if q.visible > 0:
                    heights.append((q.box[3] - q.box[1]) / spec.height)
                    visible.append(q.visible)
    tall = np.percentile(heights, [10, 50, 90])
    back = f"{middle:.1f} ({low:.1f} to {high:.1f})"
    return {
        "actions that only follow another one of the same person": _share(number / total),
        "- of these, the other one has been in view": _share(len(gaps) / number),
        "- seconds back to that one's start: median (10 to 90 %)": back,
        "actions with a twin run backwards": _share(twins / total),
        "persons that one garment does not single out": _share(1 - float(np.mean(one))),
        "people in view of whom a third or more is hidden": _share(
            float(np.mean(np.array(visible) < 2 / 3))
        ),
        "height of a person's box over the picture's: median (10 to 90 %)": (
            f"{tall[1]:.2f} ({tall[0]:.2f} to {tall[2]:.2f})"
        ),
    }  # fmt: skip


def class_counts(films: Sequence[Film]) -> dict[str, list[int]]:
    """Intervals of each class in train, val and test."""
    counts: dict[str, Counter[str]] = {subset: Counter() for subset in SUBSETS}
    for film in films:
        counts[film.subset].update(n for p in film.persons for n, _, _ in p.intervals)
    return {name: [counts[s][name] for s in SUBSETS] for name in MINI_CLASSES}


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ava", type=Path, help="a table of AVA v2.2, for comparison")
    given = parser.parse_args()
    specs = film_specs(MiniConfig())
    films = [mini_film(spec, simulate_film(spec)) for spec in specs]
    own = {**measure_films(films), **measure_presence(films)}
    columns = [("RHAS-mini", own), ("RHAS133", PAPER)]
    if given.ava:
        columns.append(("AVA", measure_films(ava_films(given.ava))))
    rows = [[name, *[values.get(name, "-") for _, values in columns]] for name in own]
    print(format_table(["", *[name for name, _ in columns]], rows))
    print()
    hard = measure_hardness(films, specs)
    print(format_table(["", "RHAS-mini"], [[k, v] for k, v in hard.items()]))
    print()
    counts = [[k, " / ".join(map(str, v))] for k, v in class_counts(films).items()]
    third = -(-len(counts) // 3)
    parts = [counts[n * third : (n + 1) * third] for n in range(3)]
    parts[2] += [["", ""]] * (third - len(parts[2]))
    print(
        format_table(
            ["class", "train / val / test"] * 3, [a + b + c for a, b, c in zip(*parts, strict=True)]
        )
    )
    print(f"\n{len(MINI_CLASSES)} of {len(CLASSES)} classes.")


if __name__ == "__main__":
    main()
