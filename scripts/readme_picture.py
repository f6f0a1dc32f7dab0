"""Draws docs/images/segment.webp: a piece of an overlay film above a timeline, from `rhas segment`.

rhas segment data/raw/films/mini_05.mp4 --out mini_05 --ref ... --ref ...
python scripts/readme_picture.py mini_05 --start 103 --stop 117
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import av
import matplotlib
from PIL import Image, ImageDraw, ImageFont

COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
ROW, EDGE = 20, 6  # pixels of the timeline
FRAMES_PER_S = 5

Interval = tuple[int, str, float, float]  # person, action, start, stop in seconds


def read_intervals(path: Path, start: float, stop: float) -> list[Interval]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [(int(r["person"]), r["action"], float(r["start_s"]), float(r["end_s"])) for r in rows]
    return [i for i in found if i[2] < stop and i[3] > start and i[3] - i[2] >= 1]


def read_frames(path: Path, start: float, stop: float) -> Iterator[tuple[float, Image.Image]]:
    """Frames of the film with their seconds, ``FRAMES_PER_S`` of each second."""
    due = start
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            if frame.time >= stop:
                return
            if frame.time >= due:
                yield frame.time, frame.to_image()
                due += 1 / FRAMES_PER_S


def draw_timeline(
    intervals: list[Interval], start: float, stop: float, width: int, persons: list[int]
) -> Image.Image:
    """A row per person; a bar per interval with its action where there is room."""
    image = Image.new("RGB", (width, ROW * len(persons) + 2 * EDGE), "#111111")
    draw = ImageDraw.Draw(image)
    name = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(name), 11)
    for person, action, begin, end in intervals:
        left, right = (position(t, start, stop, width) for t in (begin, end))
        top = EDGE + ROW * persons.index(person) + 2
        colour = COLOURS[person % len(COLOURS)]
        draw.rectangle((left, top, right, top + ROW - 4), fill=colour, outline="#111111")
        middle = (max(left, EDGE) + min(right, width - EDGE)) / 2, top + ROW / 2 - 2
        if font.getlength(action) < min(right, width) - max(left, 0) - 4:
            draw.text(middle, action, "black", font, "mm")
    return image


def position(seconds: float, start: float, stop: float, width: int) -> float:
    share = min(max((seconds - start) / (stop - start), 0), 1)
    return EDGE + share * (width - 2 * EDGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what `rhas segment --out` wrote")
    parser.add_argument("--start", type=float, default=103, help="seconds")
    parser.add_argument("--stop", type=float, default=117, help="seconds")
    parser.add_argument("--out", type=Path, default=Path("docs/images/segment.webp"))
    options = parser.parse_args()
    start, stop = options.start, options.stop
    intervals = read_intervals(options.folder / "intervals.csv", start, stop)
    persons = sorted({interval[0] for interval in intervals})
    pictures = []
    for seconds, frame in read_frames(options.folder / "overlay.webm", start, stop):
        timeline = draw_timeline(intervals, start, stop, frame.width, persons)
        x = position(seconds, start, stop, frame.width)
        ImageDraw.Draw(timeline).line((x, 0, x, timeline.height), "white", 2)
        picture = Image.new("RGB", (frame.width, frame.height + timeline.height))
        picture.paste(frame, (0, 0))
        picture.paste(timeline, (0, frame.height))
        pictures.append(picture)
    pictures[0].save(options.out, save_all=True, append_images=pictures[1:], loop=0,
                     duration=1000 // FRAMES_PER_S, quality=55, method=6)  # fmt: skip
    print(f"{options.out}: {len(pictures)} pictures, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
