"""The device that a model runs on: one judgement for every stage and command."""

from __future__ import annotations

import os
import shutil

from rhas.base.errors import RhasError

_COMPILERS = ("g++", "clang++", "c++", "cl")


def check_device(device: str, where: str) -> None:
    """Checks that this machine has a device.

    Args:
        device: ``cpu`` or ``cuda``.
        where: the parameter that names it.

    Raises:
        RhasError: ``cuda`` without a GPU, or with a torch built without CUDA.
    """
    if device == "cpu":
        return
    import torch  # seconds, which a CPU's configuration does not need

    if not torch.cuda.is_available():
        raise RhasError(
            "no CUDA device on this machine, or a torch built without CUDA",
            where=where,
            expected="cpu",
            got=f"{device}, torch {torch.__version__}",
            do=f"set {where} to cpu, or install a CUDA build of torch",
        )


def check_compiler(device: str, where: str) -> None:
    """Checks that ``torch.compile`` finds the C++ compiler that it needs for a CPU.

    Args:
        device: ``cpu`` or ``cuda``.
        where: the parameter that asks for it.

    Raises:
        RhasError: there is none.
    """
    names = (os.environ["CXX"],) if "CXX" in os.environ else _COMPILERS
    if device == "cpu" and not any(map(shutil.which, names)):
        raise RhasError(
            "torch.compile needs a C++ compiler",
            where=where,
            expected=" or ".join(names),
            got="none on the PATH",
            do=f"install one, or set {where} to false",
        )
