"""The pictures of data/README.md: python benchmarks/mini_pictures.py, writes into docs/images.

The same bytes every time, with the same versions of Pillow and skia.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rhas.config.mini import MiniConfig
from rhas.mini import FilmFacts, film_specs, simulate_film
from rhas.mini.facts import make_film_story
from rhas.mini.write import make_film_renderer

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
SHOWN = ("talking", "giving", "catching", "hugging", "pushing", "looking")
"""Classes between people; the sheet has the middle of the longest interval of each."""
COLOURS = ("#ffe14d", "#5ad1ff", "#ff8ad8", "#9dff7a", "#ffb066")
PAPER, INK = "#ffffff", "#222222"
TILE = (470, 264)
CROP = 116


def find_scene(facts: list[FilmFacts], name: str) -> tuple[int, float]:
    """Film and second in the middle of the longest interval of a class."""
    found = [
        (b - a, film, (a + b) / 2)
        for film, known in enumerate(facts)
        for _, action, a, b in known.intervals
        if action == name
    ]
    _, film, second = max(found)
    return film, second


def draw_sheet() -> Image.Image:
    """Six scenes with true boxes, and below each the actions and sentences of those in view."""
    font = ImageFont.load_default(13)
    line, pad, columns = 18, 10, 3
    cell = (TILE[0] + pad, TILE[1] + 5 * line + pad)
    rows = -(-len(SHOWN) // columns)
    out = Image.new("RGB", (columns * cell[0] + pad, rows * cell[1] + pad), PAPER)
    pen = ImageDraw.Draw(out)
    specs = film_specs(MiniConfig())
    known = [simulate_film(spec) for spec in specs]
    for number, name in enumerate(SHOWN):
        film, second = find_scene(known, name)
        spec, facts = specs[film], known[film]
        renderer = make_film_renderer(spec, make_film_story(spec))
        placed, _ = renderer.draw_frame(second)
        scale = min(TILE[0] / spec.width, TILE[1] / spec.height)
        size = round(spec.width * scale), round(spec.height * scale)
        picture = Image.fromarray(renderer.pixels[..., :3].copy())
        left = pad + number % columns * cell[0]
        top = pad + number // columns * cell[1]
        x, y = left + (TILE[0] - size[0]) // 2, top
        out.paste(picture.resize(size, Image.Resampling.LANCZOS), (x, y))
        seen = sorted((q for q in placed if q.visible > 0), key=lambda q: q.box[0])
        for row, q in enumerate(seen):
            colour = COLOURS[row]
            box = [c * scale + shift for c, shift in zip(q.box, (x, y, x, y), strict=True)]
            pen.rectangle(box, outline=colour)
            text = top + TILE[1] + 4 + row * line
            pen.rectangle((left, text + 3, left + 11, text + 14), fill=colour, outline=INK)
            actions = [n for p, n, a, b in facts.intervals if p == q.person and a <= second < b]
            told = f"{', '.join(actions)}: {facts.references[q.person]}"
            while font.getlength(told) > TILE[0] - 18:
                told = told.rstrip(" …").rpartition(" ")[0] + " …"
            pen.text((left + 18, text), told, fill=INK, font=font)
    return out


def find_moved_box(facts: list[FilmFacts]) -> tuple[int, int, float, float]:
    """Film, person, first and last second of somebody who picks a box up and puts it down
    after 8 s or a little more."""
    found = [
        (last - first, film, person, first, last)
        for film, known in enumerate(facts)
        for person, name, first, _ in known.intervals
        for other, after, _, last in known.intervals
        if name == "picking" and after == "putting" and other == person and last > first + 8
    ]
    _, film, person, first, last = min(found)
    return film, person, first - 0.4, last - 0.1


def draw_strip() -> Image.Image:
    """A person's crops over some seconds, and the labels of each moment below."""
    specs = film_specs(MiniConfig())
    known = [simulate_film(spec) for spec in specs]
    film, person, start, end = find_moved_box(known)
    spec, facts = specs[film], known[film]
    renderer = make_film_renderer(spec, make_film_story(spec))
    font, count, line = ImageFont.load_default(13), 12, 16
    moments = np.linspace(start, end, count)
    out = Image.new("RGB", (count * CROP, CROP * 3 // 2 + 3 * line + 8), PAPER)
    pen = ImageDraw.Draw(out)
    for column, second in enumerate(moments):
        placed, _ = renderer.draw_frame(float(second))
        box = next((q.box for q in placed if q.person == person and q.visible > 0), None)
        labels = [n for p, n, a, b in facts.intervals if p == person and a <= second < b]
        x = column * CROP
        if box is not None:
            out.paste(_crop(renderer.pixels[..., :3], box), (x + 2, 0))
        for row, text in enumerate(
            [f"{second:.1f} s", *[n for n in labels if n != "standing"][:2]]
        ):
            pen.text((x + 4, CROP * 3 // 2 + 4 + row * line), text, fill=INK, font=font)
    return out


def _crop(pixels: np.ndarray, box: tuple[float, float, float, float]) -> Image.Image:
    """The surroundings of a box, 3 high to 2 wide, grey outside the picture."""
    x0, y0, x1, y1 = box
    height = max(y1 - y0, 1.5 * (x1 - x0)) * 1.08
    width = height / 1.5
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    window = (
        middle[0] - width / 2, middle[1] - height / 2,
        middle[0] + width / 2, middle[1] + height / 2,
    )  # fmt: skip
    size = (CROP - 4, CROP * 3 // 2)
    return Image.fromarray(pixels.copy()).transform(
        size, Image.Transform.EXTENT, window, Image.Resampling.BICUBIC, fillcolor="#888888"
    )


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    draw_sheet().save(OUT / "rhas_mini.jpg", quality=88, optimize=True)
    draw_strip().save(OUT / "rhas_mini_strip.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
