"""Films that show the same: copies under two names, and films that are cut from others.

Where they are on different sides of a split, a method is tested on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from rhas.decode.container import FilmInfo
from rhas.decode.fingerprints import Fingerprint, read_fingerprint, read_small_pictures

_MIN_SHARED = 5  # packets or frames: fewer are alike by chance, or black
_SAME_PACKETS = 0.8  # share of those between the first and the last that two films share
_SLIP_S = 0.1  # by which containers round times
_ALIKE = 0.9  # correlation of two key pictures that may be the same
_SAME = 0.97  # of two pictures at the same moment of a copy
_SAME_CHANGES = 0.8  # of what changes between pictures: other films of one room have less
_STILL = 1.5  # levels of grey by which pictures differ that do not change
_SAMPLES = 8  # moments at which two films are compared
_CLOSE_S = 2.5  # the same moment may lie so far from the key pictures that look alike
_MAX_COMPARED = 60  # pairs whose pictures are compared, the most similar ones


class Span(NamedTuple):
    """Seconds of a film."""

    start: float
    stop: float


@dataclass(frozen=True)
class SharedPictures:
    """Two films that show the same.

    Args:
        first, second: their names.
        first_span, second_span: what of each.
        how: ``packets`` where the bytes of the packets are the same, else ``pictures``.
        whole: the first, the second, both, or neither of them is part of the other.
    """

    first: str
    second: str
    first_span: Span
    second_span: Span
    how: Literal["packets", "pictures"]
    whole: Literal["both", "first", "second", "neither"]

    def describe(self) -> str:
        """Films and seconds of what they share."""
        kind = {
            "both": f"{self.first} and {self.second} are the same film",
            "first": f"{self.first} is a part of {self.second}",
            "second": f"{self.second} is a part of {self.first}",
            "neither": f"{self.first} and {self.second} share a part",
        }[self.whole]
        spans = [
            f"{name} {span.start:.1f} to {span.stop:.1f} s"
            for name, span in ((self.first, self.first_span), (self.second, self.second_span))
        ]
        return f"{kind}: {', '.join(spans)}"


def may_differ(sides: Mapping[str, str | None], first: str, second: str) -> bool:
    """Whether two films are on different sides of the split, or may be where chance decides."""
    return sides.get(first) is None or sides.get(first) != sides.get(second)


def describe_sides(sides: Mapping[str, str | None], first: str, second: str) -> str:
    """On which sides of the split two films are."""
    return " and ".join(
        f"{name} in {sides[name]}" if sides.get(name) else f"chance decides about {name}"
        for name in (first, second)
    )


def find_shared_pictures(
    films: Mapping[str, FilmInfo], may_leak: Callable[[str, str], bool]
) -> list[SharedPictures]:
    """Pairs of films that show the same, by their packets or by their pictures.

    Args:
        films: by name.
        may_leak: whether it matters that these two show the same.
    """
    pairs = [pair for pair in combinations(films, 2) if may_leak(*pair)]
    named = {name for pair in pairs for name in pair}
    prints = {name: read_fingerprint(films[name]) for name in films if name in named}
    found = []
    candidates = []
    for a, b in pairs:
        one, other = prints[a], prints[b]
        if (spans := _compare_packets(one, other)) is not None:
            found.append(_make_shared(a, b, one.film, other.film, *spans, "packets"))
        else:
            candidates += [(score, a, b, offset) for score, offset in _list_offsets(one, other)]
    compared: set[tuple[str, str]] = set()
    for _, a, b, offset in sorted(candidates, reverse=True)[:_MAX_COMPARED]:
        if (a, b) in compared:
            continue
        spans = _compare_pictures(prints[a], prints[b], offset)
        if spans is not None:
            compared.add((a, b))
            found.append(_make_shared(a, b, films[a], films[b], *spans, "pictures"))
    return found


def _make_shared(
    first: str, second: str, one: FilmInfo, other: FilmInfo, span: Span, second_span: Span,
    how: Literal["packets", "pictures"],
) -> SharedPictures:  # fmt: skip
    covered = [_covers(span, one), _covers(second_span, other)]
    whole: Literal["both", "first", "second", "neither"]
    if all(covered):
        whole = "both"
    elif any(covered):
        whole = "first" if covered[0] else "second"
    else:
        whole = "neither"
    return SharedPictures(first, second, span, second_span, how, whole)


def _covers(span: Span, film: FilmInfo) -> bool:
    return span.stop - span.start >= 0.9 * film.seconds - 1 / float(film.rate)


def _compare_packets(one: Fingerprint, other: Fingerprint) -> tuple[Span, Span] | None:
    """What two films share whose packets have the same bytes at the same distance in time."""
    lone = [_select_lone(one.tails), _select_lone(other.tails)]
    _, a, b = np.intersect1d(one.tails[lone[0]], other.tails[lone[1]], return_indices=True)
    first, second = one.tail_seconds[lone[0]][a], other.tail_seconds[lone[1]][b]
    if len(first) < min(_MIN_SHARED, len(one.tails), len(other.tails)) or not len(first):
        return None
    near = np.abs(first - second - np.median(first - second)) <= _SLIP_S
    spans = _make_span(first[near], one), _make_span(second[near], other)
    fewest = min(
        ((at >= span.start) & (at <= span.stop)).sum()
        for at, span in (
            (one.tail_seconds[lone[0]], spans[0]), (other.tail_seconds[lone[1]], spans[1]),
        )
    )  # fmt: skip
    enough = max(min(_MIN_SHARED, len(first)), _SAME_PACKETS * fewest)
    return spans if near.sum() >= enough else None


def _select_lone(values: np.ndarray) -> np.ndarray:
    """Indices of values that occur once: pictures of nothing but one colour are all alike."""
    _, index, counts = np.unique(values, return_index=True, return_counts=True)
    return index[counts == 1]


def _make_span(moments: np.ndarray, fingerprint: Fingerprint) -> Span:
    """From the first to the last moment; to the film's ends where no other packet is beyond."""
    film, own = fingerprint.film, fingerprint.tail_seconds
    start, stop = float(moments.min()), float(moments.max()) + 1 / float(film.rate)
    return Span(
        start if (own < start - _SLIP_S).any() else 0.0,
        min(stop, film.seconds) if (own > stop + _SLIP_S).any() else film.seconds,
    )


def _list_offsets(one: Fingerprint, other: Fingerprint) -> Iterator[tuple[float, float]]:
    """Similarity, and by how much the first film's moments may be later than the second's."""
    length = one.film.seconds, other.film.seconds
    if abs(length[0] - length[1]) <= max(0.5, 0.01 * max(length)):
        yield 1.0, 0.0
    likeness = _normalise(one.keys.pictures) @ _normalise(other.keys.pictures).T
    if not likeness.size:
        return
    best = likeness.argmax(0)
    score = likeness.max(0)
    offsets = one.keys.seconds[best] - other.keys.seconds
    groups = np.round(offsets / _CLOSE_S).astype(int)
    chosen = [
        (float(score[groups == group].mean()), float(np.median(offsets[groups == group])))
        for group in np.unique(groups[score >= _ALIKE])
    ]
    yield from sorted(chosen, reverse=True)[:3]


def _normalise(pictures: np.ndarray) -> np.ndarray:
    """(n, P) without their means, of length 1; pictures of one colour are zeros."""
    centred = pictures - pictures.mean(-1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.where(lengths > pictures.shape[-1] ** 0.5, centred / np.maximum(lengths, 1e-6), 0)


def _compare_pictures(
    one: Fingerprint, other: Fingerprint, offset: float
) -> tuple[Span, Span] | None:
    """What two films share whose pictures are the same, the first one's about ``offset`` later."""
    offset = _refine_offset(one, other, offset)
    start, stop = max(0.0, offset), min(one.film.seconds, other.film.seconds + offset)
    if stop <= start:
        return None
    moments = start + (stop - start) * (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    first, second = _read_pairs(one.film, other.film, moments, offset)
    if len(first) < 2:
        return None
    same = (_normalise(first) * _normalise(second)).sum(1) >= _SAME
    if same.sum() < max(3, 0.75 * len(same)) or not _change_alike(first[same], second[same]):
        return None
    return Span(start, stop), Span(start - offset, stop - offset)


def _change_alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether what differs between the pictures of one film does so in the other one."""
    changes = first - first.mean(0), second - second.mean(0)
    sizes = [float(np.sqrt((change**2).mean())) for change in changes]
    if max(sizes) < _STILL:
        return True
    return float((changes[0] * changes[1]).mean()) >= _SAME_CHANGES * sizes[0] * sizes[1]


def _read_pairs(
    one: FilmInfo, other: FilmInfo, moments: np.ndarray, offset: float
) -> tuple[np.ndarray, np.ndarray]:
    """Small pictures (n, P) of two films at moments of the first; where one film has fewer
    pictures, at the times of these."""
    if one.rate > other.rate:
        second, first = _read_pairs(other, one, moments - offset, -offset)
        return first, second
    found = read_small_pictures(one, [(at, at) for at in moments.tolist()])
    found = [small for small in found if len(small.seconds)]
    times = [float(small.seconds[0]) - offset for small in found]
    partners = read_small_pictures(other, [(at, at) for at in times])
    pairs = [
        (small.pictures[0], partner.pictures[0])
        for small, partner in zip(found, partners, strict=True)
        if len(partner.seconds)
    ]
    if not pairs:
        return np.empty((0, 0)), np.empty((0, 0))
    return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])


def _refine_offset(one: Fingerprint, other: Fingerprint, offset: float) -> float:
    """The offset at which the second film's key pictures are most like the first film's pictures
    around them; the median of three."""
    keys = other.keys
    moments = keys.seconds + offset
    inside = np.flatnonzero((moments >= 0) & (moments <= one.film.seconds))
    if not len(inside):
        return offset
    chosen = inside[np.unique(np.linspace(0, len(inside) - 1, 3).astype(int))]
    windows = [(max(0.0, at - _CLOSE_S), at + _CLOSE_S) for at in moments[chosen].tolist()]
    found = []
    for key, near in zip(chosen, read_small_pictures(one.film, windows), strict=True):
        if len(near.seconds):
            likeness = _normalise(near.pictures) @ _normalise(keys.pictures[key : key + 1]).T
            found.append(float(near.seconds[likeness.argmax()] - keys.seconds[key]))
    return float(np.median(found)) if found else offset


class SharedFrames(NamedTuple):
    """Frames of two samples with the same features: how many different ones, and the first and
    last of each."""

    first: str
    second: str
    frames: int
    first_frames: tuple[int, int]
    second_frames: tuple[int, int]


def hash_frames(features: np.ndarray) -> np.ndarray:
    """A digest of every frame's features, uint64 (T,); 0 where all of them are 0.

    Args:
        features: float16 (T, D).
    """
    bits = np.ascontiguousarray(features, np.float16).view(np.uint16).astype(np.uint64)
    rng = np.random.default_rng(0)
    return bits @ rng.integers(1, 2**63, bits.shape[1], np.uint64)


def find_shared_frames(
    frames: Mapping[str, np.ndarray], may_leak: Callable[[str, str], bool]
) -> list[SharedFrames]:
    """Pairs of samples in which frames have the same features.

    Args:
        frames: digests of frames (`hash_frames`) by sample.
        may_leak: whether it matters that these two are the same.
    """
    names = list(frames)
    digests = np.concatenate([np.empty(0, np.uint64), *frames.values()])
    owners = np.repeat(np.arange(len(names)), [len(own) for own in frames.values()])
    places = np.concatenate([np.empty(0, int), *(np.arange(len(own)) for own in frames.values())])
    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    members: dict[int, dict[int, int]] = {}
    for at in np.flatnonzero((counts[inverse] > 1) & (digests != 0)).tolist():
        members.setdefault(int(inverse[at]), {}).setdefault(int(owners[at]), int(places[at]))
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for place in members.values():
        for a, b in combinations(sorted(place), 2):
            if may_leak(names[a], names[b]):
                found.setdefault((a, b), []).append((place[a], place[b]))
    return [
        SharedFrames(
            names[a], names[b], len(pairs),
            (min(one for one, _ in pairs), max(one for one, _ in pairs)),
            (min(two for _, two in pairs), max(two for _, two in pairs)),
        )
        for (a, b), pairs in found.items()
        if len(pairs) >= _MIN_SHARED
    ]  # fmt: skip
