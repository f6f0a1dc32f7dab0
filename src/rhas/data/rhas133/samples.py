"""Feature stores and annotations of RHAS133's samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.data.annotations import TimedAction
from rhas.data.audit import Audit
from rhas.data.labels import LabelMap
from rhas.data.leaks import describe_sides, find_shared_frames, hash_frames, may_differ
from rhas.data.rhas133.classes import find_classes, find_intervals
from rhas.data.rhas133.features import read_features
from rhas.data.rhas133.layout import Vlm
from rhas.data.rhas133.sources import PublishedSample
from rhas.stores.features import FeatureInfo, Features, FeatureStoreWriter, measure_statistics
from rhas.stores.manifest import Film


def write_samples(
    samples: Sequence[PublishedSample],
    labels: LabelMap,
    base: int,
    fps: float,
    vlm: Vlm,
    out: Path,
    audit: Audit,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Film], list[TimedAction]]:
    """Writes a feature store per sample into the folder ``out``; a broken one becomes a finding.

    Args:
        base: number of the first class.
        fps: frames per second of the features.
        progress: called with the samples done and their total.

    Returns:
        The films of the manifest (without a film's file) and their annotations.

    Raises:
        RhasError: labels of another form, or features of different widths.
    """
    classes = find_classes(samples, labels, base, audit)
    films: list[Film] = []
    annotations: list[TimedAction] = []
    reports: dict[str, dict[str, int | list[int]]] = {}
    widths: Counter[int] = Counter()
    digests: dict[str, np.ndarray] = {}
    for done, sample in enumerate(samples, 1):
        try:
            features = read_features(sample, audit)
        except (RhasError, OSError) as error:
            problem = str(error).replace("\n", ";")
            audit.add("unreadable features", f"{sample.holistic}: {problem}")
            continue
        sentence = sample.sentence or f"the person of sample {sample.name}"
        _write_store(sample.name, sentence, features, fps, vlm, out)
        frames, missing = len(features.present), int((~features.present).sum())
        films.append(Film(sample.name, f"films/{sample.name}", "", (sentence,), sample.subset))
        digests[sample.name] = hash_frames(features.holistic)
        intervals = find_intervals(sample, frames, classes, fps)
        if not intervals:
            audit.add("sample in which nothing is labelled", f"{sample.name}: {sample.place}")
        annotations += intervals
        reports[sample.name] = {"frames": frames, "persons": 1, "missing": [missing]}
        widths[features.holistic.shape[1]] += 1
        progress(done, len(samples))
    if len(widths) > 1:
        raise RhasError("features of different widths", where=str(samples[0].holistic.parent),
                        got=", ".join(f"{n} of width {w}" for w, n in widths.items()))  # fmt: skip
    _report_leaks(digests, {film.movie: film.subset for film in films}, audit)
    audit.add("no embedding of the reference", f"all {len(films)} samples")
    write_json(out / "report.json", reports)
    audit.counts = {
        "samples": len(films),
        "annotations": len(annotations),
        "classes": len({a.action for a in annotations}),
        "D": next(iter(widths), 0),
    }
    return films, annotations


def _report_leaks(
    digests: Mapping[str, np.ndarray], sides: Mapping[str, str | None], audit: Audit
) -> None:
    for shared in find_shared_frames(digests, partial(may_differ, sides)):
        ranges = [
            f"{name} frames {span[0]} to {span[1]}"
            for name, span in (
                (shared.first, shared.first_frames), (shared.second, shared.second_frames),
            )
        ]  # fmt: skip
        audit.add(
            "samples that show the same",
            f"{shared.frames} frames of {', '.join(ranges)}; "
            + describe_sides(sides, shared.first, shared.second),
        )


def _write_store(
    movie: str, sentence: str, features: Features, fps: float, vlm: Vlm, out: Path
) -> None:
    info = FeatureInfo(
        movie=movie,
        fps=float(fps),
        frames=len(features.present),
        encoder=vlm,
        checkpoint="imported",
        checkpoint_hash="",
        dtype="float16",
        truth=False,
        references=(sentence,),
        statistics=measure_statistics([features]),
    )
    FeatureStoreWriter(out / f"{movie}.zarr", persons=1).write([features], info)
