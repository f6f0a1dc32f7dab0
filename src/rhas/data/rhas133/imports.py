"""What `rhas import rhas133` does: stores and tables from published pickles and features."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.data.audit import Audit
from rhas.data.imports import ImportRequest, ImportResult, ImportTarget
from rhas.data.labels import read_label_map
from rhas.data.raw import write_raw_tables
from rhas.data.rhas133.layout import Protocol, PublishedFiles, Vlm
from rhas.data.rhas133.samples import write_samples
from rhas.data.rhas133.sources import find_samples
from rhas.data.user_folder import import_alone, remove_new_folders_on_failure
from rhas.engine.stage import new_folder
from rhas.stores.manifest import Manifest


@dataclass(frozen=True)
class Rhas133Import(ImportRequest):
    """RHAS133's published files.

    Args:
        pickles: folder of the pickles.
        features: folder of the folders of features.
        vlm: which features.
        protocol: which of the paper's two splits.
        fps: frames per second of the features.
        id_base: number of the first class in the pickles.
        label_map: table ``from,to`` of actions.
    """

    kind = "rhas133"

    pickles: Path
    features: Path
    vlm: Vlm = "blip2"
    protocol: Protocol = "cross_movie"
    fps: float = 15.0
    id_base: int = 0
    label_map: Path | None = None


class _Stopped(Exception):
    """Nothing is to be written."""


def import_rhas133(
    request: Rhas133Import, target: ImportTarget, progress: Callable[[int, int], None]
) -> ImportResult:
    """A feature store per sample in ``features/<vlm>``, and tables in ``raw``; waits for another
    import into the same folder.

    Args:
        progress: called with the samples done and their total.

    Raises:
        RhasError: data are there already, parameters that cannot be set, a pickle that is refused
            or of another form.
    """
    with import_alone(target.out):
        return _import_rhas133(request, target, progress)


def _import_rhas133(
    request: Rhas133Import, target: ImportTarget, progress: Callable[[int, int], None]
) -> ImportResult:
    stores, raw = target.out / "features" / request.vlm, target.out / "raw"
    _check_free(request, (stores, raw), target.replace)
    target.check_params()
    audit = Audit()
    labels = read_label_map(request.label_map, None)
    files = PublishedFiles(request.pickles, request.features, request.vlm, request.protocol)
    samples = find_samples(files, audit)
    written = False
    with (
        contextlib.suppress(_Stopped),
        remove_new_folders_on_failure(stores.parent),
        new_folder(stores) as stores_folder,
        new_folder(raw) as tables,
    ):
        films, annotations = write_samples(
            samples, labels, request.id_base, request.fps, request.vlm, stores_folder, audit,
            progress,
        )  # fmt: skip
        if not films or (audit.stops and not target.drop):
            raise _Stopped
        write_raw_tables(Manifest("rhas133", tuple(films)), annotations, tables)
        written = True
    if written:
        for name in ("frames", "boxes", "tracks"):  # evaluate depends on them, with a film or not
            (target.out / name).mkdir(exist_ok=True)
    return target.finish(audit, request, written)


def _check_free(request: Rhas133Import, written: Sequence[Path], replace: bool) -> None:
    """Raises RhasError where the import would delete what it reads or, unasked, what is there."""
    sources = [path for path in (request.pickles, request.features, request.label_map) if path]
    for source, folder in product(sources, written):
        if source.resolve().is_relative_to(folder.resolve()):
            raise RhasError(
                "the import would delete what it reads",
                where=str(source),
                got=f"it lies in {folder}, which is written anew",
                do="move it to another folder, or give another --out",
            )
    present = [str(folder) for folder in written if folder.is_dir() and any(folder.iterdir())]
    if present and not replace:
        raise RhasError(
            "there are data already",
            where=", ".join(present),
            do="give --replace; what DVC has recorded comes back with `dvc checkout --force`",
        )
