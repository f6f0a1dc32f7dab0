"""Functions that ``import rhas`` offers on films."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from film_functions import in_this_process
from films import write_film

import rhas
import rhas.pipeline.features

ROOT = Path(__file__).resolve().parents[1]


def test_only_the_films_of_the_call_are_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", in_this_process)
    (tmp_path / "out" / "features" / "earlier.zarr").mkdir(parents=True)
    film = tmp_path / "one.mp4"
    write_film(film, range(10))
    stores = rhas.extract_features([film], ["the woman in the red coat"], "out")
    assert stores == {"one": Path("out/features/one.zarr")}
    assert len(rhas.read_features(stores["one"], 0).present) > 0
