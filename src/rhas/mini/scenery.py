"""Places: backgrounds painted once per place, furniture drawn among the people.

World coordinates are metres: x to the right from the left edge of the place, y down with 0 at
the nearest lane of the floor. A person in lane z (0 far, 1 near) stands at y = (z - 1) * LANES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skia

from rhas.mini.appearance import Rgb

LANES = 0.5  # metres on the screen between the farthest and the nearest lane
WALL = -0.72  # where the back wall or horizon meets the floor
TOP, BOTTOM = -4.3, 0.75  # painted range of y
PLACES = (
    "living room", "kitchen", "office", "classroom", "street", "park", "hall", "gym", "beach",
)  # fmt: skip
_OUTDOOR = ("street", "park", "beach")


@dataclass(frozen=True)
class Place:
    """A place people are filmed in."""

    kind: str
    width: float
    """Metres; the camera never sees beyond 0 and width."""
    seed: int
    tint: tuple[float, float, float]
    """Colour of the light, factors 0 to 1."""


def make_place(rng: np.random.Generator, width: float) -> Place:
    """A random place of a given width in metres."""
    warm = float(rng.uniform(-1, 1))
    level = float(rng.uniform(0.8, 1.0))
    tint = (level, level * (1 - 0.05 * abs(warm)), level * (1 - 0.16 * max(0.0, warm)))
    if warm < 0:
        tint = (level * (1 + 0.14 * warm), level * (1 + 0.04 * warm), level)
    return Place(
        kind=PLACES[int(rng.integers(len(PLACES)))],
        width=width,
        seed=int(rng.integers(2**31)),
        tint=tint,
    )


def _rgb(rng: np.random.Generator, *options: Rgb) -> Rgb:
    base = options[int(rng.integers(len(options)))]
    spread = rng.uniform(0.9, 1.08) * rng.uniform(0.97, 1.03, 3)
    r, g, b = (int(min(255, max(0, c * s))) for c, s in zip(base, spread, strict=True))
    return r, g, b


def _ink(colour: Rgb, k: float = 1.0) -> int:
    return skia.Color(*(int(min(255, c * k)) for c in colour))


class _Painter:
    def __init__(self, canvas: skia.Canvas, rng: np.random.Generator, width: float) -> None:
        self.canvas, self.rng, self.width = canvas, rng, width

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Rgb, k: float = 1.0,
             radius: float = 0.0) -> None:  # fmt: skip
        paint = skia.Paint(AntiAlias=True, Color=_ink(colour, k))
        self.canvas.drawRoundRect(skia.Rect.MakeLTRB(x0, y0, x1, y1), radius, radius, paint)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Rgb, k: float = 1.0) -> None:
        paint = skia.Paint(AntiAlias=True, Color=_ink(colour, k))
        self.canvas.drawOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), paint)

    def fade(self, y0: float, y1: float, upper: Rgb, lower: Rgb, noise: float = 0.0) -> None:
        """A band over the whole width, from one colour to another, with Perlin noise."""
        paint = skia.Paint(AntiAlias=True)
        gradient = skia.GradientShader.MakeLinear(
            points=[skia.Point(0, y0), skia.Point(0, y1)], colors=[_ink(upper), _ink(lower)]
        )
        paint.setShader(gradient)
        area = skia.Rect.MakeLTRB(-1, y0, self.width + 1, y1)
        self.canvas.drawRect(area, paint)
        if noise > 0:
            seed = float(self.rng.integers(1, 10_000))
            cloud = skia.PerlinNoiseShader.MakeFractalNoise(
                float(self.rng.uniform(1.2, 5.0)), float(self.rng.uniform(2.0, 7.0)), 3, seed
            )
            grain = skia.Paint(Shader=cloud, Alphaf=noise)
            grain.setBlendMode(skia.BlendMode.kSoftLight)
            self.canvas.drawRect(area, grain)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float, colour: Rgb) -> None:
        paint = skia.Paint(AntiAlias=True, Color=_ink(colour), StrokeWidth=width,
                           Style=skia.Paint.kStroke_Style)  # fmt: skip
        self.canvas.drawLine(x0, y0, x1, y1, paint)

    def spots(self, spacing: float) -> list[float]:
        """Places along the wall, unevenly spaced."""
        x, out = float(self.rng.uniform(0.2, spacing)), []
        while x < self.width - 0.4:
            out.append(x)
            x += spacing * float(self.rng.uniform(0.75, 1.4))
        return out


def _window(p: _Painter, x: float) -> None:
    w, h = float(p.rng.uniform(0.9, 1.3)), float(p.rng.uniform(1.0, 1.4))
    y = -2.9
    frame = _rgb(p.rng, (240, 238, 230), (120, 84, 52), (70, 74, 80))
    sky = _rgb(p.rng, (170, 210, 240), (60, 70, 110), (235, 220, 190))
    p.rect(x - w / 2 - 0.06, y - 0.06, x + w / 2 + 0.06, y + h + 0.06, frame)
    p.rect(x - w / 2, y, x + w / 2, y + h, sky)
    p.oval(x - w / 5, y + h * 0.85, w / 4, h * 0.14, (110, 150, 100))
    p.rect(x - 0.025, y, x + 0.025, y + h, frame, 0.95)
    p.rect(x - w / 2, y + h * 0.48, x + w / 2, y + h * 0.52, frame, 0.95)


def _picture(p: _Painter, x: float) -> None:
    w, h = float(p.rng.uniform(0.4, 0.9)), float(p.rng.uniform(0.4, 0.7))
    y = -2.5 + float(p.rng.uniform(-0.2, 0.2))
    p.rect(x - w / 2, y, x + w / 2, y + h, _rgb(p.rng, (90, 60, 40), (30, 30, 30), (210, 180, 90)))
    p.rect(x - w / 2 + 0.05, y + 0.05, x + w / 2 - 0.05, y + h - 0.05,
           _rgb(p.rng, (200, 190, 160), (120, 150, 170), (180, 120, 100)))  # fmt: skip
    p.oval(x, y + h * 0.6, w * 0.22, h * 0.2, _rgb(p.rng, (90, 120, 80), (170, 80, 60)))


def _shelf(p: _Painter, x: float) -> None:
    w = float(p.rng.uniform(0.8, 1.3))
    wood = _rgb(p.rng, (130, 92, 58), (90, 64, 44), (200, 190, 175))
    p.rect(x - w / 2, -2.6, x + w / 2, WALL + 0.04, wood, 0.72)
    for row in range(4):
        y = -2.5 + 0.45 * row
        p.rect(x - w / 2 + 0.04, y, x + w / 2 - 0.04, y + 0.4, wood, 0.42)
        left = x - w / 2 + 0.06
        while left < x + w / 2 - 0.14:
            thick = float(p.rng.uniform(0.04, 0.09))
            tall = float(p.rng.uniform(0.2, 0.36))
            if p.rng.random() < 0.8:
                p.rect(left, y + 0.4 - tall, left + thick, y + 0.4,
                       _rgb(p.rng, (150, 60, 50), (60, 90, 130), (200, 180, 120), (70, 110, 80),
                            (110, 90, 110)))  # fmt: skip
            left += thick + 0.01


def _door(p: _Painter, x: float) -> None:
    wood = _rgb(p.rng, (140, 98, 60), (220, 216, 206), (96, 70, 60), (100, 120, 130))
    p.rect(x - 0.52, -2.75, x + 0.52, WALL, wood, 0.8)
    p.rect(x - 0.44, -2.67, x + 0.44, WALL, wood)
    p.rect(x - 0.3, -2.5, x + 0.3, -1.8, wood, 0.88)
    p.rect(x - 0.3, -1.6, x + 0.3, -0.95, wood, 0.88)
    p.oval(x + 0.36, -1.65, 0.04, 0.04, (210, 190, 110))


def _lamp(p: _Painter, x: float) -> None:
    p.line(x, -2.1, x, WALL + 0.05, 0.05, (60, 56, 52))
    p.rect(x - 0.22, -2.5, x + 0.22, -2.1, _rgb(p.rng, (245, 230, 180), (220, 170, 120)), 1, 0.08)


def _plant(p: _Painter, x: float) -> None:
    green = _rgb(p.rng, (60, 120, 60), (90, 140, 70))
    for _ in range(7):
        dx, dy = p.rng.uniform(-0.3, 0.3), p.rng.uniform(-0.9, -0.35)
        p.oval(x + float(dx), WALL + float(dy), 0.16, 0.2, green, float(p.rng.uniform(0.75, 1.1)))
    p.rect(x - 0.17, WALL - 0.32, x + 0.17, WALL + 0.06, _rgb(p.rng, (170, 90, 60), (90, 90, 96)))


def _cupboards(p: _Painter, x: float) -> None:
    colour = _rgb(p.rng, (236, 230, 218), (120, 150, 150), (150, 110, 76), (180, 80, 70))
    for k in range(3):
        left = x - 0.9 + 0.6 * k
        p.rect(left, -2.9, left + 0.57, -2.1, colour, 0.95)
        p.rect(left, -1.45, left + 0.57, WALL + 0.03, colour)
        p.oval(left + 0.5, -2.2, 0.02, 0.05, (90, 90, 90))
        p.oval(left + 0.5, -1.3, 0.02, 0.05, (90, 90, 90))
    p.rect(x - 0.95, -1.55, x + 0.95, -1.43, _rgb(p.rng, (80, 76, 74), (200, 190, 180)))
    p.rect(x - 0.7, -1.75, x - 0.5, -1.55, (170, 176, 180))
    p.oval(x + 0.3, -1.68, 0.12, 0.13, _rgb(p.rng, (200, 60, 50), (70, 110, 150)))


def _fridge(p: _Painter, x: float) -> None:
    colour = _rgb(p.rng, (228, 230, 232), (150, 156, 160), (180, 60, 56))
    p.rect(x - 0.4, -2.6, x + 0.4, WALL + 0.04, colour, 1, 0.05)
    p.rect(x - 0.4, -1.95, x + 0.4, -1.92, colour, 0.6)
    p.line(x - 0.32, -1.8, x - 0.32, -1.4, 0.04, (90, 92, 96))


def _board(p: _Painter, x: float) -> None:
    p.rect(x - 1.05, -2.8, x + 1.05, -1.6, (150, 110, 70))
    p.rect(x - 1.0, -2.75, x + 1.0, -1.65, _rgb(p.rng, (40, 80, 62), (236, 238, 236), (52, 56, 60)))
    for _ in range(4):
        y = -2.6 + float(p.rng.uniform(0, 0.8))
        x0 = x - 0.8 + float(p.rng.uniform(0, 0.6))
        p.line(x0, y, x0 + float(p.rng.uniform(0.3, 0.9)), y, 0.025, (170, 180, 176))


def _house(p: _Painter, x: float) -> None:
    w, h = float(p.rng.uniform(1.8, 2.8)), float(p.rng.uniform(2.4, 3.5))
    wall = _rgb(p.rng, (176, 112, 90), (208, 190, 160), (150, 150, 156), (196, 160, 110))
    p.rect(x - w / 2, WALL - h, x + w / 2, WALL, wall)
    for row in range(int(h // 1.0)):
        for col in range(int(w // 0.75)):
            left = x - w / 2 + 0.2 + 0.75 * col
            y = WALL - h + 0.3 + row * 0.95
            if y + 0.55 < WALL - 0.2:
                p.rect(left, y, left + 0.4, y + 0.55,
                       _rgb(p.rng, (90, 110, 130), (240, 220, 150), (60, 70, 86)))  # fmt: skip


def _tree(p: _Painter, x: float) -> None:
    trunk = _rgb(p.rng, (100, 74, 50), (80, 64, 54))
    leaf = _rgb(p.rng, (70, 120, 56), (110, 140, 60), (180, 120, 50), (50, 96, 60))
    high = float(p.rng.uniform(1.6, 2.3))
    p.rect(x - 0.12, WALL - high, x + 0.12, WALL + 0.06, trunk)
    for _ in range(9):
        dx, dy = float(p.rng.uniform(-0.7, 0.7)), float(p.rng.uniform(-0.7, 0.5))
        p.oval(x + dx, WALL - high - 0.4 + dy, 0.5, 0.42, leaf, float(p.rng.uniform(0.75, 1.12)))


def _bush(p: _Painter, x: float) -> None:
    leaf = _rgb(p.rng, (60, 110, 56), (90, 130, 70))
    for _ in range(5):
        p.oval(x + float(p.rng.uniform(-0.4, 0.4)), WALL - float(p.rng.uniform(0.1, 0.4)), 0.32,
               0.3, leaf, float(p.rng.uniform(0.75, 1.1)))  # fmt: skip


def _post(p: _Painter, x: float) -> None:
    p.line(x, -3.7, x, WALL + 0.05, 0.08, (56, 60, 62))
    p.oval(x, -3.75, 0.2, 0.16, (250, 240, 200))


def _bars(p: _Painter, x: float) -> None:
    for k in range(9):
        p.line(x - 0.5, -2.9 + 0.24 * k, x + 0.5, -2.9 + 0.24 * k, 0.05, (176, 130, 80))
    p.line(x - 0.5, -3.0, x - 0.5, WALL, 0.07, (140, 98, 60))
    p.line(x + 0.5, -3.0, x + 0.5, WALL, 0.07, (140, 98, 60))


def _parasol(p: _Painter, x: float) -> None:
    p.line(x, -2.5, x, WALL + 0.1, 0.06, (230, 225, 210))
    colour = _rgb(p.rng, (200, 70, 60), (70, 110, 170), (230, 190, 80))
    p.oval(x, -2.45, 0.85, 0.3, colour)
    p.oval(x, -2.42, 0.3, 0.3, colour, 1.2)


_WALL_THINGS: dict[str, tuple[Callable[[_Painter, float], None], ...]] = {
    "living room": (_window, _picture, _shelf, _door, _lamp, _plant, _picture),
    "kitchen": (_cupboards, _fridge, _window, _cupboards, _door),
    "office": (_window, _shelf, _picture, _plant, _door, _board),
    "classroom": (_board, _window, _picture, _door, _shelf),
    "hall": (_door, _picture, _lamp, _plant, _door),
    "gym": (_bars, _window, _door, _bars),
    "street": (_house, _house, _post, _tree),
    "park": (_tree, _bush, _tree, _bush, _post),
    "beach": (_parasol, _bush, _parasol),
}


def paint_place(place: Place, scale: float) -> skia.Image:
    """The background of a place.

    Args:
        place: which.
        scale: pixels per metre.

    Returns:
        An image of x from 0 to the place's width and y from TOP to BOTTOM.
    """
    rng = np.random.default_rng(place.seed)
    width = place.width
    surface = skia.Surface(round(width * scale), round((BOTTOM - TOP) * scale))
    canvas = surface.getCanvas()
    canvas.scale(scale, scale)
    canvas.translate(0, -TOP)
    p = _Painter(canvas, rng, width)
    if place.kind in _OUTDOOR:
        sky = _rgb(rng, (150, 195, 235), (190, 205, 215), (235, 190, 150), (110, 140, 180))
        p.fade(TOP, WALL, sky, (236, 236, 232), 0.25)
        if place.kind == "beach":
            p.fade(
                WALL - 0.9, WALL, _rgb(rng, (60, 120, 160), (70, 150, 160)), (120, 180, 190), 0.4
            )
        ground = {
            "street": _rgb(rng, (136, 134, 132), (110, 112, 116), (160, 150, 136)),
            "park": _rgb(rng, (104, 148, 76), (130, 150, 80), (150, 134, 90)),
            "beach": _rgb(rng, (226, 204, 156), (210, 190, 150)),
        }[place.kind]
        if place.kind == "park":
            for x in p.spots(1.1):
                p.oval(x, WALL - 0.2, 1.3, 0.7, _rgb(rng, (110, 146, 96), (130, 160, 120)))
    else:
        wall = _rgb(
            rng, (222, 210, 186), (176, 196, 204), (206, 186, 170), (186, 200, 172),
            (214, 214, 216), (160, 150, 168), (224, 196, 150), (134, 150, 170),
        )  # fmt: skip
        p.fade(TOP, WALL, wall, tuple(int(c * 0.88) for c in wall), 0.22)  # type: ignore[arg-type]
        if rng.random() < 0.35:
            stripe = tuple(int(c * 0.93) for c in wall)
            for k in range(int(width / 0.5) + 1):
                p.rect(0.5 * k, TOP, 0.5 * k + 0.22, WALL, stripe)  # type: ignore[arg-type]
        ground = _rgb(rng, (150, 110, 74), (176, 150, 120), (120, 116, 112), (196, 180, 156),
                      (110, 84, 66), (140, 150, 150))  # fmt: skip
    things = _WALL_THINGS[place.kind]
    start = int(rng.integers(len(things)))
    for k, x in enumerate(p.spots(1.75)):
        if rng.random() < 0.85:
            things[(start + k) % len(things)](p, x)
    dark: Rgb = (int(ground[0] * 0.82), int(ground[1] * 0.82), int(ground[2] * 0.82))
    p.fade(WALL, BOTTOM, dark, ground, 0.45)
    if place.kind not in _OUTDOOR:
        p.rect(0, WALL - 0.1, width, WALL, _rgb(rng, (230, 226, 216), (90, 70, 56)), 0.9)
        if rng.random() < 0.6:
            for k in range(7):
                y = WALL + (BOTTOM - WALL) * (k / 7) ** 1.6
                p.line(0, y, width, y, 0.012 + 0.01 * k / 7, dark)
        if rng.random() < 0.5:
            x = float(rng.uniform(1, width - 1))
            p.oval(x, -0.2, 1.5, 0.3, _rgb(rng, (150, 70, 66), (80, 100, 130), (190, 170, 130)))
    elif place.kind == "street":
        p.rect(0, WALL, width, WALL + 0.12, ground, 1.25)
        p.line(0, 0.45, width, 0.45, 0.05, (225, 222, 210))
    return surface.makeImageSnapshot()


@dataclass(frozen=True)
class Prop:
    """Furniture among the people."""

    kind: str
    """``chair``, ``table``, ``stand``, ``sofa back``, ``planter`` or ``post``."""
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


def draw_prop(prop: Prop) -> skia.Picture:
    """Furniture as a recorded picture, in metres, its floor point at the origin."""
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-3, -4, 3, 1))
    p = _Painter(canvas, np.random.default_rng(0), 1.0)
    c, h, w = prop.colour, prop.height, prop.width
    if prop.kind == "chair":
        s = prop.facing
        canvas.save()
        canvas.scale(s, 1)
        for x in (-w / 2 + 0.03, w / 2 - 0.03):
            p.rect(x - 0.03, -h, x + 0.03, 0.03, c, 0.7)
        p.rect(-w / 2, -h - 0.02, w / 2, -h + 0.07, c, 1.0, 0.02)
        p.rect(-w / 2 - 0.03, -h - 0.55, -w / 2 + 0.05, -h + 0.05, c, 0.85, 0.02)
        canvas.restore()
    elif prop.kind in ("table", "stand"):
        for x in (-w / 2 + 0.05, w / 2 - 0.05):
            p.rect(x - 0.04, -h, x + 0.04, 0.02, c, 0.66)
        p.rect(-w / 2, -h, w / 2, -h + 0.07, c, 1.0, 0.015)
        p.rect(-w / 2 + 0.03, -h + 0.07, w / 2 - 0.03, -h + 0.16, c, 0.75)
    elif prop.kind == "planter":
        for k in range(9):
            p.oval(-w / 2 + w * (k + 0.5) / 9, -h + 0.1 + 0.05 * (k % 3), w / 8, 0.16,
                   (70, 124, 66), 0.8 + 0.1 * (k % 4))  # fmt: skip
        p.rect(-w / 2, -h * 0.62, w / 2, 0.05, c)
    elif prop.kind == "post":
        p.rect(-w / 2, -h, w / 2, 0.05, c, 0.8)
        p.rect(-w / 4, -h, w / 8, 0.05, c, 1.0)
    else:
        p.rect(-w / 2, -h, w / 2, 0.05, c, 0.9, 0.12)
        p.rect(-w / 2 + 0.1, -h + 0.12, -0.05, 0.0, c, 1.04, 0.08)
        p.rect(0.05, -h + 0.12, w / 2 - 0.1, 0.0, c, 1.04, 0.08)
    return recorder.finishRecordingAsPicture()


_WOODS = ((140, 96, 60), (200, 170, 130), (80, 62, 50), (210, 208, 200), (70, 90, 110),
          (150, 60, 56))  # fmt: skip


def make_chair(rng: np.random.Generator, x: float, z: float, facing: int, seat: float) -> Prop:
    """A chair for somebody whose seat is at a given height."""
    return Prop("chair", x, z - 0.01, facing, seat, 0.46, _rgb(rng, *_WOODS))


def make_table(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A table in front of a lane."""
    return Prop("table", x, z, 1, float(rng.uniform(0.62, 0.72)), float(rng.uniform(0.85, 1.1)),
                _rgb(rng, *_WOODS))  # fmt: skip


def make_stand(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A low table for things."""
    return Prop("stand", x, z, 1, float(rng.uniform(0.6, 0.75)), 0.6, _rgb(rng, *_WOODS))


def make_foreground(rng: np.random.Generator, place: Place) -> Prop:
    """Something between the camera and the people."""
    kind = ("sofa back", "planter", "post")[int(rng.integers(3))]
    if place.kind in _OUTDOOR:
        kind = ("planter", "post")[int(rng.integers(2))]
    height = {"sofa back": 0.75, "planter": 0.7, "post": 4.6}[kind]
    width = {"sofa back": 1.7, "planter": 1.3, "post": 0.22}[kind]
    return Prop(kind, float(rng.uniform(0.5, place.width - 0.5)), 1.25, 1, height, width,
                _rgb(rng, *_WOODS))  # fmt: skip
