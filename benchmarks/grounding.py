"""Grounding and tracks against RHAS-mini's true boxes, per film and per side of the split.

    python benchmarks/grounding.py [--boxes data/boxes --tracks data/tracks --raw data/raw ...]

``frames``: those in which a person is visible; ``recall``: the track is right in them (IoU 0.5);
``IoU``: its mean; ``wrong``, ``nobody``: the track's box lies on another person, on nobody;
``false``: it has a box although the person is not in view; ``switches``: the person under the
track changes; ``over cuts``: interpolated across one; ``top``, ``any``: grounding's best
candidate, or some candidate, is right; ``chance``: picking one of the visible people would be.
In per cent, but for the counts. docs/METRICS.md defines them; evaluate writes the same figures to
results/grounding.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from rhas.base.program import run_script
from rhas.evaluate.grounding import GroundingMetrics, count_folder
from rhas.stores.dataset import DatasetPaths
from rhas.stores.manifest import SUBSETS

_COLUMNS = {
    "visible_frames": "frames", "recall_50": "recall", "track_iou": "IoU",
    "wrong_person": "wrong", "on_nobody": "nobody", "false_presence": "false",
    "id_switches": "switches", "cut_crossings": "over cuts", "detector_top": "top",
    "detector_any": "any", "chance": "chance",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("raw", "frames", "boxes", "tracks"):
        parser.add_argument(f"--{name}", type=Path, default=Path("data") / name)
    films = count_folder(DatasetPaths(**vars(parser.parse_args())))
    rows = {}
    for side in (*SUBSETS, None):
        own = [film for film in films if film.subset == side]
        rows.update({film.movie: GroundingMetrics.from_films([film]) for film in own})
        if own:
            rows[side or "open"] = GroundingMetrics.from_films(own)
    print(_format_rows({**rows, "all": GroundingMetrics.from_films(films)}))


def _format_rows(rows: Mapping[str, GroundingMetrics]) -> str:
    """One line per name; shares in per cent."""
    lines = [f"{'':<12}" + "".join(f"{name:>10}" for name in _COLUMNS.values())]
    for name, metrics in rows.items():
        cells = "".join(f"{_format_cell(getattr(metrics, key)):>10}" for key in _COLUMNS)
        lines.append(f"{name:<12}{cells}")
    return "\n".join(lines)


def _format_cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run_script(main)
