"""Checkpoints: a trained method (models/<method>) or a folder in the format of transformers.

Only the header of ``model.safetensors`` is read: names, shapes, dtypes.
"""

from __future__ import annotations

import json
import math
import struct
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file, read_json
from rhas.stores.checking import Facts
from rhas.stores.kinds import find_kind

_HEADER_LIMIT = 100_000_000  # the format's own
_DO = "copy the folder again"
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth")


def describe_checkpoint(folder: Path) -> Facts:
    """What it is, its parameters by part, its files.

    Raises:
        RhasError: no weights, or a header that cannot be read.
    """
    kind = find_kind(folder)
    config = read_json(folder / "config.json", do=_DO)
    files = {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}
    weights = sorted({p for pattern in _WEIGHTS for p in folder.glob(pattern)})
    if not weights:
        raise RhasError(
            "no weights beside config.json", where=str(folder), expected=" or ".join(_WEIGHTS)
        )
    tensors: Facts = {}
    for file in weights:
        if file.suffix == ".safetensors":
            tensors |= read_header(file)
    parts: dict[str, dict[str, int]] = defaultdict(lambda: {"tensors": 0, "parameters": 0})
    for name, tensor in tensors.items():
        part = parts[_name_part(name, kind == "model")]
        part["tensors"] += 1
        part["parameters"] += math.prod(tensor["shape"])
    facts: Facts = {
        "kind": kind,
        "path": str(folder),
        "bytes": sum(files.values()),
        "files": files,
        "parameters": sum(part["parameters"] for part in parts.values()) if tensors else None,
        "dtypes": sorted({tensor["dtype"] for tensor in tensors.values()}),
        "parts": dict(parts),
        "flags": [] if tensors else ["weights are pickled: their shapes are not read"],
    }
    if kind == "model":
        report = folder / "report.json"
        return {
            **facts,
            "method": config["method"],
            "dims": config.get("dims"),
            "classes": config.get("classes"),
            "config": config.get("config"),
            "train": config.get("train"),
            "versions": config.get("versions"),
            "report": read_json(report, do=_DO) if report.is_file() else None,
        }
    return {
        **facts,
        "architecture": ", ".join(config.get("architectures") or [config.get("model_type", "?")]),
        "model_type": config.get("model_type"),
    }


def estimate_weight_bytes(folder: Path | None) -> int:
    """Bytes of a checkpoint's weights as float32; 0 where it is no folder with whole weights.

    Pickled weights count with the size of their files.
    """
    if folder is None or not folder.is_dir():
        return 0
    files = list(folder.glob("*.safetensors"))
    if not files:
        pickled = list(folder.glob("*.bin")) or folder.glob("*.pth")
        return sum(path.stat().st_size for path in pickled)
    try:
        return 4 * sum(_count_values(file, file.stat().st_mtime_ns) for file in files)
    except RhasError:  # said where they are loaded
        return 0


@lru_cache(maxsize=64)
def _count_values(file: Path, mtime_ns: int) -> int:
    """Of all tensors, by the header; a stage asks for each of its films."""
    return sum(math.prod(tensor["shape"]) for tensor in read_header(file).values())


def check_tensors(path: Path) -> Iterator[Check]:
    """Whether every value of the weights is finite, and no matrix has one value alone."""
    from safetensors import safe_open

    total = describe_checkpoint(path)["parameters"] or 0
    bad: list[str] = []
    constant: list[str] = []
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  (it has no __iter__)
                tensor = tensors.get_tensor(name)
                if not tensor.isfinite().all():
                    bad.append(name)
                elif (
                    tensor.ndim > 1 and tensor.numel() > 1 and (tensor == tensor.flatten()[0]).all()
                ):
                    constant.append(name)
    yield Check("finite", "fail" if bad else "ok",
                f"{len(bad)} tensors are not, first {bad[0]}" if bad else f"{total:,} values",
                "train or download it again" if bad else "")  # fmt: skip
    if constant:
        yield Check("matrices of one value", "warn", f"{len(constant)}, first {constant[0]}",
                    "was the training stopped before it began?")  # fmt: skip


def read_header(path: Path) -> dict[str, Facts]:
    """``dtype``, ``shape`` and ``data_offsets`` of every tensor of a safetensors file.

    Raises:
        RhasError: not such a file, or a truncated one.
    """
    check_regular_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= min(_HEADER_LIMIT, size - 8):
            raise _describe_damage(path, f"a header of {length} bytes in a file of {size}")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise _describe_damage(path, str(error)) from error
    if not isinstance(header, dict):
        raise _describe_damage(path, f"a header that is a {type(header).__name__}")
    header.pop("__metadata__", None)
    if odd := [name for name, tensor in header.items() if not _is_tensor(tensor)]:
        raise _describe_damage(path, f"a header that does not describe {odd[0][:60]!a}")
    end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    if end != size - 8 - length:
        raise _describe_damage(path, f"{size - 8 - length} bytes of tensors, {end} declared")
    return header


def _is_tensor(value: Any) -> bool:
    """Whether an entry of a header says all that it has to."""
    if not isinstance(value, dict) or not isinstance(value.get("dtype"), str):
        return False
    shape, offsets = value.get("shape"), value.get("data_offsets")
    if not _are_sizes(shape) or not _are_sizes(offsets):
        return False
    return len(offsets) == 2 and math.prod(shape) < 2**63


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(n) is int and n >= 0 for n in values)


def _describe_damage(path: Path, got: str) -> RhasError:
    return RhasError(
        "not a safetensors file, or a truncated one",
        where=str(path),
        got=got,
        do="download or train it again",
    )


def _name_part(name: str, method: bool) -> str:
    """The first one or two names of a parameter's path: the part of the model it belongs to."""
    pieces = name.split(".")
    return ".".join(pieces[: 1 if method else 2]) if len(pieces) > 2 else pieces[0]
