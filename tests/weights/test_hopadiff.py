"""The built-in HopaDIFF is the one that `make repro` trains."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from rhas.evaluate.fitted import READOUT, FittedReadout, hash_model
from rhas.experiments.dvcfiles import hash_as_dvc
from rhas.extract.checkpoint import checkpoint_hash

ROOT = Path(__file__).resolve().parents[2]
BUILT_IN = ROOT / "weights/hopadiff"


def recorded(stage: str, path: str) -> str:
    """The MD5 of an output in dvc.lock."""
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text("utf-8"))
    return next(out["md5"] for out in lock["stages"][stage]["outs"] if out["path"] == path)


def test_the_model_is_that_of_dvc_lock(tmp_path: Path) -> None:
    model = tmp_path / "hopadiff"
    shutil.copytree(BUILT_IN, model, ignore=shutil.ignore_patterns(READOUT))
    assert hash_as_dvc(model) == recorded("train", "models/hopadiff")


def test_the_readout_is_that_of_dvc_lock() -> None:
    assert hash_as_dvc(BUILT_IN / READOUT) == recorded("evaluate", "results/readout.json")


def test_readout_and_encoder_belong_to_the_model() -> None:
    origin = FittedReadout.read(BUILT_IN / READOUT).origin
    assert origin.model == hash_model(BUILT_IN)
    assert origin.encoder == "blip2"
    assert origin.encoder_hash == checkpoint_hash(ROOT / "weights/blip2")


@pytest.mark.parametrize("name", ["grounding", "blip2", "clip", "hopadiff"])
def test_the_package_has_it(name: str) -> None:
    packaged = ROOT / "src/rhas/weights" / name
    assert packaged.resolve() == ROOT / "weights" / name
