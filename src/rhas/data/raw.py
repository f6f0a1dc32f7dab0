"""The tables of data/raw (docs/DESIGN.md, Files)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.data.annotations import TimedAction, write_annotations
from rhas.data.references import write_references
from rhas.stores.classes import write_classes
from rhas.stores.manifest import Manifest


def write_raw_tables(
    manifest: Manifest,
    annotations: Iterable[TimedAction],
    out: Path,
    classes: ClassList = RHAS133,
) -> None:
    """Writes manifest.json, annotations.csv, references.csv and, for other classes than RHAS133's,
    classes.txt."""
    manifest.write(out)
    write_annotations(out, annotations)
    write_classes(out, classes)
    write_references(out, {film.movie: film.references for film in manifest.films})
