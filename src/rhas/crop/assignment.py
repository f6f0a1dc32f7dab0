"""Which tracklets of a shot are whose: one linear program.

Legend: P references (people). Gains and costs are in nats, so that evidence of the detector and
plausibility of a motion add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from rhas.base.errors import RhasError
from rhas.crop.linking import Ends, Tracklet

MOST_EVIDENCE = 3.0  # nats that one frame may say for or against a reference
_APPEAR = 3.0  # nats that it costs a reference to appear, or to jump
_OPEN = 1.0  # nats that it costs to be there when the shot begins


def evidence(scores: np.ndarray, min_score: float, floor: float) -> np.ndarray:
    """Nats for a box being the reference's, (n, P): log-odds of the score over ``min_score``'s.

    Args:
        scores: (n, P), NaN where a reference has no candidate for the box: ``floor`` then.
        min_score: the score that speaks neither for nor against.
    """
    known = np.clip(np.where(np.isnan(scores), floor, scores), 1e-6, 1 - 1e-6)
    odds = np.log(known / (1 - known)) - np.log(min_score / (1 - min_score))
    return np.clip(odds, -MOST_EVIDENCE, MOST_EVIDENCE)


def assign(
    tracklets: Sequence[Tracklet], gains: np.ndarray, max_gap: int, opening: int = -1
) -> list[list[list[int]]]:
    """Which tracklets are each reference's, over one shot: the best of all assignments.

    Maximises the sum of ``gains`` of the chosen pairs, less 3 nats each time a reference appears
    (1 nat where it is there at ``opening``), less the cost of motion and colours where it goes on
    from one tracklet to another (offered where that is below 3 nats and the gap at most ``max_gap``
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
    """Cost of going on from tracklet i to j, where it is cheaper than appearing anew. At least 0:
    that two tracklets are one body makes neither of them the reference's."""
    starts = Ends.stack([tracklets[i].end(last=False) for i in useful])
    steps = {}
    for i in useful:
        end = tracklets[i].end(last=True)
        low, high = np.searchsorted(starts.frame, end.frame[0] + [0, max_gap], side="right")
        near = starts[low:high]
        forward = end.cost(near.frame, near.state, near.colours)[0]
        backward = near.cost(end.frame, end.state, end.colours)[:, 0]
        cost = np.maximum((forward + backward) / 2, 0)
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
