"""Disk: what the stages will write, and what is free."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.files import check_writable, read_json
from rhas.base.formatting import format_size
from rhas.check.data import CheckedFilm
from rhas.config.params import Params
from rhas.stores.features import CHUNK_FRAMES

_FRAME_BYTES = 0.25  # per pixel of a JPEG frame, quality 92; measured 0.20 to 0.24
_CROP_BYTES = 0.6  # per pixel of a crop of 64 pixels; larger ones take less
_FREE_SHARE = 0.9
_WIDTHS: dict[str, tuple[tuple[str, ...], int]] = {
    "blip2": (("qformer_config", "hidden_size"), 768),
    "clip": (("projection_dim",), 512),
    "siglip2": (("vision_config", "hidden_size"), 768),
}
"""Where an encoder's config.json tells D, and what D usually is."""
_ANY_WIDTH: tuple[tuple[str, ...], int] = ((), 768)
"""Of an encoder that is not listed above."""


def needed_bytes(
    films: Sequence[CheckedFilm],
    params: Params,
    measured: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Bytes by stage from nothing on.

    Args:
        measured: bytes per unit of a stage (`rhas.check.trial.count_written`), from a trial;
            without it from rates that were measured once.
    """
    from rhas.check.trial import count_written

    rates = dict(measured or {})
    short_side = params.decode.short_side
    crop = params.crop.size**2
    total: dict[str, float] = {}
    for film in films:
        frames = film.seconds * params.fps
        side = min(1.0, short_side / min(film.size))
        pixels = film.size[0] * film.size[1] * side**2
        blocks = math.ceil(frames / CHUNK_FRAMES) * CHUNK_FRAMES
        estimates = {
            "decode": frames * pixels * _FRAME_BYTES,
            "crop": frames * film.persons * crop * _CROP_BYTES,
            "extract": film.persons * 2 * blocks * feature_width(params) * 2,
        }
        for stage, estimate in estimates.items():
            exact = stage == "extract" or stage not in rates
            amount = estimate if exact else rates[stage] * count_written(film, stage, params)
            total[stage] = total.get(stage, 0.0) + amount
    return total


def feature_width(params: Params) -> int:
    """D of the encoder that will run, from its checkpoint's config.json where it is here."""
    extract = params.extract
    keys, usual = _WIDTHS.get(extract.vlm, _ANY_WIDTH)
    config = Path(extract.checkpoint) / "config.json"
    found: Any = None
    if config.is_file():
        with suppress(RhasError):  # told with the weights
            found = read_json(config)
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int) else usual


def check_room(need: Mapping[str, float], root: Path, vlm: str) -> Check:
    """What is to be written, less what is there, against the free space of ``root``'s disk."""
    places = {"decode": "frames", "crop": "tracks", "extract": f"features/{vlm}"}
    there = {stage: _measure_folder(root / "data" / place) for stage, place in places.items()}
    left = sum(max(0.0, need[stage] - there[stage]) for stage in need)
    free = shutil.disk_usage(root).free
    shown = ", ".join(f"{stage} {format_size(amount)}" for stage, amount in need.items())
    found = f"about {format_size(sum(need.values()))} in all ({shown}), "
    found += f"{format_size(left)} of it to come; {format_size(free)} free"
    if left > _FREE_SHARE * free:
        return Check("disk", "fail", found, "free some, lower decode.short_side or crop.size, or "
                     "move DVC's cache: `dvc cache dir`")  # fmt: skip
    return Check("disk", "ok", found)


def check_folders(root: Path) -> Iterator[Check]:
    """Whether the stages can write into the project's folders; nothing where they can."""
    for place in (root, *(root / name for name in ("data", "models", "results"))):
        try:
            check_writable(place)
        except RhasError as error:
            yield Check("folders", "fail", f"{error.where}: {error.what}", error.do)


def _measure_folder(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
