"""Linking of a shot's detections to tracklets, by motion and by the colours of clothes.

Legend: P references, N detections of a frame. Costs are in nats (negative log-likelihoods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import linear_sum_assignment

from rhas.crop.colours import compare_colours
from rhas.crop.constants import (
    AMBIGUITY,
    LINK_COLOUR_GAIN,
    LINK_COLOUR_LIMIT,
    LINK_COLOUR_WEIGHT,
    LINK_LIMIT,
    POSITION_GROWTH,
    POSITION_GROWTH_UNKNOWN,
    POSITION_SPREAD,
    SIZE_GROWTH,
    SIZE_SPREAD,
    VELOCITY_DETECTIONS,
)
from rhas.crop.detections import Detections


@dataclass(frozen=True)
class Tracklet:
    """One body over some sampled frames of a shot.

    frames: int64 (n,) ascending. boxes: float64 (n, 4). scores: float64 (n, P) and colours:
    float64 (n, 12) or (n, 0), as in `rhas.crop.detections.Detections`.
    """

    frames: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    colours: np.ndarray

    def find_end(self, last: bool) -> Ends:
        """Its last or its first end; velocity and median colours from up to three detections."""
        part = slice(-3, None) if last else slice(None, 3)
        time, state = self.frames[part], _find_box_state(self.boxes[part])
        known = len(time) > 1
        velocity = (state[-1, :2] - state[0, :2]) / (time[-1] - time[0]) if known else np.zeros(2)
        at = -1 if last else 0
        return Ends(
            np.asarray([time[at]], np.int64), state[at][None], velocity[None], np.asarray([known]),
            np.median(self.colours[part], 0, keepdims=True),
        )  # fmt: skip


def _find_box_state(boxes: np.ndarray) -> np.ndarray:
    """Centre x, centre y, log width, log height; (..., 4)."""
    size = boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, np.log(size)], axis=-1)


@dataclass(frozen=True)
class Ends:
    """Ends of n tracklets, as they meet detections and each other.

    frame: int64 (n,). state: (n, 4). velocity: (n, 2), pixels a frame. known: bool (n,), the
    velocity was measured. colours: (n, 12), or (n, 0), unknown.
    """

    frame: np.ndarray
    state: np.ndarray
    velocity: np.ndarray
    known: np.ndarray
    colours: np.ndarray

    @staticmethod
    def stack(ends: Sequence[Ends]) -> Ends:
        return Ends(*(np.concatenate([vars(e)[f.name] for e in ends]) for f in fields(Ends)))

    def __getitem__(self, which: slice) -> Ends:
        return Ends(*(vars(self)[f.name][which] for f in fields(Ends)))

    def compute_cost(
        self, frames: np.ndarray, states: np.ndarray, colours: np.ndarray
    ) -> np.ndarray:
        """Cost in nats of each of these bodies being in each of ``states`` (m, 4) at ``frames``
        (m,), with ``colours`` (m, 12) or (m, 0); (n, m), below 0 where colours agree.

        Deviations grow with the time between, in units of the body's size (the geometric mean of
        width and height), and faster where the velocity is unknown.
        """
        gap = frames[None, :] - self.frame[:, None]
        size = np.exp(self.state[:, 2:].mean(1))[:, None, None]
        moved = self.state[:, None, :2] + gap[..., None] * self.velocity[:, None]
        away = ((states[None, :, :2] - moved) / size) ** 2
        growth = np.where(self.known, POSITION_GROWTH, POSITION_GROWTH_UNKNOWN)[:, None]
        position_spread = POSITION_SPREAD + growth * np.abs(gap)
        change = (states[None, :, 2:] - self.state[:, None, 2:]) ** 2
        size_spread = SIZE_SPREAD + SIZE_GROWTH * np.abs(gap)
        motion = away.sum(2) / (2 * position_spread**2) + change.sum(2) / (2 * size_spread**2)
        if not colours.shape[1]:
            return motion
        apart = compare_colours(self.colours, colours, LINK_COLOUR_LIMIT)
        return motion + LINK_COLOUR_WEIGHT * apart - LINK_COLOUR_GAIN


class _OpenTracklet:
    """A tracklet while it is linked."""

    def __init__(self, frame: int, found: Detections, row: int) -> None:
        self.frames: list[int] = []
        self.boxes: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self.colours: list[np.ndarray] = []
        self.append_detection(frame, found, row)

    def append_detection(self, frame: int, found: Detections, row: int) -> None:
        self.frames.append(frame)
        self.boxes.append(found.boxes[row])
        self.scores.append(found.scores[row])
        self.colours.append(found.colours[row])
        self.end = self.take_latest(VELOCITY_DETECTIONS).find_end(last=True)

    def take_latest(self, count: int | None = None) -> Tracklet:
        """Its last ``count`` detections, or all."""
        part = slice(None if count is None else -count, None)
        rows = (np.asarray(values[part]) for values in (self.boxes, self.scores, self.colours))
        return Tracklet(np.asarray(self.frames[part], np.int64), *rows)


def link_detections(
    frames: Sequence[int], detections: Sequence[Detections], max_gap: int
) -> list[Tracklet]:
    """Tracklets of one shot, ordered by their first frame.

    Frame by frame the live tracklets are matched to the detections at the lowest total cost of
    motion and colours. Where a match is ambiguous (another tracklet for the detection, or another
    detection for the tracklet, costs less than `AMBIGUITY` more) the tracklet ends and a new one
    starts: `rhas.crop.assignment` decides with the scores of the whole shot.

    Args:
        frames: the sampled frames of the shot, ascending.
        detections: those of each of these frames.
        max_gap: frames that may lie between two detections of one tracklet.
    """
    finished: list[_OpenTracklet] = []
    live: list[_OpenTracklet] = []
    for frame, found in zip(frames, detections, strict=True):
        finished += [t for t in live if frame - t.frames[-1] > max_gap]
        live = [t for t in live if frame - t.frames[-1] <= max_gap]
        taken: dict[int, _OpenTracklet] = {}
        if live and len(found.boxes):
            ends = Ends.stack([t.end for t in live])
            moment = np.asarray([frame])
            cost = ends.compute_cost(
                moment, _find_box_state(found.boxes), found.colours
            )  # (live, N)
            for row, column in zip(
                *linear_sum_assignment(np.minimum(cost, LINK_LIMIT)), strict=True
            ):
                best = cost[row, column]
                if best >= LINK_LIMIT:
                    continue
                rivals = np.concatenate(
                    [np.delete(cost[row], column), np.delete(cost[:, column], row)]
                )
                if rivals.size and rivals.min() < best + AMBIGUITY:
                    finished.append(live[row])
                else:
                    taken[int(column)] = live[row]
            ended = {id(t) for t in finished}
            live = [t for t in live if id(t) not in ended]
        for row in range(len(found.boxes)):
            if row in taken:
                taken[row].append_detection(frame, found, row)
            else:
                live.append(_OpenTracklet(frame, found, row))
    tracklets = [t.take_latest() for t in finished + live]
    return sorted(tracklets, key=lambda t: (int(t.frames[0]), *t.boxes[0].tolist()))
