"""From scored box candidates to one track per reference.

Legend: S sampled frames of a shot, P references, N detections of a frame. Boxes are float64
``x1, y1, x2, y2`` in pixels. All costs are in nats (negative log-likelihoods), so that evidence
of the detector and plausibility of a motion add up.

1. ``merge``: the candidates of all references in a frame become detections, one per body, with a
   score per reference.
2. ``link``: detections become tracklets by motion alone, broken wherever another continuation is
   about as plausible.
3. ``assign``: one linear program per shot gives tracklets to references so that the summed
   log-odds of the scores, less the costs of motion between tracklets and of appearing, is
   largest. A wrong score in some frames is outvoted by the others; a tracklet whose evidence does
   not pay is given to nobody.
4. ``trace``: boxes per frame, interpolated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, linprog, milp
from scipy.sparse import csr_array

from rhas.base.errors import RhasError

MISSING, DETECTED, INTERPOLATED = 0, 1, 2

_SAME_BODY = 0.7  # intersection over union above which two candidates are one detection
_MOST_EVIDENCE = 3.0  # nats that one frame may say for or against a reference
_GATE = 8.0  # nats beyond which two detections are not the same body (4 standard deviations)
_AMBIGUOUS = 3.0  # nats within which another continuation counts as equally plausible
_APPEAR = 3.0  # nats that it costs a reference to appear, or to jump
_LONGEST = 1500  # sampled frames of a shot that are assigned at once
_OPEN = 1.0  # nats that it costs to be there when the shot begins


@dataclass(frozen=True)
class Detections:
    """Detections of one sampled frame.

    boxes: float64 (N, 4). scores: float64 (N, P) in [0, 1], NaN where a reference has no
    candidate for the box.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.scores), 4) or self.scores.ndim != 2:
            raise RhasError(
                "boxes and scores of a frame do not fit together",
                expected="(N, 4) and (N, P)",
                got=f"{self.boxes.shape} and {self.scores.shape}",
            )


@dataclass(frozen=True)
class Tracklet:
    """One body over some sampled frames of a shot.

    frames: int64 (n,) ascending. boxes: float64 (n, 4). scores: float64 (n, P), NaN as above.
    """

    frames: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Track:
    """A reference over a whole film of T frames.

    boxes: float32 (T, 4), NaN where missing. scores: float32 (T,): the reference's own score of
    the box (0 where it gave none), interpolated like the box, 0 where missing. source: uint8 (T,),
    MISSING, DETECTED or INTERPOLATED.
    """

    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray

    @staticmethod
    def empty(frames: int) -> Track:
        return Track(
            np.full((frames, 4), np.nan, np.float32),
            np.zeros(frames, np.float32),
            np.zeros(frames, np.uint8),
        )


def merge(boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> Detections:
    """One detection per body of a frame from the candidates of every reference.

    Best score first, a candidate takes with it all that overlap it by more than 0.7; their mean
    box, weighted by score, is the detection; a reference's score is the best of its candidates.

    Args:
        boxes, scores: per reference (K, 4) and (K,).
    """
    box = np.concatenate([np.asarray(b, np.float64).reshape(-1, 4) for b in boxes])
    score = np.concatenate([np.asarray(s, np.float64) for s in scores])
    owner = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    order = np.argsort(-score, kind="stable")
    box, score, owner = box[order], score[order], owner[order]
    free = np.ones(len(box), bool)
    overlap = _overlaps(box)
    merged, table = [], []
    for first in range(len(box)):
        if not free[first]:
            continue
        group = free & (overlap[first] > _SAME_BODY)
        group[first] = True
        free &= ~group
        merged.append(np.average(box[group], axis=0, weights=score[group] + 1e-9))
        row = np.full(len(boxes), np.nan)
        np.fmax.at(row, owner[group], score[group])
        table.append(row)
    return Detections(
        np.asarray(merged, np.float64).reshape(-1, 4),
        np.asarray(table, np.float64).reshape(-1, len(boxes)),
    )


def _overlaps(boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair, (N, N)."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return shared / np.maximum(area[:, None] + area[None, :] - shared, 1e-12)


# --- motion -----------------------------------------------------------------------------------


def _state(boxes: np.ndarray) -> np.ndarray:
    """Centre x, centre y, log width, log height; (..., 4)."""
    size = boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, np.log(size)], axis=-1)


@dataclass(frozen=True)
class _Ends:
    """Ends of n tracklets as motion sees them.

    frame: int64 (n,). state: (n, 4). velocity: (n, 2), pixels a frame. known: bool (n,), the
    velocity was measured.
    """

    frame: np.ndarray
    state: np.ndarray
    velocity: np.ndarray
    known: np.ndarray

    @staticmethod
    def of(frames: np.ndarray, boxes: np.ndarray, last: bool) -> _Ends:
        """The last or the first detection of one tracklet; velocity from up to three there."""
        part = slice(-3, None) if last else slice(None, 3)
        time, state = frames[part], _state(boxes[part])
        known = len(time) > 1
        velocity = (state[-1, :2] - state[0, :2]) / (time[-1] - time[0]) if known else np.zeros(2)
        at = -1 if last else 0
        return _Ends(
            np.asarray([time[at]], np.int64), state[at][None], velocity[None], np.asarray([known])
        )

    @staticmethod
    def stack(ends: Sequence[_Ends]) -> _Ends:
        return _Ends(
            np.concatenate([e.frame for e in ends]),
            np.concatenate([e.state for e in ends]),
            np.concatenate([e.velocity for e in ends]),
            np.concatenate([e.known for e in ends]),
        )

    def __getitem__(self, which: slice) -> _Ends:
        return _Ends(self.frame[which], self.state[which], self.velocity[which], self.known[which])

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


# --- linking ----------------------------------------------------------------------------------


class _Growing:
    """A tracklet while it is linked."""

    def __init__(self, frame: int, box: np.ndarray, scores: np.ndarray) -> None:
        self.frames, self.boxes, self.scores = [frame], [box], [scores]
        self.end = self._end()

    def extend(self, frame: int, box: np.ndarray, scores: np.ndarray) -> None:
        self.frames.append(frame)
        self.boxes.append(box)
        self.scores.append(scores)
        self.end = self._end()

    def _end(self) -> _Ends:
        return _Ends.of(np.asarray(self.frames[-3:]), np.asarray(self.boxes[-3:]), last=True)

    def done(self) -> Tracklet:
        return Tracklet(
            np.asarray(self.frames, np.int64), np.asarray(self.boxes), np.asarray(self.scores)
        )


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
            ends = _Ends.stack([t.end for t in live])
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
        for n, (box, scores) in enumerate(zip(found.boxes, found.scores, strict=True)):
            if n in taken:
                taken[n].extend(frame, box, scores)
            else:
                live.append(_Growing(frame, box, scores))
    made = [t.done() for t in finished + live]
    return sorted(made, key=lambda t: (int(t.frames[0]), *t.boxes[0].tolist()))


# --- assignment -------------------------------------------------------------------------------


def evidence(scores: np.ndarray, min_score: float, floor: float) -> np.ndarray:
    """Nats for a box being the reference's, (n, P): log-odds of the score over ``min_score``'s.

    Args:
        scores: (n, P), NaN where a reference has no candidate for the box: ``floor`` then.
        min_score: the score that speaks neither for nor against.
    """
    known = np.clip(np.where(np.isnan(scores), floor, scores), 1e-6, 1 - 1e-6)
    odds = np.log(known / (1 - known)) - np.log(min_score / (1 - min_score))
    return np.clip(odds, -_MOST_EVIDENCE, _MOST_EVIDENCE)


def assign(
    tracklets: Sequence[Tracklet], gains: np.ndarray, max_gap: int, opening: int = -1
) -> list[list[list[int]]]:
    """Which tracklets are each reference's, over one shot: the best of all assignments.

    Maximises the sum of ``gains`` of the chosen pairs, less 3 nats each time a reference appears
    (1 nat where it is there at ``opening``), less the cost of motion where it goes on from one
    tracklet to another (offered where that is below 3 nats and the gap at most ``max_gap``
    frames). A tracklet is at most one reference's, a
    reference has at most one tracklet at any time, and none within a gap it was carried across.
    No tracklet at all costs nothing: a reference without good evidence stays missing.

    Args:
        tracklets: ordered by first frame.
        gains: float64 (tracklets, P), nats.
        max_gap: frames.
        opening: the shot's first sampled frame.

    Returns:
        per reference its chains, each a list of tracklet numbers in time; consecutive ones in a
        chain may be interpolated across.
    """
    people = gains.shape[1]
    # a tracklet can earn its gain and one saved appearance at most
    pairs = [(i, p) for i in range(len(tracklets)) for p in range(people) if gains[i, p] > -_APPEAR]
    if not pairs:
        return [[] for _ in range(people)]
    known = set(pairs)
    steps = _steps(tracklets, sorted({i for i, _ in pairs}), max_gap)
    edges = [
        (i, j, p) for (i, j) in steps for p in range(people) if (i, p) in known and (j, p) in known
    ]
    value = np.asarray(
        [gains[i, p] - (_OPEN if tracklets[i].frames[0] == opening else _APPEAR) for i, p in pairs]
        + [gains[j, p] - steps[i, j] for i, j, p in edges]
    )
    chosen = _best_paths(tracklets, people, pairs, edges, value)

    after = {(i, p): j for n, (i, j, p) in enumerate(edges, start=len(pairs)) if chosen[n]}
    chains: list[list[list[int]]] = [[] for _ in range(people)]
    for n, (i, p) in enumerate(pairs):
        if chosen[n]:
            chain = [i]
            while (chain[-1], p) in after:
                chain.append(after[chain[-1], p])
            chains[p].append(chain)
    return chains


def _steps(
    tracklets: Sequence[Tracklet], useful: Sequence[int], max_gap: int
) -> dict[tuple[int, int], float]:
    """Cost of going on from tracklet i to j, where it is cheaper than appearing anew."""
    starts = _Ends.stack(
        [_Ends.of(tracklets[i].frames, tracklets[i].boxes, last=False) for i in useful]
    )
    steps = {}
    for i in useful:
        end = _Ends.of(tracklets[i].frames, tracklets[i].boxes, last=True)
        low, high = np.searchsorted(starts.frame, end.frame[0] + [0, max_gap], side="right")
        near = starts[low:high]
        forward = end.cost(near.frame, near.state)[0]
        backward = near.cost(end.frame, end.state)[:, 0]
        cost = (forward + backward) / 2
        steps.update({(i, useful[low + n]): float(cost[n]) for n in np.flatnonzero(cost < _APPEAR)})
    return steps


def _best_paths(
    tracklets: Sequence[Tracklet],
    people: int,
    pairs: Sequence[tuple[int, int]],
    edges: Sequence[tuple[int, int, int]],
    value: np.ndarray,
) -> np.ndarray:
    """Which pairs (tracklet, person) begin a chain and which edges (from, to, person) are taken;
    bool (pairs + edges,) of largest total ``value``.

    Each person is one unit of flow through time: it waits, enters a tracklet, goes on along an
    edge or leaves to wait again. So it is in one place at a time; that a tracklet carries one
    person at most couples the persons.
    """
    began = np.unique([int(tracklets[i].frames[0]) for i, _ in pairs])  # moments to enter at
    node = {pair: n for n, pair in enumerate(pairs)}
    waiting = len(pairs) + np.arange(people * len(began)).reshape(people, -1)  # rows of the nodes
    into: list[tuple[int, int]] = []  # (row, variable) that the flow enters and leaves by
    out: list[tuple[int, int]] = []
    uses: list[tuple[int, int]] = []  # (tracklet, variable)
    for n, (i, p) in enumerate(pairs):  # enter
        at = int(np.searchsorted(began, tracklets[i].frames[0]))
        out.append((waiting[p, at], n))
        into.append((n, n))
        uses.append((i, n))
    for n, (i, j, p) in enumerate(edges, start=len(pairs)):  # go on
        out.append((node[i, p], n))
        into.append((node[j, p], n))
        uses.append((j, n))
    first_leave = len(pairs) + len(edges)
    for n, (i, p) in enumerate(pairs):  # leave
        out.append((n, first_leave + n))
        at = int(np.searchsorted(began, tracklets[i].frames[-1], side="right"))
        if at < len(began):
            into.append((waiting[p, at], first_leave + n))
    variables = first_leave + len(pairs)
    for row in waiting:  # wait
        out += zip(row.tolist(), range(variables, variables + len(row)), strict=True)
        into += zip(row[1:].tolist(), range(variables, variables + len(row) - 1), strict=True)
        variables += len(row)
    nodes = len(pairs) + waiting.size
    supply = np.zeros(nodes)
    supply[waiting[:, 0]] = 1
    conserve = _incidence(out, nodes, variables) - _incidence(into, nodes, variables)
    once = _incidence(uses, len(tracklets), variables)
    gain = np.zeros(variables)
    gain[:first_leave] = value
    return _solve(gain, conserve, supply, once)[:first_leave]


def _incidence(entries: Sequence[tuple[int, int]], rows: int, columns: int) -> csr_array:
    row, column = np.asarray(entries).T
    return csr_array((np.ones(len(entries)), (row, column)), shape=(rows, columns))


def _solve(gain: np.ndarray, equal: csr_array, supply: np.ndarray, once: csr_array) -> np.ndarray:
    """0/1 variables x of largest ``gain @ x`` with ``equal @ x == supply`` and ``once @ x <= 1``.

    The linear relaxation nearly always has a whole solution and costs a tenth of the integer
    program, which is asked where it has not. bool (variables,).
    """
    result = linprog(-gain, once, np.ones(once.shape[0]), equal, supply, bounds=(0, 1))
    if result.x is None or np.abs(result.x - np.round(result.x)).max() > 1e-6:
        result = milp(
            -gain,
            constraints=[
                LinearConstraint(once, ub=1),
                LinearConstraint(equal, supply, supply),
            ],
            integrality=np.ones(len(gain)),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0.0},
        )
    if result.x is None:
        raise RhasError("the assignment of tracklets found no solution", got=str(result.message))
    return result.x > 0.5


# --- boxes of every frame ---------------------------------------------------------------------


def joined(chain: Sequence[Tracklet]) -> Tracklet:
    """The tracklets of a chain as one."""
    return Tracklet(
        np.concatenate([t.frames for t in chain]),
        np.concatenate([t.boxes for t in chain]),
        np.concatenate([t.scores for t in chain]),
    )


def trace(track: Track, person: int, chain: Tracklet, shot: tuple[int, int], stride: int) -> None:
    """Writes a chain into ``track``: linear between its detections, and held before its first and
    after its last for the frames to which no sampled frame is nearer: half a stride, or up to the
    shot's border where that is less than a stride away. Never over frames that another chain has.

    Args:
        shot: first frame and the frame after the last.
        stride: frames between two sampled frames.
    """
    reach = stride // 2
    first, last = int(chain.frames[0]), int(chain.frames[-1])
    first = shot[0] if first - shot[0] < stride else first - reach
    stop = shot[1] if shot[1] - last <= stride else last + reach + 1
    frames = np.arange(first, stop)
    detected = np.isin(frames, chain.frames)
    inside = (frames >= chain.frames[0]) & (frames <= chain.frames[-1])
    write = inside | (track.source[frames] == MISSING)
    values = np.column_stack([chain.boxes, np.nan_to_num(chain.scores[:, person])])  # (n, 5)
    dense = np.column_stack([np.interp(frames, chain.frames, v) for v in values.T])
    track.boxes[frames[write]] = dense[write, :4]
    track.scores[frames[write]] = dense[write, 4]
    track.source[frames[write]] = np.where(detected, DETECTED, INTERPOLATED)[write]


def _pieces(edges: Sequence[int], frames: np.ndarray) -> Iterator[tuple[int, int]]:
    """First frame and the frame after the last of every shot, those with more than _LONGEST
    sampled frames in equal pieces: the assignment's cost and memory grow faster than the shot."""
    for start, stop in pairwise(edges):
        low, high = np.searchsorted(frames, (start, stop))
        count = max(1, -(-(high - low) // _LONGEST))
        inner = [int(frames[low + (high - low) * n // count]) for n in range(1, count)]
        yield from pairwise([start, *inner, stop])


def track_film(
    frames: np.ndarray,
    detections: Sequence[Detections],
    cuts: np.ndarray,
    length: int,
    people: int,
    *,
    stride: int,
    max_gap: int,
    min_score: float,
) -> tuple[list[Track], dict[str, int]]:
    """One track per reference, shot by shot; a very long shot in pieces.

    Args:
        frames: int (S,), the sampled frames, ascending, below ``length``.
        detections: of each sampled frame.
        cuts: frames that start a new shot.
        length: T, frames of the film.
        people: P.
        stride, max_gap: frames. min_score: see ``evidence``.

    Returns:
        P tracks, and counts: ``detections``, ``tracklets`` linked of them, and of both how many
        were given to no reference: ``detections_dropped``, ``tracklets_dropped``.
    """
    observed = [d.scores[~np.isnan(d.scores)] for d in detections]
    lowest = min((float(s.min()) for s in observed if s.size), default=1.0)
    floor = min(min_score / 2, lowest)  # a candidate that is not there scored below all that are
    tracks = [Track.empty(length) for _ in range(people)]
    counts = dict.fromkeys(
        ("detections", "detections_dropped", "tracklets", "tracklets_dropped"), 0
    )
    for shot in _pieces([0, *(int(c) for c in cuts), length], frames):
        low, high = np.searchsorted(frames, shot)
        tracklets = link(frames[low:high].tolist(), detections[low:high], max_gap)
        gains = np.asarray(
            [evidence(t.scores, min_score, floor).sum(0) for t in tracklets]
        ).reshape(len(tracklets), people)
        opening = int(frames[low]) if low < high else -1
        chains = assign(tracklets, gains, max_gap, opening)
        for person, own in enumerate(chains):
            for chain in own:
                whole = joined([tracklets[n] for n in chain])
                trace(tracks[person], person, whole, shot, stride)
        used = {n for own in chains for chain in own for n in chain}
        for n, tracklet in enumerate(tracklets):
            counts["detections"] += len(tracklet.frames)
            counts["tracklets"] += 1
            if n not in used:
                counts["detections_dropped"] += len(tracklet.frames)
                counts["tracklets_dropped"] += 1
    return tracks, counts
