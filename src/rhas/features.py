"""From films and references to feature stores in one go (`rhas features`), outside DVC."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.crop import crop_film
from rhas.decode import decode_film
from rhas.engine.jobs import crop_job, decode_job, extract_job, ground_job
from rhas.engine.stage import try_compute, write_json
from rhas.engine.workcache import Entry, WorkCache, link
from rhas.extract import extract_film
from rhas.ground import ground_film


def extract_features(
    films: Sequence[Path],
    references: Sequence[str],
    values: Mapping[str, Any],
    cache: WorkCache,
    out: Path,
) -> dict[str, BaseException]:
    """Decodes, grounds, crops and extracts films; returns the failures by movie.

    Writes ``out/{frames,boxes,tracks,features}/<movie>.*`` as the DVC stages do, and
    ``out/report.json``. A film that fails in one step leaves nothing and stops no other film.

    Args:
        films: files; their stems name the movies and must differ.
        references: sentences, one per person to find in every film.
        values: params.yaml.
        cache: where results are kept and looked up.
        out: folder to write, made where missing.
    """
    names = [film.stem for film in films]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RhasError("two films of one name", got=", ".join(twice), do="rename one of them")
    report: dict[str, dict[str, Any]] = {name: {} for name in names}
    failures: dict[str, BaseException] = {}

    def step(stage: str, function: Any, jobs: Sequence[Any], folder: str) -> dict[str, Entry]:
        entries, failed = try_compute(cache, stage, function, jobs)
        failures.update(failed)
        for job in jobs:
            if job.name in entries:
                target = out / folder / job.target
                _replace(entries[job.name].result, target)
                report[job.name][stage] = entries[job.name].report
            else:
                report[job.name][stage] = {"error": str(failed[job.name])}
        return entries

    decoded = step("decode", decode_film, [decode_job(f.stem, f, values) for f in films], "frames")
    frames = {name: entry.result for name, entry in decoded.items()}
    grounded = step(
        "ground",
        ground_film,
        [ground_job(n, references, frames[n], out / "no-truth", values) for n in frames],
        "boxes",
    )
    tracked = step(
        "crop",
        crop_film,
        [crop_job(n, frames[n], grounded[n].result, values) for n in grounded],
        "tracks",
    )
    step(
        "extract",
        extract_film,
        [extract_job(n, frames[n], tracked[n].result, values) for n in tracked],
        "features",
    )
    write_json(out / "report.json", report)
    return failures


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    link(source, target)
