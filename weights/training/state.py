"""Files that an interrupted training resumes from, and results of a finished part of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rhas.base.errors import RhasError

Options = Mapping[str, object]
"""What the result of a training depends on."""


def load_state(path: Path, options: Options, device: str) -> dict[str, Any] | None:
    """What `save_state` wrote, on ``device``; None: there is no file, or one of other options."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    if state.pop("made_with") != _to_text(options):
        return None
    print(f"resumes after update {state['step']}, from {path}", flush=True)
    return state


def load_result(path: Path, options: Options, device: str) -> dict[str, Any] | None:
    """What `save_state` wrote of a finished part, on ``device``; None: there is no file.

    Raises:
        RhasError: it was learned with other options, or does not name them.
    """
    if not path.is_file():
        return None
    state = torch.load(path, weights_only=True, map_location=device)
    found = state.pop("made_with", None) if isinstance(state, dict) else None
    if found != _to_text(options):
        raise RhasError(
            f"learned with {'other' if found else 'unknown'} options",
            where=str(path),
            expected=_to_text(options),
            got=found or "a file that does not name them",
            do="delete it to learn it again, or name another place with --cache",
        )
    return state


def save_state(path: Path, options: Options, **values: Any) -> None:
    """Write ``values``; a killed write leaves the file that was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".tmp")
    torch.save({**values, "made_with": _to_text(options)}, part)
    part.replace(path)


def _to_text(options: Options) -> str:
    return json.dumps(dict(options), sort_keys=True, default=str)
