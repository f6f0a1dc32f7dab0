"""From films, annotations and feature stores to the index of samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.chunk.labels import convert_to_frames
from rhas.chunk.split import assign_subsets, split_films
from rhas.config.chunk import ChunkConfig
from rhas.data.annotations import TimedAction
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import SUBSETS, Film
from rhas.stores.samples import Interval, Sample, SampleIndex, SampleInfo


def write_samples(
    films: Sequence[Film],
    annotations: Sequence[TimedAction],
    features: Path,
    config: ChunkConfig,
    out: Path,
    classes: ClassList = RHAS133,
) -> SampleInfo:
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
    sides = split_films(films, {movie for movie, _ in rows}, config)
    D = D_text = 0
    for film in films:
        store = FeatureStore(features / f"{film.movie}.zarr")
        frames = _check_store(store, film, config)
        D, D_text = store.read_widths()
        for person in range(len(film.references)):
            if not rows[film.movie, person]:
                unannotated.append(f"{film.movie} person {person}")
                continue
            intervals[film.movie, person] = convert_to_frames(
                rows[film.movie, person], classes.ids, frames, config.fps, dropped
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
        chosen = assign_subsets([w.sample for w in windows], config)
        windows = [replace(w, split=chosen[w.sample]) for w in windows]

    info = SampleInfo(
        C=len(classes),
        L=config.frame_len,
        D=D,
        D_text=D_text,
        fps=config.fps,
        features=features.as_posix(),
        split=config.split,
        boundary_sigma=config.boundary_sigma,
        references={film.movie: list(film.references) for film in films},
        samples={side: sum(w.split == side for w in windows) for side in SUBSETS},
        dropped=dropped,
        persons_without_annotation=unannotated,
        classes=classes.names,
    )
    SampleIndex(info, windows, intervals).write(out)
    return info


def _check_store(store: FeatureStore, film: Film, config: ChunkConfig) -> int:
    """The number of frames of a store that fits the film and the configuration."""
    info = store.read_info()
    sentences = enumerate(zip_longest(film.references, info.references))
    for name, person, expected, got in (
        ("fps", "", config.fps, info.fps),
        *(("reference", f", person {number}", *pair) for number, pair in sentences),
    ):
        if got != expected:
            raise RhasError(
                f"the feature store was made with another {name}",
                where=f"{store.path}{person}",
                expected=str(expected),
                got=str(got),
                do="run `dvc repro`",
            )
    return info.frames
