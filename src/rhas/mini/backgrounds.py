"""Backgrounds of places, painted once per place."""

from __future__ import annotations

import numpy as np
import skia

from rhas.mini.appearance import Rgb
from rhas.mini.decor import WALL_DECOR
from rhas.mini.painter import Painter, sample_colour, scale_colour
from rhas.mini.places import BOTTOM, OUTDOOR, TOP, WALL, Place


def paint_place(place: Place, scale: float) -> skia.Image:
    """The background of a place.

    Args:
        place: the place.
        scale: pixels per metre.

    Returns:
        An image of x from 0 to the place's width and y from TOP to BOTTOM.
    """
    rng = np.random.default_rng(place.seed)
    surface = skia.Surface(round(place.width * scale), round((BOTTOM - TOP) * scale))
    canvas = surface.getCanvas()
    canvas.scale(scale, scale)
    canvas.translate(0, -TOP)
    painter = Painter(canvas, rng, place.width)
    outdoor = place.kind in OUTDOOR
    ground = _paint_outdoors(painter, place.kind) if outdoor else _paint_wall(painter)
    decor = WALL_DECOR[place.kind]
    start = int(rng.integers(len(decor)))
    for k, x in enumerate(painter.list_positions(1.75)):
        if rng.random() < 0.85:
            decor[(start + k) % len(decor)](painter, x)
    dark = scale_colour(ground, 0.82)
    painter.fade(WALL, BOTTOM, dark, ground, 0.45)
    if not outdoor:
        _paint_floor(painter, dark)
    elif place.kind == "street":
        painter.rect(0, WALL, place.width, WALL + 0.12, ground, 1.25)
        painter.line(0, 0.45, place.width, 0.45, 0.05, (225, 222, 210))
    return surface.makeImageSnapshot()


def _paint_outdoors(p: Painter, kind: str) -> Rgb:
    """Sky and horizon; returns the colour of the ground."""
    rng = p.rng
    sky = sample_colour(rng, (150, 195, 235), (190, 205, 215), (235, 190, 150), (110, 140, 180))
    p.fade(TOP, WALL, sky, (236, 236, 232), 0.25)
    if kind == "beach":
        sea = sample_colour(rng, (60, 120, 160), (70, 150, 160))
        p.fade(WALL - 0.9, WALL, sea, (120, 180, 190), 0.4)
    ground = {
        "street": sample_colour(rng, (136, 134, 132), (110, 112, 116), (160, 150, 136)),
        "park": sample_colour(rng, (104, 148, 76), (130, 150, 80), (150, 134, 90)),
        "beach": sample_colour(rng, (226, 204, 156), (210, 190, 150)),
    }[kind]
    if kind == "park":
        for x in p.list_positions(1.1):
            p.oval(x, WALL - 0.2, 1.3, 0.7, sample_colour(rng, (110, 146, 96), (130, 160, 120)))
    return ground


def _paint_wall(p: Painter) -> Rgb:
    """The back wall of a room; returns the colour of the floor."""
    rng = p.rng
    wall = sample_colour(
        rng, (222, 210, 186), (176, 196, 204), (206, 186, 170), (186, 200, 172),
        (214, 214, 216), (160, 150, 168), (224, 196, 150), (134, 150, 170),
    )  # fmt: skip
    p.fade(TOP, WALL, wall, scale_colour(wall, 0.88), 0.22)
    if rng.random() < 0.35:
        stripe = scale_colour(wall, 0.93)
        for k in range(int(p.width / 0.5) + 1):
            p.rect(0.5 * k, TOP, 0.5 * k + 0.22, WALL, stripe)
    return sample_colour(
        rng, (150, 110, 74), (176, 150, 120), (120, 116, 112), (196, 180, 156), (110, 84, 66),
        (140, 150, 150),
    )  # fmt: skip


def _paint_floor(p: Painter, dark: Rgb) -> None:
    """Skirting board, perhaps floorboards and a carpet."""
    rng, width = p.rng, p.width
    p.rect(0, WALL - 0.1, width, WALL, sample_colour(rng, (230, 226, 216), (90, 70, 56)), 0.9)
    if rng.random() < 0.6:
        for k in range(7):
            y = WALL + (BOTTOM - WALL) * (k / 7) ** 1.6
            p.line(0, y, width, y, 0.012 + 0.01 * k / 7, dark)
    if rng.random() < 0.5:
        x = float(rng.uniform(1, width - 1))
        carpet = sample_colour(rng, (150, 70, 66), (80, 100, 130), (190, 170, 130))
        p.oval(x, -0.2, 1.5, 0.3, carpet)
