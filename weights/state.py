"""What a training that was cut goes on from, and what a part that is done has learned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rhas.base.errors import RhasError

EVERY = 100  # steps


def load_state(path: Path, made_with: Mapping[str, object], device: str) -> dict[str, Any] | None:
    """What `save_state` kept there, on ``device``; None: nothing, or that of other options."""
    if not path.is_file():
        return None
    kept: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    if kept.pop("made_with") != _told(made_with):
        return None
    print(f"goes on after step {kept['step']}, from {path}", flush=True)
    return kept


def load_learned(path: Path, made_with: Mapping[str, object], device: str) -> dict[str, Any] | None:
    """What `save_state` kept there of a part that is done, on ``device``; None: nothing.

    Raises:
        RhasError: it was learned with other options, or does not say with which.
    """
    if not path.is_file():
        return None
    kept = torch.load(path, weights_only=True, map_location=device)
    told = kept.pop("made_with", None) if isinstance(kept, dict) else None
    if told != _told(made_with):
        raise RhasError(
            f"learned with {'other' if told else 'unknown'} options",
            where=str(path),
            expected=_told(made_with),
            got=told or "a file that does not name them",
            do="delete it to learn it again, or name another place with --cache",
        )
    return kept


def save_state(path: Path, made_with: Mapping[str, object], **kept: Any) -> None:
    """Keeps ``kept``, of a training that goes on ``step`` among it; whole, or what was there
    stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".tmp")
    torch.save({**kept, "made_with": _told(made_with)}, part)
    part.replace(path)


def _told(made_with: Mapping[str, object]) -> str:
    return json.dumps(dict(made_with), sort_keys=True, default=str)
