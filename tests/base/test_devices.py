"""A device that is not here is told the same way by every stage and command, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from rhas.base.devices import check_compiler, check_device
from rhas.base.errors import RhasError
from rhas.config.params import SECTIONS, load_params
from rhas.config.section import Section, read_section
from rhas.engine.stage import try_jobs
from rhas.engine.steps import FilmFiles, Job
from rhas.engine.workcache import WorkCache
from rhas.extract.encoders import load_encoder
from rhas.ground import make_grounder
from rhas.pipeline.features import extract_features
from rhas.train import load_method
from rhas.train.fit import fit

ROOT = Path(__file__).resolve().parents[2]
WITH_DEVICE = [kind for kind in SECTIONS if "device" in kind.model_fields]
NONE = "no CUDA device on this machine"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def read(kind: type[Section]) -> Section:
    """The section of params.yaml, on a GPU."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    values[kind.section]["device"] = "cuda"
    return read_section(kind, values)


@pytest.mark.parametrize("kind", WITH_DEVICE)
def test_every_section_with_a_device(kind: type[Section]) -> None:
    with pytest.raises(RhasError, match=rf"{kind.section}\.device: {NONE}") as caught:
        read(kind).check_machine()
    assert f"set {kind.section}.device to cpu" in caught.value.do


def test_true_boxes_need_no_device() -> None:
    ground = load_params(ROOT / "params.yaml").ground
    ground.replace(backend="truth", device="cuda").check_machine()
    ground.check_machine()


@pytest.mark.parametrize("kind", WITH_DEVICE)
def test_a_stage_tells_it_once_and_starts_no_process(kind: type[Section], tmp_path: Path) -> None:
    def never(*_: object) -> object:
        raise AssertionError

    records = (FilmFiles("m"), read(kind))
    jobs = [Job(name, "step", never, records, name) for name in ("a", "b")]  # type: ignore[arg-type]
    with pytest.raises(RhasError) as caught:
        try_jobs(WorkCache(tmp_path), "step", jobs)
    assert str(caught.value).count(NONE) == 1


def test_whatever_loads_a_model(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    for load in (
        lambda: make_grounder(params.ground.replace(device="cuda")),
        lambda: load_encoder("blip2", tmp_path, "cuda"),
        lambda: load_method(tmp_path, "cuda"),
        lambda: fit([], [], params.train.replace(device="cuda"), out=tmp_path),
    ):
        with pytest.raises(RhasError, match=NONE):
            load()


@pytest.mark.parametrize("section", ["ground", "extract"])
def test_features_says_it_before_it_reads_a_film(section: str, tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    changed = getattr(params, section).replace(device="cuda")
    params = params.replace(**{section: changed})
    with pytest.raises(RhasError, match=rf"{section}\.device: {NONE}"):
        extract_features([tmp_path / "none.mp4"], ["a"], params, WorkCache(tmp_path), tmp_path)  # type: ignore[arg-type]


def test_a_compiler_is_asked_for_where_one_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RhasError, match=r"ground\.compile: torch\.compile needs a C\+\+ compiler"):
        check_compiler("cpu", "ground.compile")
    check_compiler("cuda", "ground.compile")
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    check_compiler("cpu", "ground.compile")


def test_a_cpu_is_everywhere() -> None:
    check_device("cpu", "train.device")
