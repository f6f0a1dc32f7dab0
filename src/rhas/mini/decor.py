"""What stands or hangs at the back of a place: windows, shelves, houses, trees."""

from __future__ import annotations

from collections.abc import Callable

from rhas.mini.painter import Painter, sample_colour
from rhas.mini.places import WALL

_BOOKS = ((150, 60, 50), (60, 90, 130), (200, 180, 120), (70, 110, 80), (110, 90, 110))


def _paint_window(p: Painter, x: float) -> None:
    w, h = float(p.rng.uniform(0.9, 1.3)), float(p.rng.uniform(1.0, 1.4))
    y = -2.9
    frame = sample_colour(p.rng, (240, 238, 230), (120, 84, 52), (70, 74, 80))
    sky = sample_colour(p.rng, (170, 210, 240), (60, 70, 110), (235, 220, 190))
    p.rect(x - w / 2 - 0.06, y - 0.06, x + w / 2 + 0.06, y + h + 0.06, frame)
    p.rect(x - w / 2, y, x + w / 2, y + h, sky)
    p.oval(x - w / 5, y + h * 0.85, w / 4, h * 0.14, (110, 150, 100))
    p.rect(x - 0.025, y, x + 0.025, y + h, frame, 0.95)
    p.rect(x - w / 2, y + h * 0.48, x + w / 2, y + h * 0.52, frame, 0.95)


def _paint_picture(p: Painter, x: float) -> None:
    w, h = float(p.rng.uniform(0.4, 0.9)), float(p.rng.uniform(0.4, 0.7))
    y = -2.5 + float(p.rng.uniform(-0.2, 0.2))
    p.rect(
        x - w / 2,
        y,
        x + w / 2,
        y + h,
        sample_colour(p.rng, (90, 60, 40), (30, 30, 30), (210, 180, 90)),
    )
    p.rect(x - w / 2 + 0.05, y + 0.05, x + w / 2 - 0.05, y + h - 0.05,
           sample_colour(p.rng, (200, 190, 160), (120, 150, 170), (180, 120, 100)))  # fmt: skip
    p.oval(x, y + h * 0.6, w * 0.22, h * 0.2, sample_colour(p.rng, (90, 120, 80), (170, 80, 60)))


def _paint_shelf(p: Painter, x: float) -> None:
    w = float(p.rng.uniform(0.8, 1.3))
    wood = sample_colour(p.rng, (130, 92, 58), (90, 64, 44), (200, 190, 175))
    p.rect(x - w / 2, -2.6, x + w / 2, WALL + 0.04, wood, 0.72)
    for row in range(4):
        y = -2.5 + 0.45 * row
        p.rect(x - w / 2 + 0.04, y, x + w / 2 - 0.04, y + 0.4, wood, 0.42)
        left = x - w / 2 + 0.06
        while left < x + w / 2 - 0.14:
            thick = float(p.rng.uniform(0.04, 0.09))
            tall = float(p.rng.uniform(0.2, 0.36))
            if p.rng.random() < 0.8:
                book = sample_colour(p.rng, *_BOOKS)
                p.rect(left, y + 0.4 - tall, left + thick, y + 0.4, book)
            left += thick + 0.01


def _paint_door(p: Painter, x: float) -> None:
    wood = sample_colour(p.rng, (140, 98, 60), (220, 216, 206), (96, 70, 60), (100, 120, 130))
    p.rect(x - 0.52, -2.75, x + 0.52, WALL, wood, 0.8)
    p.rect(x - 0.44, -2.67, x + 0.44, WALL, wood)
    p.rect(x - 0.3, -2.5, x + 0.3, -1.8, wood, 0.88)
    p.rect(x - 0.3, -1.6, x + 0.3, -0.95, wood, 0.88)
    p.oval(x + 0.36, -1.65, 0.04, 0.04, (210, 190, 110))


def _paint_lamp(p: Painter, x: float) -> None:
    p.line(x, -2.1, x, WALL + 0.05, 0.05, (60, 56, 52))
    p.rect(
        x - 0.22,
        -2.5,
        x + 0.22,
        -2.1,
        sample_colour(p.rng, (245, 230, 180), (220, 170, 120)),
        1,
        0.08,
    )


def _paint_plant(p: Painter, x: float) -> None:
    green = sample_colour(p.rng, (60, 120, 60), (90, 140, 70))
    for _ in range(7):
        dx, dy = p.rng.uniform(-0.3, 0.3), p.rng.uniform(-0.9, -0.35)
        p.oval(x + float(dx), WALL + float(dy), 0.16, 0.2, green, float(p.rng.uniform(0.75, 1.1)))
    p.rect(
        x - 0.17,
        WALL - 0.32,
        x + 0.17,
        WALL + 0.06,
        sample_colour(p.rng, (170, 90, 60), (90, 90, 96)),
    )


def _paint_cupboards(p: Painter, x: float) -> None:
    colour = sample_colour(p.rng, (236, 230, 218), (120, 150, 150), (150, 110, 76), (180, 80, 70))
    for k in range(3):
        left = x - 0.9 + 0.6 * k
        p.rect(left, -2.9, left + 0.57, -2.1, colour, 0.95)
        p.rect(left, -1.45, left + 0.57, WALL + 0.03, colour)
        p.oval(left + 0.5, -2.2, 0.02, 0.05, (90, 90, 90))
        p.oval(left + 0.5, -1.3, 0.02, 0.05, (90, 90, 90))
    p.rect(x - 0.95, -1.55, x + 0.95, -1.43, sample_colour(p.rng, (80, 76, 74), (200, 190, 180)))
    p.rect(x - 0.7, -1.75, x - 0.5, -1.55, (170, 176, 180))
    p.oval(x + 0.3, -1.68, 0.12, 0.13, sample_colour(p.rng, (200, 60, 50), (70, 110, 150)))


def _paint_fridge(p: Painter, x: float) -> None:
    colour = sample_colour(p.rng, (228, 230, 232), (150, 156, 160), (180, 60, 56))
    p.rect(x - 0.4, -2.6, x + 0.4, WALL + 0.04, colour, 1, 0.05)
    p.rect(x - 0.4, -1.95, x + 0.4, -1.92, colour, 0.6)
    p.line(x - 0.32, -1.8, x - 0.32, -1.4, 0.04, (90, 92, 96))


def _paint_board(p: Painter, x: float) -> None:
    p.rect(x - 1.05, -2.8, x + 1.05, -1.6, (150, 110, 70))
    p.rect(
        x - 1.0,
        -2.75,
        x + 1.0,
        -1.65,
        sample_colour(p.rng, (40, 80, 62), (236, 238, 236), (52, 56, 60)),
    )
    for _ in range(4):
        y = -2.6 + float(p.rng.uniform(0, 0.8))
        x0 = x - 0.8 + float(p.rng.uniform(0, 0.6))
        p.line(x0, y, x0 + float(p.rng.uniform(0.3, 0.9)), y, 0.025, (170, 180, 176))


def _paint_house(p: Painter, x: float) -> None:
    w, h = float(p.rng.uniform(1.8, 2.8)), float(p.rng.uniform(2.4, 3.5))
    wall = sample_colour(p.rng, (176, 112, 90), (208, 190, 160), (150, 150, 156), (196, 160, 110))
    p.rect(x - w / 2, WALL - h, x + w / 2, WALL, wall)
    for row in range(int(h // 1.0)):
        for col in range(int(w // 0.75)):
            left = x - w / 2 + 0.2 + 0.75 * col
            y = WALL - h + 0.3 + row * 0.95
            if y + 0.55 < WALL - 0.2:
                pane = sample_colour(p.rng, (90, 110, 130), (240, 220, 150), (60, 70, 86))
                p.rect(left, y, left + 0.4, y + 0.55, pane)


def _paint_tree(p: Painter, x: float) -> None:
    trunk = sample_colour(p.rng, (100, 74, 50), (80, 64, 54))
    leaf = sample_colour(p.rng, (70, 120, 56), (110, 140, 60), (180, 120, 50), (50, 96, 60))
    high = float(p.rng.uniform(1.6, 2.3))
    p.rect(x - 0.12, WALL - high, x + 0.12, WALL + 0.06, trunk)
    for _ in range(9):
        dx, dy = float(p.rng.uniform(-0.7, 0.7)), float(p.rng.uniform(-0.7, 0.5))
        p.oval(x + dx, WALL - high - 0.4 + dy, 0.5, 0.42, leaf, float(p.rng.uniform(0.75, 1.12)))


def _paint_bush(p: Painter, x: float) -> None:
    leaf = sample_colour(p.rng, (60, 110, 56), (90, 130, 70))
    for _ in range(5):
        p.oval(x + float(p.rng.uniform(-0.4, 0.4)), WALL - float(p.rng.uniform(0.1, 0.4)), 0.32,
               0.3, leaf, float(p.rng.uniform(0.75, 1.1)))  # fmt: skip


def _paint_post(p: Painter, x: float) -> None:
    p.line(x, -3.7, x, WALL + 0.05, 0.08, (56, 60, 62))
    p.oval(x, -3.75, 0.2, 0.16, (250, 240, 200))


def _paint_bars(p: Painter, x: float) -> None:
    for k in range(9):
        p.line(x - 0.5, -2.9 + 0.24 * k, x + 0.5, -2.9 + 0.24 * k, 0.05, (176, 130, 80))
    p.line(x - 0.5, -3.0, x - 0.5, WALL, 0.07, (140, 98, 60))
    p.line(x + 0.5, -3.0, x + 0.5, WALL, 0.07, (140, 98, 60))


def _paint_parasol(p: Painter, x: float) -> None:
    p.line(x, -2.5, x, WALL + 0.1, 0.06, (230, 225, 210))
    colour = sample_colour(p.rng, (200, 70, 60), (70, 110, 170), (230, 190, 80))
    p.oval(x, -2.45, 0.85, 0.3, colour)
    p.oval(x, -2.42, 0.3, 0.3, colour, 1.2)


WALL_DECOR: dict[str, tuple[Callable[[Painter, float], None], ...]] = {
    "living room": (
        _paint_window,
        _paint_picture,
        _paint_shelf,
        _paint_door,
        _paint_lamp,
        _paint_plant,
        _paint_picture,
    ),
    "kitchen": (_paint_cupboards, _paint_fridge, _paint_window, _paint_cupboards, _paint_door),
    "office": (
        _paint_window,
        _paint_shelf,
        _paint_picture,
        _paint_plant,
        _paint_door,
        _paint_board,
    ),
    "classroom": (_paint_board, _paint_window, _paint_picture, _paint_door, _paint_shelf),
    "hall": (_paint_door, _paint_picture, _paint_lamp, _paint_plant, _paint_door),
    "gym": (_paint_bars, _paint_window, _paint_door, _paint_bars),
    "street": (_paint_house, _paint_house, _paint_post, _paint_tree),
    "park": (_paint_tree, _paint_bush, _paint_tree, _paint_bush, _paint_post),
    "beach": (_paint_parasol, _paint_bush, _paint_parasol),
}
