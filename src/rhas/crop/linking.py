"""Detections of a shot become tracklets, by motion alone.

Legend: P references, N detections of a frame. Costs are in nats (negative log-likelihoods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from rhas.crop.detections import Detections

_GATE = 8.0  # nats beyond which two detections are not the same body (4 standard deviations)
_AMBIGUOUS = 3.0  # nats within which another continuation counts as equally plausible


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


def _state(boxes: np.ndarray) -> np.ndarray:
    """Centre x, centre y, log width, log height; (..., 4)."""
    size = boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, np.log(size)], axis=-1)


@dataclass(frozen=True)
class Ends:
    """Ends of n tracklets as motion sees them.

    frame: int64 (n,). state: (n, 4). velocity: (n, 2), pixels a frame. known: bool (n,), the
    velocity was measured.
    """

    frame: np.ndarray
    state: np.ndarray
    velocity: np.ndarray
    known: np.ndarray

    @staticmethod
    def of(frames: np.ndarray, boxes: np.ndarray, last: bool) -> Ends:
        """The last or the first detection of one tracklet; velocity from up to three there."""
        part = slice(-3, None) if last else slice(None, 3)
        time, state = frames[part], _state(boxes[part])
        known = len(time) > 1
        velocity = (state[-1, :2] - state[0, :2]) / (time[-1] - time[0]) if known else np.zeros(2)
        at = -1 if last else 0
        return Ends(
            np.asarray([time[at]], np.int64), state[at][None], velocity[None], np.asarray([known])
        )

    @staticmethod
    def stack(ends: Sequence[Ends]) -> Ends:
        return Ends(
            np.concatenate([e.frame for e in ends]),
            np.concatenate([e.state for e in ends]),
            np.concatenate([e.velocity for e in ends]),
            np.concatenate([e.known for e in ends]),
        )

    def __getitem__(self, which: slice) -> Ends:
        return Ends(self.frame[which], self.state[which], self.velocity[which], self.known[which])

    def cost(self, frames: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Nats that it costs each of these bodies to be in each of ``states`` (m, 4) at
        ``frames`` (m,); (n, m).

        Deviations grow with the time between, in units of the body's size (the geometric mean of
        width and height): a body of unknown velocity may be anywhere that walking takes it.
        """
        gap = frames[None, :] - self.frame[:, None]
        size = np.exp(self.state[:, 2:].mean(1))[:, None, None]
        moved = self.state[:, None, :2] + gap[..., None] * self.velocity[:, None]
        away = ((states[None, :, :2] - moved) / size) ** 2
        spread = 0.1 + np.where(self.known, 0.02, 0.06)[:, None] * np.abs(gap)
        change = (states[None, :, 2:] - self.state[:, None, 2:]) ** 2
        growth = 0.2 + 0.01 * np.abs(gap)
        return away.sum(2) / (2 * spread**2) + change.sum(2) / (2 * growth**2)


class _Growing:
    """A tracklet while it is linked."""

    def __init__(self, frame: int, found: Detections, row: int) -> None:
        self.frames: list[int] = []
        self.boxes: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self.colours: list[np.ndarray] = []
        self.extend(frame, found, row)

    def extend(self, frame: int, found: Detections, row: int) -> None:
        self.frames.append(frame)
        self.boxes.append(found.boxes[row])
        self.scores.append(found.scores[row])
        self.colours.append(found.colours[row])
        self.end = Ends.of(np.asarray(self.frames[-3:]), np.asarray(self.boxes[-3:]), last=True)

    def done(self) -> Tracklet:
        rows = (np.asarray(values) for values in (self.boxes, self.scores, self.colours))
        return Tracklet(np.asarray(self.frames, np.int64), *rows)


def link(frames: Sequence[int], detections: Sequence[Detections], max_gap: int) -> list[Tracklet]:
    """Tracklets of one shot, ordered by their first frame.

    Frame by frame the live tracklets are matched to the detections at the lowest total cost of
    motion. Where a match has a rival (another tracklet for the detection, or another detection
    for the tracklet, within 3 nats) the tracklet ends and a new one starts: who goes on as whom is
    left to ``assign``, which sees the scores of the whole shot.

    Args:
        frames: the sampled frames of the shot, ascending.
        detections: those of each of these frames.
        max_gap: frames that may lie between two detections of one tracklet.
    """
    finished: list[_Growing] = []
    live: list[_Growing] = []
    for frame, found in zip(frames, detections, strict=True):
        finished += [t for t in live if frame - t.frames[-1] > max_gap]
        live = [t for t in live if frame - t.frames[-1] <= max_gap]
        taken: dict[int, _Growing] = {}
        if live and len(found.boxes):
            ends = Ends.stack([t.end for t in live])
            cost = ends.cost(np.asarray([frame]), _state(found.boxes))  # (live, N)
            for row, column in zip(*linear_sum_assignment(np.minimum(cost, _GATE)), strict=True):
                best = cost[row, column]
                if best >= _GATE:
                    continue
                rivals = np.concatenate(
                    [np.delete(cost[row], column), np.delete(cost[:, column], row)]
                )
                if rivals.size and rivals.min() < best + _AMBIGUOUS:
                    finished.append(live[row])
                else:
                    taken[int(column)] = live[row]
            ended = {id(t) for t in finished}
            live = [t for t in live if id(t) not in ended]
        for row in range(len(found.boxes)):
            if row in taken:
                taken[row].extend(frame, found, row)
            else:
                live.append(_Growing(frame, found, row))
    made = [t.done() for t in finished + live]
    return sorted(made, key=lambda t: (int(t.frames[0]), *t.boxes[0].tolist()))
