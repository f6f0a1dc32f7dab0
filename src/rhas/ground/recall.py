"""How often grounding finds the right person: recall at IoU 0.5 against RHAS-mini's true boxes.

Counted are (sampled frame, person) pairs with at least a quarter of the person visible. A pair is
found by ``top`` where the best candidate's IoU with the true box is at least 0.5, by ``any`` where
some candidate's is. ``chance`` is what picking one of those people at random would find: the share
of the people counted in that frame whose true box has an IoU of at least 0.5 with the right one
(its own always has). People without a reference have no true box and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np

from rhas.base.errors import RhasError
from rhas.ground.truth import TruthBoxes
from rhas.stores.jpegstore import person_group
from rhas.stores.manifest import Manifest

IOU = 0.5
VISIBLE = 0.25


@dataclass(frozen=True)
class Recall:
    """Counts of one film or of many; they add up.

    Args:
        pairs: of sampled frame and visible person.
        top: pairs that the best candidate finds.
        any: pairs that some candidate finds.
        chance: expected number that a random pick among the visible people finds.
        track_pairs: pairs of any frame and visible person; 0 without tracks.
        track: pairs of these that the person's track finds.
    """

    pairs: int = 0
    top: int = 0
    any: int = 0
    chance: float = 0.0
    track_pairs: int = 0
    track: int = 0

    def __add__(self, other: Recall) -> Recall:
        return Recall(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def rates(self) -> dict[str, float | None]:
        """``top``, ``any``, ``chance`` and ``track`` in [0, 1]; None where nothing was counted."""
        counted = {"top": self.pairs, "any": self.pairs, "chance": self.pairs}
        counted["track"] = self.track_pairs
        return {k: float(getattr(self, k)) / n if n else None for k, n in counted.items()}


def folder_recall(
    raw: Path, frames: Path, boxes: Path, tracks: Path | None = None
) -> dict[str, Recall]:
    """Recall by movie, of all films of the manifest.

    Args:
        raw: ``data/raw``, with ``manifest.json`` and ``truth/``.
        frames: ``data/frames``.
        boxes: ``data/boxes``.
        tracks: ``data/tracks``, where tracks are to be judged, too.

    Raises:
        RhasError: a film's store is absent, or does not belong to its references or truth.
    """
    found = {}
    for film in Manifest.read(raw).films:
        name = f"{film.movie}.h5"
        found[film.movie] = film_recall(
            raw / "truth" / name, frames / name, boxes / name, tracks and tracks / name
        )
    return found


def film_recall(truth: Path, frames: Path, boxes: Path, tracks: Path | None = None) -> Recall:
    """Recall of one film, from its files; see `folder_recall`."""
    true = TruthBoxes(truth)
    for path in (frames, boxes, *([tracks] if tracks else [])):
        if not path.is_file():
            raise RhasError("no such store", where=str(path), do="run `dvc repro`")
    with h5py.File(frames, "r") as file:
        time = file["time"][:]
        size = int(file.attrs["width"]), int(file.attrs["height"])
    right = true.at(time, *size)  # (T, P, 4)
    visible = (true.visible(time) >= VISIBLE) & np.isfinite(right).all(2)  # (T, P)
    counts = _box_counts(boxes, right, visible)
    return counts + _track_counts(tracks, right, visible) if tracks else counts


def _box_counts(path: Path, right: np.ndarray, visible: np.ndarray) -> Recall:
    counts = Recall()
    with h5py.File(path, "r") as file:
        sampled = file["frames"][:]
        groups = _persons(file, right)
        if len(sampled) and sampled[-1] >= len(right):
            raise RhasError(
                "boxes of frames that the film does not have", where=str(path),
                expected=f"frames below {len(right)}", got=str(sampled[-1]),
                do="run `dvc repro ground`",
            )  # fmt: skip
        for person, group in enumerate(groups):
            offsets, boxes = group["offsets"][:], group["boxes"][:]
            for row, frame in enumerate(sampled):
                if not visible[frame, person]:
                    continue
                own = right[frame, person]
                hits = iou(boxes[offsets[row] : offsets[row + 1]], own) >= IOU
                others = iou(right[frame, visible[frame]], own) >= IOU
                counts += Recall(1, int(hits[:1].any()), int(hits.any()), float(others.mean()))
    return counts


def _track_counts(path: Path, right: np.ndarray, visible: np.ndarray) -> Recall:
    hits = 0
    with h5py.File(path, "r") as file:
        for person, group in enumerate(_persons(file, right)):
            track = group["boxes"][:]  # (T, 4), NaN where missing
            if len(track) != len(right):
                raise RhasError(
                    "a track of another length", where=f"{path}, person {person}",
                    expected=f"{len(right)} frames", got=str(len(track)), do="run `dvc repro crop`",
                )  # fmt: skip
            shown = visible[:, person]
            hits += int((iou(track[shown], right[shown, person]) >= IOU).sum())
    return Recall(track_pairs=int(visible.sum()), track=hits)


def _persons(file: h5py.File, right: np.ndarray) -> list[h5py.Group]:
    groups = [key for key in file if key.startswith("person_")]
    if len(groups) != right.shape[1]:
        raise RhasError(
            "another number of persons than the truth has", where=file.filename,
            expected=str(right.shape[1]), got=str(len(groups)), do="run `dvc repro`",
        )  # fmt: skip
    return [file[person_group(person)] for person in range(len(groups))]


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes ``x1, y1, x2, y2``, (..., 4) each, broadcast against each
    other; 0 where one has no area or is NaN."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(b[..., 2:] - b[..., :2], 0, None).prod(-1) for b in (boxes, others)]
    union = areas[0] + areas[1] - shared
    with np.errstate(invalid="ignore"):
        return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def table(rows: Iterable[tuple[str, Recall]]) -> str:
    """One line per name: the rates in per cent and how many pairs they come from."""
    lines = [f"{'':<12}{'pairs':>8}{'top':>8}{'any':>8}{'chance':>8}{'track':>8}{'frames':>9}"]
    for name, recall in rows:
        shown = {k: "-" if r is None else f"{100 * r:.1f}" for k, r in recall.rates().items()}
        lines.append(
            f"{name:<12}{recall.pairs:>8}{shown['top']:>8}{shown['any']:>8}"
            f"{shown['chance']:>8}{shown['track']:>8}{recall.track_pairs:>9}"
        )
    return "\n".join(lines)
