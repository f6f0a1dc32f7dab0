"""Linking and assignment against simulated films with truth, and against brute force."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rhas.base.boxes import box_iou
from rhas.crop.detections import merge_candidates
from rhas.crop.linking import Tracklet
from rhas.crop.tracking import _compute_gains, track_film
from rhas.stores.tracks import BoxSource

from .bodies import body

MISSING, DETECTED, INTERPOLATED = BoxSource

WIDTH, HEIGHT, STRIDE = 320, 180, 5


@dataclass(frozen=True)
class Scene:
    """Truth (T, P, 4), NaN where absent, and the noisy detections of the sampled frames."""

    truth: np.ndarray
    frames: np.ndarray
    boxes: list[list[np.ndarray]]  # [sample][reference] (K, 4)
    scores: list[list[np.ndarray]]  # [sample][reference] (K,)
    cuts: np.ndarray


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
            for n, one in enumerate(bodies):
                high = n < len(seen) and seen[n] == target
                score = rng.uniform(0.4, 0.8) if high else rng.uniform(0.0, 0.3)
                if score > 0.1:
                    size = np.tile(one[2:] - one[:2], 2)
                    own_boxes.append(one + rng.normal(0, jitter / 2, 4) * size)
                    own_scores.append(score)
            frame_boxes.append(np.asarray(own_boxes).reshape(-1, 4))
            frame_scores.append(np.asarray(own_scores))
        boxes.append(frame_boxes)
        scores.append(frame_scores)
    return Scene(truth, frames, boxes, scores, np.asarray(cuts, np.int32))


def run(scene: Scene, **changes: float):
    settings = {"stride": STRIDE, "max_gap": 30, "min_score": 0.25} | changes
    detections = [merge_candidates(b, s) for b, s in zip(scene.boxes, scene.scores, strict=True)]
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
        good = box_iou(track.boxes, truth) > 0.5
        every.append(good[there])
        hits.append(good[scene.frames][there[scene.frames]])
        false.append((track.source > 0)[~there])
        for sample, frame in enumerate(scene.frames):
            if there[frame]:
                own = scene.scores[sample][p]
                best = scene.boxes[sample][p][np.argmax(own)] if own.size else np.full(4, np.nan)
                top.append(bool(box_iou(best, truth[frame]) > 0.5))
    return tuple(float(np.mean(np.concatenate(v))) for v in (hits, [top], every, false))


# --- simulated films ------------------------------------------------------------------------------


def test_tracks_outvote_wrong_scores_and_never_share_a_body() -> None:
    """The best candidate frame by frame is right in two thirds of the frames."""
    rows = []
    for seed in range(3):
        scene = simulate(seed, length=400, cuts=(203,))
        tracks, _ = run(scene)
        rows.append(identity(scene, tracks))
        for a, b in itertools.combinations(tracks, 2):
            both = (a.source == DETECTED) & (b.source == DETECTED)
            assert not (a.boxes[both] == b.boxes[both]).all(1).any()
    hits, top, every, _ = np.mean(rows, 0)
    assert top < 0.75
    assert hits > top + 0.12
    assert every > top + 0.12


def test_equal_input_gives_equal_tracks() -> None:
    first, second = (run(simulate(4, length=150, cuts=(73,))) for _ in range(2))
    assert first[1] == second[1]
    for a, b in zip(first[0], second[0], strict=True):
        assert a.boxes.tobytes() == b.boxes.tobytes()
        assert a.scores.tobytes() == b.scores.tobytes()
        assert a.source.tobytes() == b.source.tobytes()


# --- by hand --------------------------------------------------------------------------------------


def film(
    seen: list[dict[int, tuple[np.ndarray, tuple[float, ...]]]], people: int, cuts: tuple = ()
) -> Scene:
    """From, per sampled frame, bodies as (box, score by reference); a score 0 is no candidate."""
    length = STRIDE * (len(seen) - 1) + 1
    boxes, scores = [], []
    for bodies in seen:
        own = [[(b, s[p]) for b, s in bodies.values() if s[p] > 0] for p in range(people)]
        boxes.append([np.asarray([b for b, _ in o]).reshape(-1, 4) for o in own])
        scores.append([np.asarray([s for _, s in o]) for o in own])
    truth = np.full((length, people, 4), np.nan)
    return Scene(truth, np.arange(0, length, STRIDE), boxes, scores, np.asarray(cuts, np.int32))


def centres(track) -> np.ndarray:
    return (track.boxes[:, 0] + track.boxes[:, 2]) / 2


def test_crossing_persons_keep_their_tracks() -> None:
    """Scores at the crossing are exchanged; motion and all other frames outvote them."""
    seen = []
    for n in range(21):
        left, right = body(60 + 10 * n, 88), body(260 - 10 * n, 92)
        swapped = 9 <= n <= 11
        a, b = ((0.2, 0.6), (0.6, 0.2)) if swapped else ((0.6, 0.2), (0.2, 0.6))
        seen.append({0: (left, a), 1: (right, b)})
    tracks, _ = run(film(seen, 2))
    time = np.arange(101)
    assert np.abs(centres(tracks[0]) - (60 + 2 * time)).max() < 6
    assert np.abs(centres(tracks[1]) - (260 - 2 * time)).max() < 6
    for track in tracks:
        assert (track.source != MISSING).all()
        assert (track.source[::STRIDE] == DETECTED).sum() >= 17  # all but those at the crossing


@pytest.mark.parametrize(("absent", "bridged"), [(5, True), (6, False)])
def test_a_gap_is_interpolated_up_to_max_gap(absent: int, bridged: bool) -> None:
    """``absent`` sampled frames without a detection between 8 and 8 with one; max_gap 30."""
    seen: list[dict] = [{0: (body(60 + 2 * n), (0.7,))} for n in range(16 + absent)]
    for n in range(8, 8 + absent):
        seen[n] = {}
    (track,), _ = run(film(seen, 1))
    inside = slice(35 + 3, 35 + 5 * (absent + 1) - 2)  # half a stride is held on either side
    source = track.source[inside]
    if bridged:
        assert (source == INTERPOLATED).all()
        assert np.allclose(centres(track), 60 + 0.4 * np.arange(len(track.source)), atol=1e-3)
    else:
        assert (source == MISSING).all()
        assert np.isnan(track.boxes[inside]).all()
        assert not track.scores[inside].any()
    assert (np.delete(track.source, np.arange(inside.start, inside.stop)) != MISSING).all()


def test_no_track_crosses_a_cut() -> None:
    """The body jumps at the cut; without the cut the jump would be drawn as motion."""
    seen = [{0: (body(80), (0.7,))} for _ in range(6)] + [{0: (body(100), (0.7,))}] * 6
    (track,), counts = run(film(seen, 1, cuts=(27,)))
    assert np.allclose(centres(track)[:27], 80)
    assert np.allclose(centres(track)[27:], 100)
    assert counts["tracklets"] == 2
    (uncut,), _ = run(film(seen, 1))
    assert 80 < centres(uncut)[27] < 100


def test_a_shot_is_covered_from_its_first_frame_to_its_last() -> None:
    """Sampled frames 0, 5, ...; shots 0-10, 11-15 and 16-20: the borders lie up to 4 away."""
    seen = [{0: (body(80), (0.9,))} for _ in range(5)]
    (track,), _ = run(film(seen, 1, cuts=(11, 16)))
    assert (track.source != MISSING).all()
    assert (track.source == DETECTED).nonzero()[0].tolist() == [0, 5, 10, 15, 20]


def test_a_shot_without_a_sampled_frame_stays_missing() -> None:
    seen = [{0: (body(80), (0.9,))} for _ in range(5)]
    (track,), _ = run(film(seen, 1, cuts=(11, 14)))
    assert (track.source == MISSING).nonzero()[0].tolist() == [11, 12, 13]


def test_a_very_long_shot_in_pieces_has_the_tracks_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two persons throughout; pieces of up to 7 of 25 sampled frames begin and end with them."""
    seen = [{0: (body(60 + 5 * n), (0.7, 0.2)), 1: (body(300), (0.2, 0.7))} for n in range(25)]
    whole, _ = run(film(seen, 2))
    monkeypatch.setattr("rhas.crop.tracking.LONGEST_PIECE", 7)
    pieces, counts = run(film(seen, 2))
    assert counts["tracklets"] == 2 * 4
    for one, other in zip(whole, pieces, strict=True):
        assert np.array_equal(one.source, other.source)
        assert np.abs(centres(one) - centres(other)).max() <= 5  # held, not drawn on, at a border


def test_look_alikes_get_different_persons() -> None:
    """Both references like body 0 best; the one that likes it less gets body 1."""
    seen = [{0: (body(80), (0.6, 0.5)), 1: (body(220), (0.5, 0.45))} for _ in range(6)]
    tracks, _ = run(film(seen, 2))
    assert np.allclose(sorted((centres(tracks[0])[0], centres(tracks[1])[0])), [80, 220])
    # 0.6 and 0.45 or 0.5 and 0.5: summed log-odds decide
    odds = {s: np.log(s / (1 - s)) for s in (0.45, 0.5, 0.6)}
    own = odds[0.6] + odds[0.45] > odds[0.5] + odds[0.5]
    assert np.allclose(centres(tracks[0]), 80 if own else 220)


def test_who_is_never_there_gets_nobody() -> None:
    seen = [{0: (body(80), (0.7, 0.1)), 1: (body(200), (0.1, 0.1))} for _ in range(10)]
    tracks, counts = run(film(seen, 2))
    assert (tracks[0].source != MISSING).all()
    assert (tracks[1].source == MISSING).all()
    assert np.isnan(tracks[1].boxes).all()
    assert counts == {
        "detections": 20,
        "detections_dropped": 10,
        "tracklets": 2,
        "tracklets_dropped": 1,
    }


def test_no_candidate_at_all() -> None:
    tracks, counts = run(film([{} for _ in range(5)], 2))
    assert all((t.source == MISSING).all() and np.isnan(t.boxes).all() for t in tracks)
    assert set(counts.values()) == {0}


@pytest.mark.parametrize(("score", "there"), [(0.9, True), (0.5, True), (0.3, False)])
def test_a_film_of_one_frame(score: float, there: bool) -> None:
    (track,), _ = run(film([{0: (body(80), (score,))}], 1))
    assert track.source.tolist() == [DETECTED if there else MISSING]


def test_somebody_who_appears_for_one_sampled_frame_is_not_believed() -> None:
    seen: list[dict] = [{} for _ in range(9)]
    seen[4] = {0: (body(80), (0.6,))}
    (track,), counts = run(film(seen, 1))
    assert (track.source == MISSING).all()
    assert counts["detections_dropped"] == 1


@pytest.mark.parametrize(("stride", "believed"), [(5, True), (1, False)])
def test_pictures_of_one_moment_are_not_so_many_witnesses(stride: int, believed: bool) -> None:
    """Four in a row say 1.1 nats each for somebody who appears for 3."""
    seen: list[dict] = [{} for _ in range(12)]
    seen[4:8] = [{0: (body(80), (0.43,))}] * 4
    frames = stride * np.arange(len(seen))
    scene = replace(film(seen, 1), frames=frames, truth=np.full((frames[-1] + 1, 1, 4), np.nan))
    (track,), _ = run(scene, stride=stride)
    assert (track.source == DETECTED).any() == believed


def test_how_sure_one_wants_to_be_does_not_change_whom_a_body_looks_like() -> None:
    """A higher ``min_score`` takes as much from each reference's claim on a tracklet."""
    rng = np.random.default_rng(0)
    box = np.tile(body(80), (4, 1))
    tracklets = [
        Tracklet(
            np.arange(4) * STRIDE, box, rng.uniform(0.3, 0.6, (4, 3)), rng.normal(size=(4, 12))
        )
        for _ in range(6)
    ]
    low, high = (_compute_gains(tracklets, 3, least, 0.05) for least in (0.2, 0.3))
    odds = np.log(0.3 / 0.7) - np.log(0.2 / 0.8)
    assert low - high == pytest.approx(np.full((6, 3), 4 * odds))


# --- parts ----------------------------------------------------------------------------------------
