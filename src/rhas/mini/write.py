"""A film drawn and written, with its truth. F source frames, P persons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.mini.facts import FilmFacts, collect_facts, make_film_story, make_generators
from rhas.mini.renderer import Renderer
from rhas.mini.spec import FilmSpec
from rhas.mini.story import Story
from rhas.mini.video import encode_film


@dataclass(frozen=True)
class FilmTruth(FilmFacts):
    """What is known of a rendered film."""

    boxes: NDArray[np.float32]
    """(F, P, 4) x0, y0, x1, y1 in pixels of the source frame; NaN where not visible."""
    visible: NDArray[np.float32]
    """(F, P) visible fraction of the figure, 0 to 1."""


def make_film_renderer(spec: FilmSpec, story: Story) -> Renderer:
    """Draws single moments of a film as :func:`write_film` does, before encoding.

    Args:
        spec: the film.
        story: from :func:`make_film_story` of the same film.
    """
    return Renderer(story, make_generators(spec)[2], spec.width, spec.height)


def write_film(
    spec: FilmSpec, folder: Path, progress: Callable[[int], None] | None = None
) -> FilmTruth:
    """Render a film to ``folder/<movie>.<container>``.

    Args:
        spec: from :func:`rhas.mini.film_specs`.
        folder: exists.
        progress: called with the number of frames written since the last call.

    Returns:
        The truth of the film, boxes included.
    """
    story = make_film_story(spec)
    facts = collect_facts(spec, story)
    renderer, sound = make_film_renderer(spec, story), make_generators(spec)[3]
    count, persons = spec.frames, len(story.cast)
    boxes = np.full((count, persons, 4), np.nan, np.float32)
    visible = np.zeros((count, persons), np.float32)
    rate = float(spec.rate)

    def draw(n: int) -> NDArray[np.uint8]:
        placed, _ = renderer.draw_frame(n / rate)
        for q in placed:
            if q.visible > 0:
                boxes[n, q.person] = q.box
                visible[n, q.person] = q.visible
        return renderer.pixels

    encode_film(spec, folder / spec.file_name, draw, sound, progress)
    return FilmTruth(**vars(facts), boxes=boxes, visible=visible)
