"""Samples: windows of one person's features with labels and masks, as an index.

The chunk stage writes ``data/samples/`` (DESIGN.md, Files); nothing of the features is copied.
``Samples`` reads it as a torch dataset whose items are rows of the batch of DESIGN.md.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch.utils.data import Dataset

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.base.errors import RhasError
from rhas.base.units import seconds_to_frame
from rhas.stores import featurestore
from rhas.stores.manifest import SUBSETS, Film, TimedAction

_WITHOUT_TOKENS = ("clip", "siglip2")  # encoders whose feature is no mean of query tokens

Interval = tuple[int, int, int]  # class id, start frame, end frame (exclusive)


@dataclass(frozen=True)
class ChunkConfig:
    """How films become samples.

    Args:
        fps: working rate of the feature stores, frames per second.
        frame_len: L, frames of a sample.
        split: ``cross_movie`` puts whole films into train, val and test, ``random`` windows.
        seed: of the shuffles.
        fractions: of train, val and test where chance decides (paper: 626, 82 and 82 of 790).
        min_frames: a shorter last window of a film is dropped, counted and named.
        boundary_sigma: width of a label-set change in ``boundary``, frames.
    """

    fps: float
    frame_len: int
    split: Literal["cross_movie", "random"]
    seed: int
    fractions: tuple[float, ...]
    min_frames: int
    boundary_sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.min_frames <= self.frame_len:
            raise RhasError(
                "min_frames must be from 1 to frame_len",
                where="params.yaml, chunk.min_frames",
                expected=f"1 to {self.frame_len}",
                got=str(self.min_frames),
            )
        if len(self.fractions) != 3 or abs(sum(self.fractions) - 1) > 1e-6:
            raise RhasError(
                "fractions are train, val and test and sum to 1",
                where="params.yaml, chunk.fractions",
                got=str(self.fractions),
            )


@dataclass(frozen=True)
class Sample:
    """One person's window ``[start, stop)`` of a movie, in frames."""

    sample: str
    movie: str
    person: int
    start: int
    stop: int
    split: str


def write_samples(
    films: Sequence[Film],
    annotations: Sequence[TimedAction],
    features: Path,
    config: ChunkConfig,
    out: Path,
) -> dict[str, Any]:
    """Writes index.csv, intervals.csv and info.json into the folder ``out``; returns info.

    Raises:
        RhasError: an annotation of a film or person that the manifest lacks, stores made at
            another rate, or no sample at all.
    """
    rows = defaultdict(list)
    known = {(film.movie, person) for film in films for person in range(len(film.references))}
    for row in annotations:
        if (row.movie, row.person) not in known:
            raise RhasError(
                "an annotation of a person without reference",
                where="annotations.csv",
                got=f"movie {row.movie}, person {row.person}",
                do="add it to references.csv",
            )
        rows[row.movie, row.person].append(row)

    windows: list[Sample] = []
    intervals: dict[tuple[str, int], list[Interval]] = {}
    dropped: dict[str, int] = {
        "tail_windows": 0,
        "tail_frames": 0,
        "intervals_outside_film": 0,
        "intervals_cut_at_end": 0,
    }
    unannotated: list[str] = []
    sides = _film_sides(films, config)
    widths: dict[str, int] = {}
    for film in films:
        for person in range(len(film.references)):
            store = features / f"{film.movie}.zarr"
            facts = featurestore.attributes(store, person)
            _check_store(facts, film, person, config, store)
            widths = {"D": facts["D"], "D_text": facts["D_text"]}
            if not rows[film.movie, person]:
                unannotated.append(f"{film.movie} person {person}")
                continue
            frames = facts["frames"]
            intervals[film.movie, person] = _to_frames(
                rows[film.movie, person], frames, config.fps, dropped
            )
            for start in range(0, frames, config.frame_len):
                stop = min(start + config.frame_len, frames)
                if stop - start < config.min_frames and start > 0:
                    dropped["tail_windows"] += 1
                    dropped["tail_frames"] += stop - start
                    continue
                name = f"{film.movie}_{person:03d}_{start:06d}"
                windows.append(Sample(name, film.movie, person, start, stop, sides[film.movie]))
    if not windows:
        raise RhasError(
            "no sample: no person of any film is annotated",
            where="data/raw/annotations.csv",
            do="add annotations, or stop the pipeline at extract: `dvc repro extract`",
        )
    if config.split == "random":
        chosen = _assign([w.sample for w in windows], config)
        windows = [Sample(**{**w.__dict__, "split": chosen[w.sample]}) for w in windows]

    _write_csv(
        out / "index.csv",
        ["sample", "movie", "person", "start", "stop", "split"],
        [[w.sample, w.movie, w.person, w.start, w.stop, w.split] for w in windows],
    )
    _write_csv(
        out / "intervals.csv",
        ["movie", "person", "class_id", "start", "stop"],
        [[movie, person, *i] for (movie, person), many in intervals.items() for i in many],
    )
    info = {
        "C": len(CLASSES),
        "L": config.frame_len,
        "fps": config.fps,
        **widths,
        "features": features.as_posix(),
        "split": config.split,
        "boundary_sigma": config.boundary_sigma,
        "references": {film.movie: list(film.references) for film in films},
        "samples": {side: sum(w.split == side for w in windows) for side in SUBSETS},
        "dropped": dropped,
        "persons_without_annotation": unannotated,
    }
    text = json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False)
    (out / "info.json").write_text(text + "\n", "utf-8")
    return info


def labels_of(intervals: Sequence[Interval], start: int, stop: int) -> np.ndarray:
    """Multi-hot labels of a window, float32 (stop - start, C), 1 where an interval covers it."""
    labels = np.zeros((stop - start, len(CLASSES)), np.float32)
    for class_id, first, end in intervals:
        labels[max(first - start, 0) : max(end - start, 0), class_id] = 1
    return labels


def boundary_of(labels: np.ndarray, sigma: float) -> np.ndarray:
    """Where the label set changes, smoothed over time; float32 (n,), 1 at a lone change.

    Both frames beside a change are marked, a Gaussian of ``sigma`` frames spreads them, and the
    peak of a single change is scaled to 1.

    Args:
        labels: multi-hot, (n, C).
        sigma: frames, above 0.
    """
    marks = np.zeros(len(labels), np.float64)
    changes = np.flatnonzero((labels[1:] != labels[:-1]).any(1)) + 1
    marks[changes] = 1
    marks[changes - 1] = 1
    radius = int(4 * sigma + 0.5)
    lone = np.zeros(2 * radius + 2)
    lone[radius : radius + 2] = 1
    peak = gaussian_filter1d(lone, sigma, mode="constant").max()
    spread = gaussian_filter1d(marks, sigma, mode="constant")
    return np.clip(spread / peak, 0, 1).astype(np.float32)


class Samples(Dataset):
    """The samples of one side of the split.

    Items are dicts of tensors, one row of the batch of DESIGN.md (no batch dimension), padded at
    their end to L. ``samples`` lists the windows in the items' order.

    Args:
        folder: ``data/samples``.
        split: ``train``, ``val`` or ``test``.
        tokens: items hold query tokens too; of an encoder without them, the feature is the only
            one. Reading an item is a RhasError where `extract.keep_tokens` was not set.
    """

    def __init__(self, folder: Path, split: str, tokens: bool = False) -> None:
        self.tokens = tokens
        self.info: dict[str, Any] = json.loads((folder / "info.json").read_text("utf-8"))
        with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == split]
        self.samples = [
            Sample(
                r["sample"], r["movie"], int(r["person"]), int(r["start"]), int(r["stop"]), split
            )
            for r in rows
        ]
        self._intervals: dict[tuple[str, int], list[Interval]] = defaultdict(list)
        with (folder / "intervals.csv").open(newline="", encoding="utf-8") as file:
            for r in csv.DictReader(file):
                interval = (int(r["class_id"]), int(r["start"]), int(r["stop"]))
                self._intervals[r["movie"], int(r["person"])].append(interval)
        self._features = Path(self.info["features"])

    def __len__(self) -> int:
        return len(self.samples)

    def reference(self, sample: Sample) -> str:
        """The sentence that says whom the sample is about."""
        return self.info["references"][sample.movie][sample.person]

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        sample = self.samples[number]
        read = featurestore.read_window(
            self._features / f"{sample.movie}.zarr", sample.person, sample.start, sample.stop
        )
        tokens = self._tokens(sample, read) if self.tokens else {}
        labels = labels_of(self._intervals[sample.movie, sample.person], sample.start, sample.stop)
        mask = np.ones(len(labels), bool)
        row: Mapping[str, np.ndarray] = {
            "holistic": read.holistic,
            "partial": read.partial,
            "present": read.present,
            "mask": mask,
            "labels": labels,
            "boundary": boundary_of(labels, self.info["boundary_sigma"]),
            **tokens,
        }
        length = self.info["L"]
        padded = {key: torch.from_numpy(_pad(value, length)) for key, value in row.items()}
        return {**padded, "text": torch.from_numpy(read.text)}

    def _tokens(self, sample: Sample, read: featurestore.Features) -> dict[str, np.ndarray]:
        store, person = self._features / f"{sample.movie}.zarr", sample.person
        if featurestore.attributes(store, person)["encoder"] in _WITHOUT_TOKENS:
            only = {name: getattr(read, name)[:, None] for name in featurestore.STREAMS}
        else:
            only = {
                name: featurestore.read_tokens(store, person, name, sample.start, sample.stop)
                for name in featurestore.STREAMS
            }
        return {f"{name}_tokens": value.astype(np.float16) for name, value in only.items()}


def _pad(value: np.ndarray, length: int) -> np.ndarray:
    width = [(0, length - len(value))] + [(0, 0)] * (value.ndim - 1)
    return np.pad(value, width)


def _to_frames(
    rows: Sequence[TimedAction], frames: int, fps: float, dropped: dict[str, int]
) -> list[Interval]:
    intervals = set()
    for row in rows:
        start = seconds_to_frame(row.start_s, fps)
        stop = max(seconds_to_frame(row.end_s, fps), start + 1)
        if start >= frames:
            dropped["intervals_outside_film"] += 1
            continue
        dropped["intervals_cut_at_end"] += stop > frames + 1
        intervals.add((CLASS_ID[row.action], start, min(stop, frames)))
    return sorted(intervals, key=lambda interval: interval[1:] + interval[:1])


def _check_store(
    facts: Mapping[str, Any], film: Film, person: int, config: ChunkConfig, store: Path
) -> None:
    for name, expected in (("fps", config.fps), ("reference", film.references[person])):
        if facts[name] != expected:
            raise RhasError(
                f"the feature store was made with another {name}",
                where=f"{store}, person {person}",
                expected=str(expected),
                got=str(facts[name]),
                do="run `dvc repro`",
            )


def _film_sides(films: Sequence[Film], config: ChunkConfig) -> dict[str, str]:
    """Cross-movie split: what the manifest fixes, and by chance what it leaves open."""
    open_films = [film.movie for film in films if film.subset is None]
    chosen = _assign(open_films, config)
    return {film.movie: film.subset or chosen[film.movie] for film in films}


def _assign(names: Sequence[str], config: ChunkConfig) -> dict[str, str]:
    """Train, val or test for each name: the order is that of seeded hashes, the shares exact."""
    ranked = sorted(
        names, key=lambda name: hashlib.sha256(f"{config.seed}:{name}".encode()).hexdigest()
    )
    sides = {}
    for rank, name in enumerate(ranked):
        share = (rank + 0.5) / len(ranked)
        test_from = 1 - config.fractions[2]
        val_from = test_from - config.fractions[1]
        sides[name] = "test" if share > test_from else "val" if share > val_from else "train"
    return sides


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
