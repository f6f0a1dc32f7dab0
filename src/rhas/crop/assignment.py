"""Assignment of a shot's tracklets to references, by one linear program.

Legend: P references (people). Gains and costs are in nats, so that evidence of the detector and
plausibility of a motion add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from rhas.base.errors import RhasError
from rhas.crop.constants import APPEAR_COST, EVIDENCE_LIMIT, OPENING_COST
from rhas.crop.linking import Ends, Tracklet


def compute_evidence(scores: np.ndarray, min_score: float, floor: float) -> np.ndarray:
    """Nats for a box being the reference's, (n, P): log-odds of the score over ``min_score``'s.

    Args:
        scores: (n, P), NaN where a reference has no candidate for the box: ``floor`` then.
        min_score: the score that counts neither for nor against.
    """
    known = np.clip(np.where(np.isnan(scores), floor, scores), 1e-6, 1 - 1e-6)
    odds = np.log(known / (1 - known)) - np.log(min_score / (1 - min_score))
    return np.clip(odds, -EVIDENCE_LIMIT, EVIDENCE_LIMIT)


def assign_tracklets(
    tracklets: Sequence[Tracklet], gains: np.ndarray, max_gap: int, opening: int = -1
) -> list[list[list[int]]]:
    """The tracklets of each reference over one shot: the best of all assignments.

    Maximises the sum of ``gains`` of the chosen pairs, less `APPEAR_COST` each time a reference
    appears (`OPENING_COST` where it is present at ``opening``), less the cost of motion and colours
    where it continues from one tracklet in another (possible where that is below `APPEAR_COST` and
    the gap at most ``max_gap`` frames). A tracklet has at most one reference, a reference has at
    most one tracklet at any time, and none within a gap between two tracklets of a chain. No
    tracklet costs nothing: a reference without good evidence stays missing.

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
    pairs = [
        (i, p) for i in range(len(tracklets)) for p in range(people) if gains[i, p] > -APPEAR_COST
    ]
    if not pairs:
        return [[] for _ in range(people)]
    known = set(pairs)
    steps = _find_steps(tracklets, sorted({i for i, _ in pairs}), max_gap)
    edges = [
        (i, j, p) for (i, j) in steps for p in range(people) if (i, p) in known and (j, p) in known
    ]
    value = np.asarray(
        [
            gains[i, p] - (OPENING_COST if tracklets[i].frames[0] == opening else APPEAR_COST)
            for i, p in pairs
        ]
        + [gains[j, p] - steps[i, j] for i, j, p in edges]
    )
    chosen = _find_best_paths(tracklets, people, pairs, edges, value)

    after = {(i, p): j for n, (i, j, p) in enumerate(edges, start=len(pairs)) if chosen[n]}
    chains: list[list[list[int]]] = [[] for _ in range(people)]
    for n, (i, p) in enumerate(pairs):
        if chosen[n]:
            chain = [i]
            while (chain[-1], p) in after:
                chain.append(after[chain[-1], p])
            chains[p].append(chain)
    return chains


def _find_steps(
    tracklets: Sequence[Tracklet], useful: Sequence[int], max_gap: int
) -> dict[tuple[int, int], float]:
    """Cost of continuing from tracklet i in j, where it is below `APPEAR_COST`. At least 0: two
    tracklets of one body are no evidence for a reference."""
    starts = Ends.stack([tracklets[i].find_end(last=False) for i in useful])
    steps = {}
    for i in useful:
        end = tracklets[i].find_end(last=True)
        low, high = np.searchsorted(starts.frame, end.frame[0] + [0, max_gap], side="right")
        near = starts[low:high]
        forward = end.compute_cost(near.frame, near.state, near.colours)[0]
        backward = near.compute_cost(end.frame, end.state, end.colours)[:, 0]
        cost = np.maximum((forward + backward) / 2, 0)
        steps.update(
            {(i, useful[low + n]): float(cost[n]) for n in np.flatnonzero(cost < APPEAR_COST)}
        )
    return steps


def _find_best_paths(
    tracklets: Sequence[Tracklet],
    people: int,
    pairs: Sequence[tuple[int, int]],
    edges: Sequence[tuple[int, int, int]],
    value: np.ndarray,
) -> np.ndarray:
    """Which pairs (tracklet, person) begin a chain and which edges (from, to, person) are taken;
    bool (pairs + edges,) of largest total ``value``.

    Each person is one unit of flow through time: it waits, enters a tracklet, follows an edge or
    leaves to wait again. So a person is in one place at a time; the persons are coupled, since a
    tracklet carries at most one.
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
    conserve = _make_incidence(out, nodes, variables) - _make_incidence(into, nodes, variables)
    once = _make_incidence(uses, len(tracklets), variables)
    gain = np.zeros(variables)
    gain[:first_leave] = value
    return _solve_program(gain, conserve, supply, once)[:first_leave]


def _make_incidence(entries: Sequence[tuple[int, int]], rows: int, columns: int) -> csr_array:
    row, column = np.asarray(entries).T
    return csr_array((np.ones(len(entries)), (row, column)), shape=(rows, columns))


def _solve_program(
    gain: np.ndarray, equal: csr_array, supply: np.ndarray, once: csr_array
) -> np.ndarray:
    """0/1 variables x of largest ``gain @ x`` with ``equal @ x == supply`` and ``once @ x <= 1``.

    The linear relaxation nearly always has an integer solution and costs a tenth of the integer
    program, which is solved where it has not. bool (variables,).
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
