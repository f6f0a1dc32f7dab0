"""The sample index of the chunk stage."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from rhas.base.classes import CLASSES
from rhas.stores.manifest import SUBSETS


def describe_samples(folder: Path) -> dict[str, Any]:
    """``data/samples``: windows, frames, movies and classes of every side of the split."""
    info = json.loads((folder / "info.json").read_text("utf-8"))
    windows = _rows(folder / "index.csv")
    intervals = _rows(folder / "intervals.csv")
    by_person: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in intervals:
        by_person[row["movie"], row["person"]].append(row)
    sides = {}
    classes: dict[str, Counter[int]] = {side: Counter() for side in SUBSETS}
    for side in SUBSETS:
        own = [w for w in windows if w["split"] == side]
        for window in own:
            start, stop = int(window["start"]), int(window["stop"])
            for row in by_person[window["movie"], window["person"]]:
                if int(row["start"]) < stop and int(row["stop"]) > start:
                    classes[side][int(row["class_id"])] += 1
        frames = [int(w["stop"]) - int(w["start"]) for w in own]
        sides[side] = {
            "samples": len(own),
            "movies": len({w["movie"] for w in own}),
            "persons": len({(w["movie"], w["person"]) for w in own}),
            "frames": sum(frames),
            "padding": 1 - sum(frames) / (info["L"] * len(own)) if own else None,
            "intervals": sum(classes[side].values()),
            "classes": len(classes[side]),
        }
    return {
        "kind": "samples",
        "path": str(folder),
        **{name: info.get(name) for name in ("L", "C", "D", "D_text", "fps", "split", "features")},
        "sides": sides,
        "classes": {
            CLASSES[number]: {side: classes[side][number] for side in SUBSETS}
            for number in sorted({n for counter in classes.values() for n in counter})
        },
        "dropped": info.get("dropped", {}),
        "persons_without_annotation": info.get("persons_without_annotation", []),
        "flags": _flags(sides, classes, windows),
    }


def _flags(
    sides: dict[str, dict[str, Any]],
    classes: dict[str, Counter[int]],
    windows: list[dict[str, str]],
) -> list[str]:
    flags = [f"no {side} sample" for side, facts in sides.items() if not facts["samples"]]
    for side in ("val", "test"):
        unseen = sorted(set(classes[side]) - set(classes["train"]))
        if unseen and sides["train"]["samples"]:
            names = ", ".join(CLASSES[number] for number in unseen)
            flags.append(f"classes of {side} that train does not have: {names}")
    movies: dict[str, set[str]] = defaultdict(set)
    for window in windows:
        movies[window["movie"]].add(window["split"])
    shared = [movie for movie, where in movies.items() if len(where) > 1]
    if shared:
        flags.append(f"{len(shared)} movies are on several sides (split: random)")
    return flags


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
