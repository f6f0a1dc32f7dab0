"""From films, annotations and feature stores to the index of samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.base.files import write_csv, write_json
from rhas.chunk.config import ChunkConfig
from rhas.chunk.labels import Interval, to_frames
from rhas.chunk.samples import Sample
from rhas.chunk.split import assign, film_sides
from rhas.data.annotations import TimedAction
from rhas.stores import featurestore
from rhas.stores.manifest import SUBSETS, Film


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
    sides = film_sides(films, {movie for movie, _ in rows}, config)
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
            intervals[film.movie, person] = to_frames(
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
        chosen = assign([w.sample for w in windows], config)
        windows = [Sample(**{**w.__dict__, "split": chosen[w.sample]}) for w in windows]

    write_csv(
        out / "index.csv",
        ["sample", "movie", "person", "start", "stop", "split"],
        [[w.sample, w.movie, w.person, w.start, w.stop, w.split] for w in windows],
    )
    write_csv(
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
    write_json(out / "info.json", info)
    return info


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
