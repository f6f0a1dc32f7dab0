"""Checkpoints: there, whole, loadable; and the GPU where one is asked for."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from rhas.base.checkpoints import checkpoint_folder, local_checkpoint
from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.formatting import format_size
from rhas.config.params import Params
from rhas.stores.checkpoints import estimate_weight_bytes

_ROOM = 0.8  # of the GPU's free memory that weights may take; the rest is for what they compute


def check_weights(params: Params, load: bool) -> list[Check]:
    """Checkpoints of ground and extract.

    Args:
        params: params.yaml.
        load: build the models; else only see that the files are there.
    """
    checks = []
    ground = params.ground
    if ground.backend == "truth":
        checks.append(Check("ground.checkpoint", "ok", "not read: true boxes"))
    else:
        checks.append(
            _try_loading(
                "ground.checkpoint", ground.checkpoint, load, lambda: _try_grounding(ground)
            )
        )
    extract = params.extract
    checks.append(
        _try_loading(f"extract.checkpoints.{extract.vlm}", extract.checkpoint, load,
               lambda: _try_encoder(extract))
    )  # fmt: skip
    return checks


def _try_grounding(config: Any) -> int:
    from rhas.ground.grounding import make_grounder

    return _count_parameters(make_grounder(config))


def _try_encoder(config: Any) -> int:
    from rhas.extract.encoders import load_encoder

    folder = checkpoint_folder(config.checkpoint)
    return _count_parameters(load_encoder(config.vlm, folder, config.device))


def _count_parameters(holder: Any) -> int:
    """Parameters of the networks that an object holds."""
    modules = [value for value in vars(holder).values() if isinstance(value, torch.nn.Module)]
    return sum(p.numel() for module in modules for p in module.parameters())


def _try_loading(name: str, checkpoint: str, load: bool, attempt: Callable[[], int]) -> Check:
    began = time.perf_counter()
    if not load:
        try:
            folder = checkpoint_folder(checkpoint)
        except RhasError as error:
            return Check(name, "fail", f"{checkpoint}: {error.what}", error.do)
        files = sum(path.is_file() for path in folder.iterdir())
        return Check(name, "ok", f"{checkpoint}: {files} files, not loaded")
    try:
        parameters = attempt()
    except RhasError as error:
        parts = [error.where, error.what, f"got {error.got}" if error.got else ""]
        return Check(name, "fail", ": ".join(part for part in parts if part), error.do)
    finally:
        gc.collect()
    took = time.perf_counter() - began
    return Check(name, "ok", f"{checkpoint} loads in {took:.1f} s: {parameters / 1e6:,.1f} M "
                 f"parameters, {format_size(4 * parameters)} as float32")  # fmt: skip


def check_gpu(
    params: Params, sections: Sequence[str] = ("ground", "extract", "train")
) -> list[Check]:
    """Free GPU memory against the weights of the models that are to run there.

    Args:
        sections: those of params.yaml that will run.
    """
    wanted = [s for s in sections if getattr(params, s).device == "cuda"]
    if not wanted:
        return []
    named = ", ".join(f"{section}.device" for section in wanted)
    if not torch.cuda.is_available():
        return [Check("GPU", "fail", f"{named}: cuda, and torch {torch.__version__} finds none",
                      "set device: cpu, or install a CUDA build of torch")]  # fmt: skip
    free, total = torch.cuda.mem_get_info()
    need = sum(_estimate_bytes(params, section) for section in wanted if section != "train")
    found = f"{torch.cuda.get_device_name()}: {format_size(free)} of {format_size(total)} free, "
    found += f"weights of {named} take {format_size(need)}"
    if need > _ROOM * free:
        return [Check("GPU", "fail", found, "free its memory, or use a smaller checkpoint")]
    return [Check("GPU", "ok", found)]


def _estimate_bytes(params: Params, section: str) -> int:
    """Weights of a section's checkpoint as float32; 0 where it is not here."""
    try:
        return estimate_weight_bytes(local_checkpoint(getattr(params, section).checkpoint))
    except RhasError:  # files of a download are missing: `check_weights` says so
        return 0
