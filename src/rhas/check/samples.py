"""The samples that chunk has written: films whose windows are on several sides of the split."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.stores.samples import Sample, SampleIndex

_ADVICE = "run `dvc repro -f chunk`"


def check_samples(folder: Path) -> list[Check]:
    """A row for each film whose windows a cross-movie split has on several sides.

    Args:
        folder: ``data/samples``; nothing is said where it holds no samples yet.
    """
    if not (folder / "info.json").is_file():
        return []
    try:
        index = SampleIndex.read(folder)
    except RhasError as error:
        return [Check("samples", "warn", f"{error.where}: {error.what}", error.do or _ADVICE)]
    if index.info.split != "cross_movie":
        return []
    films: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in index.samples:
        films[sample.movie][sample.split].append(sample)
    return [
        Check("leak", "warn", f"{movie} is on several sides, and the split is cross_movie: "
              + "; ".join(_describe_side(*side) for side in sides.items()), _ADVICE)
        for movie, sides in films.items()
        if len(sides) > 1
    ]  # fmt: skip


def _describe_side(side: str, samples: list[Sample]) -> str:
    windows = [f"person {s.person} frames {s.start} to {s.stop}" for s in samples[:3]]
    more = f" and {len(samples) - 3} more" if len(samples) > 3 else ""
    return f"{side} has {', '.join(windows)}{more}"
