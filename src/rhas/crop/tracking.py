"""From scored box candidates to one track per reference.

Legend: T frames of a film, S sampled ones, P references. Boxes are float64 ``x1, y1, x2, y2`` in
pixels.

1. `merge_candidates`: the candidates of all references in a frame become detections, one per body,
   with a score per reference.
2. `link_detections`: detections become tracklets by motion and by the colours of clothes; a
   tracklet ends where its continuation is ambiguous.
3. `compute_evidence`, `compute_distances`: what a tracklet's scores say for each reference, less
   what another appearance in the film says against it.
4. `assign_tracklets`: one linear program per shot gives tracklets to references so that the summed
   gains, less the costs of continuing between tracklets and of appearing, are largest. A wrong
   score in some frames is outvoted by the others; a tracklet without enough evidence is given to
   nobody.
5. `write_chain`: boxes per frame, interpolated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rhas.crop.appearance import compute_distances
from rhas.crop.assignment import assign_tracklets, compute_evidence
from rhas.crop.constants import EVIDENCE_LIMIT, INDEPENDENT_GAP, LONGEST_PIECE, NEUTRAL_SCORE
from rhas.crop.detections import Detections
from rhas.crop.linking import Tracklet, link_detections
from rhas.stores.tracks import BoxSource


@dataclass(frozen=True)
class Track:
    """A reference over a whole film of T frames.

    boxes: float32 (T, 4), NaN where missing. scores: float32 (T,): the reference's own score of
    the box (0 where it gave none), interpolated like the box, 0 where missing. source: uint8 (T,),
    values of `BoxSource`.
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


def join_chain(chain: Sequence[Tracklet]) -> Tracklet:
    """The tracklets of a chain as one."""
    return Tracklet(
        np.concatenate([t.frames for t in chain]),
        np.concatenate([t.boxes for t in chain]),
        np.concatenate([t.scores for t in chain]),
        np.concatenate([t.colours for t in chain]),
    )


def write_chain(
    track: Track, person: int, chain: Tracklet, shot: tuple[int, int], stride: int
) -> None:
    """Write a chain into ``track``: linear between its detections, constant for half a stride
    before its first and after its last, or up to the shot's border where that is less than a stride
    away. Frames of another chain stay.

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
    write = inside | (track.source[frames] == BoxSource.MISSING)
    values = np.column_stack([chain.boxes, np.nan_to_num(chain.scores[:, person])])  # (n, 5)
    dense = np.column_stack([np.interp(frames, chain.frames, v) for v in values.T])
    track.boxes[frames[write]] = dense[write, :4]
    track.scores[frames[write]] = dense[write, 4]
    track.source[frames[write]] = np.where(detected, BoxSource.DETECTED, BoxSource.INTERPOLATED)[
        write
    ]


def _split_shots(edges: Sequence[int], frames: np.ndarray) -> Iterator[tuple[int, int]]:
    """First frame and the frame after the last of every shot, those with more than _LONGEST
    sampled frames in equal pieces: the assignment's cost and memory grow faster than the shot."""
    for start, stop in pairwise(edges):
        low, high = np.searchsorted(frames, (start, stop))
        count = max(1, -(-(high - low) // LONGEST_PIECE))
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
    # a missing candidate scored below all that are present
    floor = min(min_score / 2, NEUTRAL_SCORE / 2, lowest)
    tracks = [Track.empty(length) for _ in range(people)]
    shots = list(_split_shots([0, *(int(c) for c in cuts), length], frames))
    spans = [np.searchsorted(frames, shot) for shot in shots]
    linked = [link_detections(frames[a:b].tolist(), detections[a:b], max_gap) for a, b in spans]
    gains = _compute_gains([t for tracklets in linked for t in tracklets], people, min_score, floor)
    gains *= min(1.0, stride / INDEPENDENT_GAP)
    by_shot = np.split(gains, np.cumsum([len(tracklets) for tracklets in linked])[:-1])
    counts = dict.fromkeys(
        ("detections", "detections_dropped", "tracklets", "tracklets_dropped"), 0
    )
    for shot, (low, high), tracklets, shot_gains in zip(shots, spans, linked, by_shot, strict=True):
        opening = int(frames[low]) if low < high else -1
        chains = assign_tracklets(tracklets, shot_gains, max_gap, opening)
        for person, person_chains in enumerate(chains):
            for chain in person_chains:
                whole = join_chain([tracklets[n] for n in chain])
                write_chain(tracks[person], person, whole, shot, stride)
        used = {n for person in chains for chain in person for n in chain}
        for n, tracklet in enumerate(tracklets):
            counts["detections"] += len(tracklet.frames)
            counts["tracklets"] += 1
            if n not in used:
                counts["detections_dropped"] += len(tracklet.frames)
                counts["tracklets_dropped"] += 1
    return tracks, counts


def _compute_gains(
    tracklets: Sequence[Tracklet], people: int, min_score: float, floor: float
) -> np.ndarray:
    """Gain of giving each tracklet to each reference, float64 (n, P), nats."""
    if not tracklets:
        return np.zeros((0, people))
    frames = np.asarray([len(t.frames) for t in tracklets])
    evidence, appearance = (
        np.stack([compute_evidence(t.scores, neutral, floor).mean(0) for t in tracklets])
        for neutral in (min_score, NEUTRAL_SCORE)
    )
    colours = np.stack([np.median(t.colours, 0) for t in tracklets])
    return frames[:, None] * (
        evidence - compute_distances(appearance, colours, frames, EVIDENCE_LIMIT)
    )
