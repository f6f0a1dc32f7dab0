"""Furniture among the people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skia

from rhas.mini.appearance import Rgb
from rhas.mini.painter import Painter, sample_colour
from rhas.mini.places import LANES, OUTDOOR, Place


@dataclass(frozen=True)
class Prop:
    """Furniture among the people."""

    kind: str
    """``chair``, ``table``, ``stand``, ``cabinet``, ``sofa back``, ``planter`` or ``post``."""
    x: float
    z: float
    """Lane, 0 far to 1 near; above 1 in front of everybody."""
    facing: int
    """1 right, -1 left; the direction in which somebody on the chair looks."""
    height: float
    """Metres: the seat of a chair, the top of everything else."""
    width: float
    colour: Rgb

    @property
    def solid(self) -> tuple[float, float, float, float] | None:
        """Part that hides people behind it, x0, y0, x1, y1 in the world; None for a chair."""
        if self.kind == "chair":
            return None
        y = (self.z - 1) * LANES
        x0, x1 = self.x - self.width / 2, self.x + self.width / 2
        if self.kind in ("table", "stand"):
            return x0, y - self.height, x1, y - self.height + 0.16
        return x0, y - self.height, x1, y


def record_prop(prop: Prop) -> skia.Picture:
    """Furniture as a recorded picture, in metres, its floor point at the origin."""
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-3, -4, 3, 1))
    painter = Painter(canvas, np.random.default_rng(0), 1.0)
    _PAINTERS[prop.kind](painter, prop)
    return recorder.finishRecordingAsPicture()


def _paint_chair(p: Painter, prop: Prop) -> None:
    c, h, w = prop.colour, prop.height, prop.width
    p.canvas.save()
    p.canvas.scale(prop.facing, 1)
    for x in (-w / 2 + 0.03, w / 2 - 0.03):
        p.rect(x - 0.03, -h, x + 0.03, 0.03, c, 0.7)
    p.rect(-w / 2, -h - 0.02, w / 2, -h + 0.07, c, 1.0, 0.02)
    p.rect(-w / 2 - 0.03, -h - 0.55, -w / 2 + 0.05, -h + 0.05, c, 0.85, 0.02)
    p.canvas.restore()


def _paint_table(p: Painter, prop: Prop) -> None:
    c, h, w = prop.colour, prop.height, prop.width
    for x in (-w / 2 + 0.05, w / 2 - 0.05):
        p.rect(x - 0.04, -h, x + 0.04, 0.02, c, 0.66)
    p.rect(-w / 2, -h, w / 2, -h + 0.07, c, 1.0, 0.015)
    p.rect(-w / 2 + 0.03, -h + 0.07, w / 2 - 0.03, -h + 0.16, c, 0.75)


def _paint_cabinet(p: Painter, prop: Prop) -> None:
    """A cabinet from behind: whether it is open cannot be seen."""
    c, h, w = prop.colour, prop.height, prop.width
    p.rect(-w / 2, -h, w / 2, 0.04, c, 0.8)
    p.rect(-w / 2 + 0.05, -h + 0.05, w / 2 - 0.05, -0.02, c, 0.92)
    p.rect(-0.02, -h + 0.05, 0.02, -0.02, c, 0.8)


def _paint_planter(p: Painter, prop: Prop) -> None:
    h, w = prop.height, prop.width
    for k in range(9):
        x, y = -w / 2 + w * (k + 0.5) / 9, -h + 0.1 + 0.05 * (k % 3)
        p.oval(x, y, w / 8, 0.16, (70, 124, 66), 0.8 + 0.1 * (k % 4))
    p.rect(-w / 2, -h * 0.62, w / 2, 0.05, prop.colour)


def _paint_post(p: Painter, prop: Prop) -> None:
    c, h, w = prop.colour, prop.height, prop.width
    p.rect(-w / 2, -h, w / 2, 0.05, c, 0.8)
    p.rect(-w / 4, -h, w / 8, 0.05, c, 1.0)


def _paint_sofa_back(p: Painter, prop: Prop) -> None:
    c, h, w = prop.colour, prop.height, prop.width
    p.rect(-w / 2, -h, w / 2, 0.05, c, 0.9, 0.12)
    p.rect(-w / 2 + 0.1, -h + 0.12, -0.05, 0.0, c, 1.04, 0.08)
    p.rect(0.05, -h + 0.12, w / 2 - 0.1, 0.0, c, 1.04, 0.08)


_PAINTERS: dict[str, Callable[[Painter, Prop], None]] = {
    "chair": _paint_chair,
    "table": _paint_table,
    "stand": _paint_table,
    "cabinet": _paint_cabinet,
    "planter": _paint_planter,
    "post": _paint_post,
    "sofa back": _paint_sofa_back,
}

_WOODS = ((140, 96, 60), (200, 170, 130), (80, 62, 50), (210, 208, 200), (70, 90, 110),
          (150, 60, 56))  # fmt: skip


def make_chair(rng: np.random.Generator, x: float, z: float, facing: int, seat: float) -> Prop:
    """A chair for somebody whose seat is at a given height."""
    return Prop("chair", x, z - 0.01, facing, seat, 0.46, sample_colour(rng, *_WOODS))


def make_table(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A table in front of a lane."""
    return Prop("table", x, z, 1, float(rng.uniform(0.62, 0.72)), float(rng.uniform(0.85, 1.1)),
                sample_colour(rng, *_WOODS))  # fmt: skip


def make_stand(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A low table for things."""
    return Prop("stand", x, z, 1, float(rng.uniform(0.6, 0.75)), 0.6, sample_colour(rng, *_WOODS))


def make_cabinet(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A cabinet that people open and close, seen from behind."""
    return Prop("cabinet", x, z, 1, float(rng.uniform(1.2, 1.5)), 0.62, sample_colour(rng, *_WOODS))


def make_foreground(rng: np.random.Generator, place: Place) -> Prop:
    """Something between the camera and the people."""
    kind = ("sofa back", "planter", "post")[int(rng.integers(3))]
    if place.kind in OUTDOOR:
        kind = ("planter", "post")[int(rng.integers(2))]
    height = {"sofa back": 0.75, "planter": 0.7, "post": 4.6}[kind]
    width = {"sofa back": 1.7, "planter": 1.3, "post": 0.22}[kind]
    return Prop(kind, float(rng.uniform(0.5, place.width - 0.5)), 1.25, 1, height, width,
                sample_colour(rng, *_WOODS))  # fmt: skip
