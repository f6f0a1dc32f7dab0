"""Prepare: the films of RHAS-mini, their references and annotations, and a manifest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhas.base.files import hash_file, read_json, write_json
from rhas.base.progress import Progress
from rhas.config.mini import MiniConfig
from rhas.data.annotations import TimedAction
from rhas.data.raw import write_raw_tables
from rhas.engine.stage import compute_jobs
from rhas.engine.steps import Job
from rhas.engine.workcache import Entry, WorkCache, link_files
from rhas.mini import FilmSpec, FilmTruth, film_specs, write_film
from rhas.stores.manifest import Film, Manifest
from rhas.stores.truth import Lookalike, TrueBoxes


@dataclass(frozen=True)
class RenderReport:
    """What is in a rendered film: counts."""

    source_frames: int
    persons: int
    intervals: int


def mini_jobs(config: MiniConfig) -> list[Job]:
    """One job per film of RHAS-mini."""
    return [
        Job(
            name=spec.movie,
            step="prepare",
            function=render_film,
            records=(spec,),
            target=spec.movie,
            size=float(round(spec.seconds * spec.rate)),
        )
        for spec in film_specs(config)
    ]


def render_film(spec: FilmSpec, out: Path, progress: Progress) -> RenderReport:
    """Renders one film of RHAS-mini into the folder ``out``: film, truth.h5 and film.json."""
    out.mkdir()
    truth = write_film(spec, out, progress)
    _true_boxes(spec, truth).write(out / "truth.h5")
    facts = {
        "movie": spec.movie,
        "file": next(p.name for p in out.iterdir() if p.stem == spec.movie),
        "subset": spec.subset,
        "references": list(truth.references),
        "intervals": [list(interval) for interval in truth.intervals],
    }
    write_json(out / "film.json", facts, sort_keys=False)
    return RenderReport(len(truth.boxes), len(truth.references), len(truth.intervals))


def prepare_mini(config: MiniConfig, cache: WorkCache, out: Path) -> None:
    """Renders RHAS-mini's films, each once for the work cache, and assembles data/raw of them.

    Raises:
        RhasError: names every film that failed, after all others are done.
    """
    assemble_mini(compute_jobs(cache, "prepare", mini_jobs(config)), out)


def assemble_mini(entries: Sequence[Entry], out: Path) -> None:
    """The folder data/raw (DESIGN.md, Files) of rendered films."""
    films, annotations = [], []
    (out / "films").mkdir()
    (out / "truth").mkdir()
    for entry in entries:
        facts = read_json(entry.result / "film.json")
        movie, file = facts["movie"], f"films/{facts['file']}"
        link_files(entry.result / facts["file"], out / file)
        link_files(entry.result / "truth.h5", out / "truth" / f"{movie}.h5")
        films.append(
            Film(movie, file, hash_file(out / file), tuple(facts["references"]), facts["subset"])
        )
        annotations += [TimedAction(movie, *interval) for interval in facts["intervals"]]
    write_raw_tables(Manifest("mini", tuple(films), truth=True), annotations, out)


def _true_boxes(spec: FilmSpec, truth: FilmTruth) -> TrueBoxes:
    lookalikes = [Lookalike[name.upper()] for name in truth.lookalikes]
    return TrueBoxes(
        width=spec.width,
        height=spec.height,
        boxes=truth.boxes.astype(np.float32),
        visible=truth.visible.astype(np.float32),
        time=np.arange(len(truth.boxes)) / float(spec.rate),
        cuts=np.asarray(truth.cuts, np.int32),
        lookalike=np.asarray(lookalikes, np.uint8),
    )
