from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from rhas.base.files import hash_file
from rhas.config.mini import MiniConfig
from rhas.data.annotations import read_annotations
from rhas.engine.workcache import WorkCache
from rhas.mini import film_specs, simulate_film
from rhas.prepare.rendered import assemble_mini, mini_jobs
from rhas.stores.manifest import Manifest
from rhas.stores.truth import Lookalike, TrueBoxes


def test_rendered_films_become_a_data_set(tmp_path: Path) -> None:
    config = MiniConfig(films=2, seconds_scale=0.02)
    cache, out = WorkCache(tmp_path / "work"), tmp_path / "raw"
    jobs = mini_jobs(config)
    entries = [cache.compute_entry(j.name, j, lambda n: None) for j in jobs]
    out.mkdir()
    assemble_mini(entries, out)
    manifest = Manifest.read(out)
    assert manifest.truth
    assert [film.movie for film in manifest.films] == ["mini_00", "mini_01"]
    for film, job, entry in zip(manifest.films, jobs, entries, strict=True):
        assert hash_file(out / film.file) == film.sha256
        truth = TrueBoxes.read(out / "truth" / f"{film.movie}.h5")
        boxes = truth.boxes
        assert truth.persons == len(film.references)
        assert len(truth.time) == entry.report["source_frames"] == job.size
        assert np.nanmin(boxes) >= 0
        assert np.nanmax(boxes[..., 2]) <= truth.width
        assert np.nanmax(boxes[..., 3]) <= truth.height
    assert {row.movie for row in read_annotations(out)} <= {"mini_00", "mini_01"}
    report = json.loads((entries[0].folder / "entry.json").read_text())
    assert report["report"]["persons"] == len(manifest.films[0].references)
    truth = TrueBoxes.read(out / "truth" / "mini_00.h5")
    facts = simulate_film(film_specs(config)[0])
    assert [Lookalike(n).name.lower() for n in truth.lookalike] == facts.lookalikes
