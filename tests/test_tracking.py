"""Linking and assignment against simulated films with truth, and against brute force."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.tracking import (
    DETECTED,
    INTERPOLATED,
    MISSING,
    Detections,
    Tracklet,
    assign,
    evidence,
    link,
    merge,
    smooth,
    track_film,
)

WIDTH, HEIGHT, STRIDE = 320, 180, 5


@dataclass(frozen=True)
class Scene:
    """Truth (T, P, 4), NaN where absent, and the noisy detections of the sampled frames."""

    truth: np.ndarray
    frames: np.ndarray
    boxes: list[list[np.ndarray]]  # [sample][reference] (K, 4)
    scores: list[list[np.ndarray]]  # [sample][reference] (K,)
    cuts: np.ndarray


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pairwise along the leading axis; NaN gives 0."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    area = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    return np.nan_to_num(shared / (area - shared))


def simulate(
    seed: int,
    *,
    length: int = 900,
    people: int = 3,
    right: float = 0.7,
    miss: float = 0.1,
    clutter: float = 1.0,
    jitter: float = 0.04,
    cuts: tuple[int, ...] = (452,),
    absences: bool = True,
) -> Scene:
    """People who walk to and fro at one depth, so that they cross often, and a detector whose
    scores point at the right person in a share ``right`` of the sampled frames, else at another."""
    rng = np.random.default_rng(seed)
    truth = np.full((length, people, 4), np.nan)
    for start, stop in itertools.pairwise([0, *cuts, length]):
        time = np.arange(stop - start)
        for p in range(people):
            height = rng.uniform(60, 90)
            width = height * rng.uniform(0.3, 0.45)
            period, phase = rng.uniform(120, 300), rng.uniform(0, 2 * np.pi)
            x = WIDTH / 2 + rng.uniform(60, 120) * np.sin(2 * np.pi * time / period + phase)
            y = 100 + rng.uniform(-10, 10) + 3 * np.sin(2 * np.pi * time / 40 + phase)
            box = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1)
            if absences and rng.random() < 0.5:
                gone = rng.integers(0, len(time) // 2)
                box[gone : gone + len(time) // 3] = np.nan
            truth[start:stop, p] = box
    frames = np.arange(0, length, STRIDE)
    boxes: list[list[np.ndarray]] = []
    scores: list[list[np.ndarray]] = []
    for frame in frames:
        here = [p for p in range(people) if not np.isnan(truth[frame, p, 0])]
        seen = [p for p in here if rng.random() >= miss]
        bodies = [truth[frame, p] for p in seen]
        for _ in range(rng.poisson(clutter)):
            x, y = rng.uniform(0, WIDTH - 40), rng.uniform(0, HEIGHT - 60)
            bodies.append(np.asarray([x, y, x + rng.uniform(15, 40), y + rng.uniform(30, 60)]))
        frame_boxes, frame_scores = [], []
        for p in range(people):
            target = p
            others = [q for q in seen if q != p]
            if others and (p not in seen or rng.random() > right):
                target = int(rng.choice(others))
                if p not in here and rng.random() < 0.7:
                    target = -1  # an absent person is not always taken for somebody else
            own_boxes, own_scores = [], []
            for n, body in enumerate(bodies):
                high = n < len(seen) and seen[n] == target
                score = rng.uniform(0.4, 0.8) if high else rng.uniform(0.0, 0.3)
                if score > 0.1:
                    size = np.tile(body[2:] - body[:2], 2)
                    own_boxes.append(body + rng.normal(0, jitter / 2, 4) * size)
                    own_scores.append(score)
            frame_boxes.append(np.asarray(own_boxes).reshape(-1, 4))
            frame_scores.append(np.asarray(own_scores))
        boxes.append(frame_boxes)
        scores.append(frame_scores)
    return Scene(truth, frames, boxes, scores, np.asarray(cuts, np.int32))


def run(scene: Scene, **changes: float):
    settings = {"stride": STRIDE, "max_gap": 30, "min_score": 0.25} | changes
    detections = [merge(b, s) for b, s in zip(scene.boxes, scene.scores, strict=True)]
    return track_film(
        scene.frames,
        detections,
        scene.cuts,
        len(scene.truth),
        scene.truth.shape[1],
        **settings,
    )


def identity(scene: Scene, tracks) -> tuple[float, float, float, float]:
    """At the sampled frames: share of a person's presence where the track is on that person
    (overlap above 0.5), the same for the reference's best candidate, the share of all frames
    (sampled or not), and the share of absence where the track shows somebody."""
    hits, top, every, false = [], [], [], []
    for p, track in enumerate(tracks):
        truth = scene.truth[:, p]
        there = ~np.isnan(truth[:, 0])
        good = iou(track.boxes, truth) > 0.5
        every.append(good[there])
        hits.append(good[scene.frames][there[scene.frames]])
        false.append((track.source > 0)[~there])
        for sample, frame in enumerate(scene.frames):
            if there[frame]:
                own = scene.scores[sample][p]
                best = scene.boxes[sample][p][np.argmax(own)] if own.size else np.full(4, np.nan)
                top.append(bool(iou(best, truth[frame]) > 0.5))
    return tuple(float(np.mean(np.concatenate(v))) for v in (hits, [top], every, false))
