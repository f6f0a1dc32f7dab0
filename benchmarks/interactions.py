"""What a person's crop leaves open: probes on the crop, with the frame, with what was long before.

    python benchmarks/interactions.py --state     # RHAS-mini's true states, nothing drawn
    python benchmarks/interactions.py             # features and samples of the pipeline

Frame mAP on test of a probe fitted on train, in per cent, over all classes, over those between
people, and over those that depend on what happened before (`rhas.mini.story`). ``frame``: features
of the whole frame with the person's sentence; ``another's``: with that of somebody else in the
film, either fitted on the person's own and only read with the other one, or fitted and read with
it; ``before``: true labels (`CAUSES`) from 90 to 15 seconds before, of the person and of anybody.

With ``--state`` the crop is the person's pose, direction and held thing, the frame the same of the
one to whom the person is turned, with where that one is; ``another's`` is that of somebody else in
the picture. This bounds what features can tell.

Legend: n rows (a person at a moment), C classes, D feature width.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import numpy as np

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.base.program import run_script
from rhas.chunk import Samples
from rhas.config.mini import MiniConfig
from rhas.evaluate.probe import fit_probe
from rhas.metrics.segmentation import average_precision
from rhas.mini import FilmSpec, film_specs
from rhas.mini.camera import PlacedPerson, find_view, place_people
from rhas.mini.facts import collect_facts, make_film_story
from rhas.mini.story import FOLLOWS, MEMORY_CLASSES, PAIR_CLASSES, find_shot
from rhas.mini.things import THINGS
from rhas.stores.features import FeatureStore

BEFORE = (90.0, 15.0)
"""Seconds: the longest and the shortest time back."""
CAUSES = sorted({CLASS_ID[cause] for _, causes in FOLLOWS.values() for cause in causes})
"""Classes that are remembered: those that the rules of RHAS-mini name."""
TURNED = 0.8
"""Radians: somebody within this angle of where a person's body faces is the counterpart."""
STEP = 0.8  # seconds between the moments of a film's true state
UNITS = 500  # random features of the true state


@dataclass(frozen=True)
class Rows:
    """Persons at moments.

    Args:
        crop, frame, other: float (n, D) features.
        blank: float (n, D or 0), what the frame's features are where they say nothing; so that all
            probes of random features have equally many.
        before: float (n, 2 · `CAUSES`), whether each of these classes was true from 90 to 15 s
            before, of the person and of anybody.
        labels: bool (n, C).
    """

    crop: np.ndarray
    frame: np.ndarray
    other: np.ndarray
    blank: np.ndarray
    before: np.ndarray
    labels: np.ndarray


def join_rows(parts: Sequence[Rows]) -> Rows:
    names = ("crop", "frame", "other", "blank", "before", "labels")
    parts = [p for p in parts if len(p.labels)]
    return Rows(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def remember_labels(labels: np.ndarray, fps: float) -> np.ndarray:
    """Whether each class was true between 90 and 15 s before each frame.

    Args:
        labels: bool (N, C) of all frames.
        fps: frames per second.
    """
    longest, shortest = (round(seconds * fps) for seconds in BEFORE)
    total = np.concatenate([np.zeros((1, labels.shape[1])), np.cumsum(labels, axis=0)])
    stop = np.clip(np.arange(len(labels)) - shortest, 0, None)
    start = np.clip(np.arange(len(labels)) - longest, 0, None)
    return total[stop] > total[start]


def read_film_states(spec: FilmSpec) -> Rows:
    """Rows of a film's true state; nothing is drawn."""
    story = make_film_story(spec)
    facts = collect_facts(spec, story)
    moments = np.arange(STEP / 2, spec.seconds, STEP)
    labels = np.zeros((len(facts.references), len(moments), len(CLASSES)), bool)
    for person, name, start, end in facts.intervals:
        labels[person, (moments >= start) & (moments < end), CLASS_ID[name]] = True
    before = np.stack([remember_labels(own[:, CAUSES], 1 / STEP) for own in labels])
    anybody = np.any(before, axis=0)
    crops, frames, others, told, said = [], [], [], [], []
    for n, t in enumerate(moments):
        shot = story.shots[find_shot(story, float(t))]
        view = find_view(story, shot, float(t), spec.height)
        placed = place_people(story, shot, float(t), view, (spec.width, spec.height))
        seen = [q for q in placed if q.visible > 0.15]
        context = [describe_counterpart(q, seen) for q in seen]
        for k, q in enumerate(seen):
            if labels[q.person, n].any() and len(seen) > 1:
                crops.append(describe_person(q))
                frames.append(context[k])
                others.append(context[(k + 1) % len(seen)])
                told.append(np.concatenate([before[q.person, n], anybody[n]]))
                said.append(labels[q.person, n])
    crop, frame, other, known = (np.array(p, np.float32) for p in (crops, frames, others, told))
    return Rows(crop, frame, other, np.zeros_like(frame), known, np.array(said))


def describe_person(q: PlacedPerson) -> np.ndarray:
    """What can be seen of a person alone."""
    way = [sin(q.state.yaw), cos(q.state.yaw)]
    held = [float(q.state.held == kind) for kind in ("", *THINGS)]
    return np.array([*q.state.pose, *way, *held, q.state.hidden], np.float32)


def describe_counterpart(q: PlacedPerson, seen: Sequence[PlacedPerson]) -> np.ndarray:
    """What can be seen of the one to whom a person is turned; zeros where that is nobody."""

    def turned_from(a: PlacedPerson, b: PlacedPerson) -> float:
        way = pi / 2 if b.state.x > a.state.x else -pi / 2
        return abs((a.state.yaw - way + pi) % (2 * pi) - pi)

    faced = [p for p in seen if p is not q and turned_from(q, p) < TURNED]
    if not faced:
        return np.zeros(len(describe_person(q)) + 5, np.float32)
    p = min(faced, key=lambda p: turned_from(q, p) + abs(p.state.x - q.state.x) / 2)
    gap = abs(p.state.x - q.state.x)
    place = [1.0, gap, float(gap < 1.2), abs(p.state.z - q.state.z), turned_from(p, q)]
    return np.array([*place, *describe_person(p)], np.float32)


def read_sample_rows(samples: Samples, stride: int) -> Rows:
    """Rows of the pipeline's features, of films with two persons or more."""
    parts = []
    fps = samples.info.fps
    whole: dict[str, np.ndarray] = {}
    windows = list(samples.samples)
    for movie in {w.movie for w in windows}:
        own = [(n, w) for n, w in enumerate(windows) if w.movie == movie]
        persons, frames = 1 + max(w.person for _, w in own), max(w.stop for _, w in own)
        whole[movie] = np.zeros((persons, frames, len(CLASSES)), bool)
        for n, w in own:
            labels = samples[n]["labels"].numpy().astype(bool)[: w.stop - w.start]
            whole[movie][w.person, w.start : w.stop] = labels
    for movie, labels in sorted(whole.items()):
        store = FeatureStore(Path(samples.info.features) / f"{movie}.zarr")
        if len(labels) < 2:
            continue
        before = np.stack([remember_labels(own[:, CAUSES], fps) for own in labels])
        anybody = np.any(before, axis=0)
        read = [store.read_window(p, 0, labels.shape[1]) for p in range(len(labels))]
        for person, own in enumerate(labels):
            at = np.flatnonzero(own.any(1) & (np.arange(len(own)) % stride == 0))
            other = read[(person + 1) % len(read)]
            parts.append(
                Rows(
                    np.asarray(read[person].partial[at], np.float32),
                    np.asarray(read[person].holistic[at], np.float32),
                    np.asarray(other.holistic[at], np.float32),
                    np.zeros((len(at), 0), np.float32),
                    np.concatenate([before[person][at], anybody[at]], 1).astype(np.float32),
                    own[at],
                )
            )
    return join_rows(parts)


def expand_states(rows: Rows, train: Rows) -> Rows:
    """True states as random features, so that a linear probe can combine their numbers."""

    def expand(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
        mean, std = reference.mean(0), reference.std(0) + 1e-3
        rng = np.random.default_rng(0)
        weight = rng.normal(size=(values.shape[1], UNITS)) * values.shape[1] ** -0.5
        x = ((values - mean) / std).clip(-4, 4) @ weight * 1.5 + rng.normal(size=UNITS) * 0.7
        return np.maximum(x, 0).astype(np.float32)

    def both(r: Rows, name: str) -> np.ndarray:
        return np.concatenate([r.crop, getattr(r, name)], axis=1)

    return Rows(
        expand(rows.crop, train.crop),
        expand(both(rows, "frame"), both(train, "frame")),
        expand(both(rows, "other"), both(train, "frame")),
        expand(both(rows, "blank"), both(train, "frame")),
        rows.before,
        rows.labels,
    )


def compare_probes(train: Rows, test: Rows, l2: float) -> None:
    """Print frame mAP by what a probe sees."""
    known = train.labels.any(0) & test.labels.any(0)
    ids = np.flatnonzero(known)
    groups = {
        "all": np.ones(len(ids), bool),
        "people": np.isin(ids, [CLASS_ID[c] for c in PAIR_CLASSES]),
        "before": np.isin(ids, [CLASS_ID[c] for c in MEMORY_CLASSES]),
    }
    seen: dict[str, tuple[Sequence[str], Sequence[str]]] = {  # when fitted, when read
        "crop": (("crop", "blank"), ("crop", "blank")),
        "crop, frame": (("crop", "frame"), ("crop", "frame")),
        "- read with another's sentence": (("crop", "frame"), ("crop", "other")),
        "- fitted and read with another's": (("crop", "other"), ("crop", "other")),
        "crop, frame, before": (("crop", "frame", "before"), ("crop", "frame", "before")),
    }
    print(f"{len(train.labels)} rows to fit, {len(test.labels)} to test, {len(ids)} classes")
    print(f"{'':36}" + "".join(f"{name:>9}" for name in groups))
    found = {}
    for name, (fitted, read) in seen.items():
        x = np.concatenate([getattr(train, p) for p in fitted], 1)
        y = np.concatenate([getattr(test, p) for p in read], 1)
        probe = fit_probe(x, train.labels[:, known].astype(np.float32), l2=l2)
        found[name] = average_precision([test.labels[:, known]], [probe(y)])
        print(f"{name:36}" + "".join(f"{found[name][g].mean():9.1f}" for g in groups.values()))
    chance = average_precision([test.labels[:, known]], [np.zeros((len(test.labels), len(ids)))])
    print(f"{'chance':36}" + "".join(f"{chance[g].mean():9.1f}" for g in groups.values()))
    print(f"\n{'class':16}{'rows':>6}" + "".join(f"{name[:18]:>20}" for name in seen))
    for k, i in enumerate(ids):
        print(f"{CLASSES[i]:16}{test.labels[:, i].sum():6d}"
              + "".join(f"{found[name][k]:20.1f}" for name in seen))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", action="store_true", help="RHAS-mini's true states")
    parser.add_argument("--films", type=int, default=36, help="of --state; every third is tested")
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--stride", type=int, default=5, help="frames between rows")
    parser.add_argument("--l2", type=float, default=0.003, help="weight of the probe's norm")
    given = parser.parse_args()
    if given.state:
        parts = [read_film_states(spec) for spec in film_specs(MiniConfig(films=given.films))]
        train = join_rows([p for n, p in enumerate(parts) if n % 3])
        test = join_rows(parts[::3])
        train, test = expand_states(train, train), expand_states(test, train)
    else:
        train, test = (
            read_sample_rows(Samples(given.samples, side), given.stride)
            for side in ("train", "test")
        )
    compare_probes(train, test, given.l2)


if __name__ == "__main__":
    run_script(main)
