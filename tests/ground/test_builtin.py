"""The built-in checkpoint finds whom a sentence means, on stills that no recipe has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from rhas.base.boxes import box_iou
from rhas.config.ground import GroundConfig
from rhas.ground import make_grounder
from rhas.metrics.recall import IOU, VISIBLE
from rhas.mini import sample_scenes

ROOT = Path(__file__).parents[2]


def test_it_reads() -> None:
    settings = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))["ground"]
    settings["checkpoint"] = str(ROOT / settings["checkpoint"])
    grounder = make_grounder(GroundConfig(**settings))
    found, chance, pairs = 0, 0.0, 0
    for scene in sample_scenes(4242, 80, moments=2, step=3.0):
        seen = [p for p in scene.persons if p.visible >= VISIBLE]
        if len(seen) < 2:
            continue
        for own, best in zip(
            seen, grounder.find_boxes([scene.frame], [p.reference for p in seen])[0], strict=True
        ):
            found += bool(len(best.boxes) and box_iou(best.boxes[0], np.asarray(own.box)) >= IOU)
            chance += 1 / len(seen)
            pairs += 1
    assert pairs > 80
    assert found / pairs > 1.4 * chance / pairs
