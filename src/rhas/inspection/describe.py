"""Any of the project's stores as plain values; what ``rhas inspect --json`` prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rhas.inspection.checkpoints import describe_checkpoint
from rhas.inspection.features import describe_store, describe_stores
from rhas.inspection.films import describe_film, describe_films
from rhas.inspection.kinds import Kind, kind_of
from rhas.inspection.reading import reading
from rhas.inspection.samples import describe_samples
from rhas.inspection.scores import describe_scores

_DESCRIBERS: dict[Kind, Callable[[Path], dict[str, Any]]] = {
    "feature store": describe_store,
    "feature stores": describe_stores,
    "frames": describe_film,
    "boxes": describe_film,
    "tracks": describe_film,
    "film stores": describe_films,
    "samples": describe_samples,
    "model": describe_checkpoint,
    "weights": describe_checkpoint,
    "scores": describe_scores,
}


def describe(path: Path) -> dict[str, Any]:
    """What ``path`` holds, JSON-able; ``kind`` says which it is.

    Raises:
        RhasError: not one of the project's stores, or a damaged one.
    """
    with reading(path):
        return _DESCRIBERS[kind_of(path)](path)
