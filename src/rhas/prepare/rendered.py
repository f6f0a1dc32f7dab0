"""Prepare: the films of RHAS-mini, their references and annotations, and a manifest of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rhas.base.files import hash_file, write_json
from rhas.data.annotations import TimedAction
from rhas.data.raw import write_raw_tables
from rhas.engine.workcache import Entry, Job, Progress, link
from rhas.mini import FilmSpec, FilmTruth, MiniConfig, film_specs, write_film
from rhas.stores.jpegstore import create_dataset, create_h5
from rhas.stores.manifest import Film, Manifest

LOOKALIKES = ("none", "place", "garment")
"""Kinds of look-alikes (`rhas.mini.attributes.classify_lookalike`), as truth files number them."""


def mini_jobs(config: MiniConfig) -> list[Job]:
    """One job per film of RHAS-mini."""
    return [
        Job(
            spec.movie,
            {},
            {"spec": asdict(spec)},
            spec.movie,
            size=float(round(spec.seconds * spec.rate)),
        )
        for spec in film_specs(config)
    ]


def render_film(
    inputs: Mapping[str, Path], arguments: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Renders one film of RHAS-mini into the folder ``out``: film, truth.h5 and film.json."""
    spec = FilmSpec(**arguments["spec"])
    out.mkdir()
    truth = write_film(spec, out, progress)
    _write_truth(out / "truth.h5", spec, truth)
    facts = {
        "movie": spec.movie,
        "file": next(p.name for p in out.iterdir() if p.stem == spec.movie),
        "subset": spec.subset,
        "references": list(truth.references),
        "intervals": [list(interval) for interval in truth.intervals],
    }
    write_json(out / "film.json", facts, sort_keys=False)
    return {
        "source_frames": len(truth.boxes),
        "persons": len(truth.references),
        "intervals": len(truth.intervals),
    }


def assemble_mini(entries: Sequence[Entry], out: Path) -> None:
    """The folder data/raw (DESIGN.md, Files) of rendered films."""
    films, annotations = [], []
    (out / "films").mkdir()
    (out / "truth").mkdir()
    for entry in entries:
        facts = json.loads((entry.result / "film.json").read_text("utf-8"))
        movie, file = facts["movie"], f"films/{facts['file']}"
        link(entry.result / facts["file"], out / file)
        link(entry.result / "truth.h5", out / "truth" / f"{movie}.h5")
        films.append(
            Film(movie, file, hash_file(out / file), tuple(facts["references"]), facts["subset"])
        )
        annotations += [TimedAction(movie, *interval) for interval in facts["intervals"]]
    write_raw_tables(Manifest("mini", tuple(films), truth=True), annotations, out)


def read_truth(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """True boxes of a rendered film: boxes float32 (F, P, 4) in pixels of the source frame, NaN
    where not visible; visible float32 (F, P) in [0, 1]; time float64 (F,) in seconds; and the
    source's (width, height). F counts source frames."""
    with h5py.File(path) as file:
        size = (int(file.attrs["width"]), int(file.attrs["height"]))
        return file["boxes"][:], file["visible"][:], file["time"][:], size


def _write_truth(path: Path, spec: FilmSpec, truth: FilmTruth) -> None:
    with create_h5(path) as file:
        file.attrs["width"], file.attrs["height"] = spec.width, spec.height
        create_dataset(file, "boxes", truth.boxes.astype(np.float32))
        create_dataset(file, "visible", truth.visible.astype(np.float32))
        create_dataset(file, "time", np.arange(len(truth.boxes)) / float(spec.rate))
        create_dataset(file, "cuts", np.asarray(truth.cuts, np.int32))
        numbers = [LOOKALIKES.index(name) for name in truth.lookalikes]
        create_dataset(file, "lookalike", np.asarray(numbers, np.uint8))
