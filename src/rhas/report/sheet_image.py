"""The image of a contact sheet.

P persons, n shown frames.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rhas.base.errors import RhasError
from rhas.base.formatting import format_minutes
from rhas.report.drawing import load_font, pick_text_colour
from rhas.stores.tracks import BoxSource

# Okabe and Ito's palette without its red, which marks what is wrong; from the seventh person on
# the colours come again, the numbers do not
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#0072B2")
WRONG = "#D00000"
_MARKS = {BoxSource.MISSING: "–", BoxSource.DETECTED: "●", BoxSource.INTERPOLATED: "○"}
_INK, _GREY, _PAPER = "#202020", "#707070", "#FFFFFF"
_WIDTH, _MARGIN, _GAP = 1920, 24, 12  # pixels of the sheet
_TEXT, _SMALL, _TITLE = 17, 15, 24  # pixels of the letters
_TAG = 19, 19  # pixels of a person's number on its ground
_MARK = 44  # pixels of a person's mark under a frame


@dataclass(frozen=True)
class Sheet:
    """What a contact sheet shows.

    Args:
        title: what is shown.
        legend: by person, its reference and how good its track is, in lines.
        not_found: by person, whether its track has no box at all.
        images: n frames, uint8 (H, W, 3), None where the film has none.
        seconds: of each, in the film.
        boxes: tracks in pixels of the frame, (n, P, 4), NaN where missing.
        source: uint8 (n, P).
        right: true boxes likewise, or None where they are not known.
        wrong: bool (n, P), the box lies on another person; all False without ``right``.
        lost: bool (n, P), there is no box though the person is visible; likewise.
    """

    title: str
    legend: Sequence[Sequence[str]]
    not_found: Sequence[bool]
    images: Sequence[NDArray[np.uint8] | None]
    seconds: Sequence[float]
    boxes: NDArray[np.floating]
    source: NDArray[np.integer]
    right: NDArray[np.floating] | None
    wrong: NDArray[np.bool_]
    lost: NDArray[np.bool_]

    def __post_init__(self) -> None:
        pairs = len(self.images), len(self.legend)
        if (
            not self.images
            or len(self.seconds) != pairs[0]
            or len(self.not_found) != pairs[1]
            or not self.source.shape == self.wrong.shape == self.lost.shape == pairs
            or self.boxes.shape != (*pairs, 4)
            or (self.right is not None and self.right.shape != (*pairs, 4))
        ):
            raise RhasError(
                "the parts of a contact sheet do not fit each other",
                expected=f"{pairs[0]} frames, above 0, of {pairs[1]} persons",
                got=f"boxes {self.boxes.shape}, source {self.source.shape}",
            )


def draw_sheet(sheet: Sheet) -> Image.Image:
    """The image: title, a line per person, the frames with their boxes.

    A person has its colour and number. Its track's box is a thick line, dashed where it is
    interpolated, its true box a thin one; a box on another person has a red number. Under
    each frame stand its time in the film and, by person, whether the box is detected, interpolated
    or missing, in red where it is on another person or missing though the person is visible.
    """
    columns, size = _lay_out(sheet)
    captions = -(-len(sheet.legend) // max(1, (size[0] - 56) // _MARK))  # lines of marks
    cell = size[1] + 6 + captions * (_SMALL + 5) + _GAP
    legend = _legend_lines(sheet)
    top = _MARGIN + _TITLE + 14 + len(legend) * (_TEXT + 7) + 10
    rows = -(-len(sheet.images) // columns)
    image = Image.new("RGB", (_WIDTH, top + rows * cell + _MARGIN - _GAP), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, _MARGIN), sheet.title, _INK, load_font(_TITLE, bold=True))
    _draw_legend(draw, legend, _MARGIN + _TITLE + 14)
    for number in range(len(sheet.images)):
        row, column = divmod(number, columns)
        at = _MARGIN + column * (size[0] + _GAP), top + row * cell
        image.paste(_draw_tile(sheet, number, size), at)
        _draw_caption(draw, sheet, number, (at[0], at[1] + size[1] + 6), size[0])
    return image


def _lay_out(sheet: Sheet) -> tuple[int, tuple[int, int]]:
    """Columns, and (width, height) of a tile: six beside each other, eight of upright films."""
    shapes = [frame.shape for frame in sheet.images if frame is not None]
    height, width = shapes[0][:2] if shapes else (9, 16)
    columns = 6 if width >= height else 8
    tile = (_WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns
    return columns, (tile, round(tile * height / width))


def _legend_lines(sheet: Sheet) -> list[tuple[int | None, str, str, bool]]:
    """(person or None, text, colour, bold) of each line."""
    lines: list[tuple[int | None, str, str, bool]] = []
    for person, ((reference, description), lost) in enumerate(
        zip(sheet.legend, sheet.not_found, strict=True)
    ):
        first, *more = textwrap.wrap(reference, 150) or [""]
        lines.append((person, first, _INK, True))
        lines += [(None, text, _INK, True) for text in more]
        lines.append((None, "not found: " * lost + description, WRONG if lost else _GREY, False))
    key = "thick line and ●: detected, dashed and ○: interpolated, –: no box"
    if sheet.right is not None:
        key += "; thin line: where the person is; red: the box is on another person, or missing"
        key += " though the person is visible"
    return [*lines, (None, key, _INK, False)]


def _draw_legend(
    draw: ImageDraw.ImageDraw, lines: Sequence[tuple[int | None, str, str, bool]], top: int
) -> None:
    for line, (person, text, colour, bold) in enumerate(lines):
        y = top + line * (_TEXT + 7)
        if person is not None:
            _draw_tag(draw, (_MARGIN, y), str(person), COLOURS[person % len(COLOURS)], _TEXT)
        last = line == len(lines) - 1
        draw.text((_MARGIN + 40 * (not last), y), text, colour, load_font(_TEXT, bold=bold))


def _draw_tile(sheet: Sheet, number: int, size: tuple[int, int]) -> Image.Image:
    frame = sheet.images[number]
    if frame is None:
        tile = Image.new("RGB", size, "#E0E0E0")
        ImageDraw.Draw(tile).text((10, 10), "no image", _GREY, load_font(_TEXT))
        return tile
    tile = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(tile)
    scale = np.array([size[0] / frame.shape[1], size[1] / frame.shape[0]] * 2)
    persons = range(len(sheet.legend))
    if sheet.right is not None:
        for person in persons:
            if np.isfinite(sheet.right[number, person]).all():
                _draw_box(draw, sheet.right[number, person] * scale, _pick_colour(person), 1)
    for person in persons:
        if sheet.source[number, person] != BoxSource.MISSING:
            dash = 9 if sheet.source[number, person] == BoxSource.INTERPOLATED else 0
            _draw_box(draw, sheet.boxes[number, person] * scale, _pick_colour(person), 3, dash)
    _tag_boxes(draw, sheet, number, scale)
    return tile


def _tag_boxes(
    draw: ImageDraw.ImageDraw, sheet: Sheet, number: int, scale: NDArray[np.floating]
) -> None:
    """The number of each person at its box's upper left corner, or beside those already drawn."""
    taken: list[tuple[int, int]] = []
    for person in np.flatnonzero(sheet.source[number] != BoxSource.MISSING).tolist():
        x, y = (max(0, round(float(v))) for v in (sheet.boxes[number, person] * scale)[:2])
        while any(abs(x - other) < _TAG[0] and abs(y - above) < _TAG[1] for other, above in taken):
            x += 1
        taken.append((x, y))
        colour = WRONG if sheet.wrong[number, person] else _pick_colour(person)
        _draw_tag(draw, (x, y), str(person), colour, _SMALL)


def _pick_colour(person: int) -> str:
    return COLOURS[person % len(COLOURS)]


def _draw_box(
    draw: ImageDraw.ImageDraw, box: NDArray[np.floating], colour: str, width: int, dash: int = 0
) -> None:
    """A rectangle; of strokes of ``dash`` pixels, as long as the gaps, where that is not 0."""
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    if not dash:
        draw.rectangle((x1, y1, x2, y2), outline=colour, width=width)
        return
    for x in range(x1, x2, 2 * dash):
        for y in (y1, y2):
            draw.line((x, y, min(x + dash, x2), y), colour, width)
    for y in range(y1, y2, 2 * dash):
        for x in (x1, x2):
            draw.line((x, y, x, min(y + dash, y2)), colour, width)


def _draw_tag(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: str, size: int
) -> None:
    """Text on a ground of a colour, in black or white, whichever is read better."""
    font = load_font(size, bold=True)
    x, y = corner
    width = draw.textlength(text, font)
    draw.rectangle((x, y, x + width + 8, y + size + 3), fill=colour)
    draw.text((x + 4, y), text, pick_text_colour(colour), font)


def _draw_caption(
    draw: ImageDraw.ImageDraw, sheet: Sheet, number: int, corner: tuple[int, int], width: int
) -> None:
    x, y = corner
    draw.text((x, y), format_minutes(sheet.seconds[number]), _INK, load_font(_SMALL))
    each = max(1, (width - 56) // _MARK)
    for person in range(len(sheet.legend)):
        line, place = divmod(person, each)
        at = x + 56 + _MARK * place, y + line * (_SMALL + 5)
        _draw_tag(draw, at, str(person), _pick_colour(person), _SMALL - 2)
        source = BoxSource(sheet.source[number, person])
        bad = bool(sheet.lost[number, person] or sheet.wrong[number, person])
        draw.text((at[0] + 20, at[1] - 1), _MARKS[source], WRONG if bad else _INK,
                  load_font(_SMALL, bold=bad))  # fmt: skip
