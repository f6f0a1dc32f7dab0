"""A short rendered film and a small untrained method."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rhas.config.mini import MiniConfig
from rhas.config.params import FilmParams, Params, parse_params, read_yaml
from rhas.methods import Dims, build_method
from rhas.mini import film_specs, simulate_film, write_film
from rhas.segment.request import OUTPUTS
from rhas.segment.run import segment_film
from rhas.train import method_config
from rhas.train.saved import save_method

from .asking import LENGTH, request

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def params() -> Params:
    """params.yaml, with small batches and absolute checkpoints."""
    made = read_yaml(ROOT / "params.yaml")
    made["ground"] |= {"batch_size": 2, "checkpoint": str(ROOT / made["ground"]["checkpoint"])}
    made["extract"] |= {
        "batch_size": 10,
        "checkpoints": {k: str(ROOT / v) for k, v in made["extract"]["checkpoints"].items()},
    }
    return parse_params(Params, made)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A film of about four seconds, and the sentences about its persons."""
    spec = film_specs(MiniConfig(films=1, seconds_scale=0.02))[0]
    folder = tmp_path_factory.mktemp("film")
    write_film(spec, folder)
    return folder / spec.file_name, tuple(simulate_film(spec).references[:2])


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """HopaDIFF as it is before training, for windows of `LENGTH` frames."""
    folder = tmp_path_factory.mktemp("model") / "hopadiff"
    config = params.train.replace(seed=0)
    dims = Dims(D=192, D_text=192, C=137, L=LENGTH)
    torch.manual_seed(0)
    method = build_method("hopadiff", method_config(config), dims)
    save_method(method, config, dims, folder)
    return folder


@pytest.fixture(scope="session")
def segmented(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:  # fmt: skip
    """The film's outputs, made in parts, with the overlay film."""
    out = tmp_path_factory.mktemp("segmented") / "out"
    told: list[str] = []
    summary = segment_film(request(rendered, model, params, out, overlay=True), told.append)
    assert summary["files"] == list(OUTPUTS)
    stages = ["decode", "ground", "crop", "extract", "sample", "overlay"]
    steps = [line for line in told if "person" not in line and "drawn figures" not in line]
    assert [line.split(":")[0] for line in steps] == stages
    assert "step 6 of 6" in told[-1]
    return out
