"""Frames: background, furniture, people."""

from __future__ import annotations

import numpy as np
import skia
from numpy.typing import NDArray

from rhas.mini.backgrounds import paint_place
from rhas.mini.camera import PlacedPerson, View, find_view, place_people
from rhas.mini.figure import Figure
from rhas.mini.places import LANES, TOP
from rhas.mini.props import Prop, record_prop
from rhas.mini.story import Flight, Story, find_shot
from rhas.mini.things import HeldThings, draw_box

_LINEAR = skia.SamplingOptions(skia.FilterMode.kLinear)
_BOX = skia.Paint(AntiAlias=True, Color=skia.Color(196, 150, 96))
_BOX_DARK = skia.Paint(AntiAlias=True, Color=skia.Color(129, 99, 63))


class Renderer:
    """Draws the moments of a story; holds one surface and the painted places.

    Args:
        story: from :func:`rhas.mini.simulate.invent_story`.
        rng: source of the details that a story leaves open (cloth, colours of things).
        width: picture width in pixels.
        height: picture height in pixels.
    """

    def __init__(self, story: Story, rng: np.random.Generator, width: int, height: int) -> None:
        self.story, self.width, self.height = story, width, height
        self.pixels: NDArray[np.uint8] = np.zeros((height, width, 4), np.uint8)
        self.surface = skia.Surface(self.pixels, colorType=skia.kRGBA_8888_ColorType)
        self.canvas = self.surface.getCanvas()
        self.figures = [Figure(appearance, rng) for appearance in story.cast]
        self.things = HeldThings(rng)
        self._places: dict[int, skia.Image] = {}
        self._pictures: dict[tuple[int, int], skia.Picture] = {}
        self._still: tuple[tuple[int, float, float, float], NDArray[np.uint8]] | None = None
        self._detail = height / 2.5

    def draw_frame(self, t: float) -> tuple[list[PlacedPerson], int]:
        """Draw a moment into ``pixels`` (height, width, 4) uint8 RGBA.

        Args:
            t: seconds.

        Returns:
            The people in the filmed setting, and the index of the shot.
        """
        story = self.story
        number = find_shot(story, t)
        shot = story.shots[number]
        setting = story.settings[shot.setting]
        view = find_view(story, shot, t, self.height)
        placed = place_people(story, shot, t, view, (self.width, self.height))
        self._draw_background(shot.setting, view)
        items: list[tuple[float, int, PlacedPerson | Prop | Flight | tuple[float, float]]] = []
        items += [(q.state.z, 1, q) for q in placed]
        items += [(prop.z, 0, prop) for prop in setting.props]
        for rest in story.boxes_at_rest:
            if rest.setting == shot.setting and rest.t0 <= t < rest.t1:
                y = (rest.z - 1) * LANES - rest.lift
                items.append((rest.z + 0.03, 2, (rest.x, y)))
        for flight in story.flights:
            if flight.setting == shot.setting and flight.t0 <= t < flight.t1:
                items.append((flight.z1 + 0.04, 3, flight))
        items.sort(key=lambda item: (item[0], item[1]))
        canvas, k = self.canvas, view.scale
        for _, _, item in items:
            canvas.save()
            if isinstance(item, PlacedPerson):
                canvas.translate(*item.origin)
                canvas.scale(k, k)
                state = item.state
                self.figures[item.person].draw(
                    canvas, item.projected, self.things, state.held, state.side, state.hidden
                )
            elif isinstance(item, Prop):
                x = (item.x - view.x) * k
                if -2 * k < x < self.width + 2 * k:
                    canvas.translate(x, ((item.z - 1) * LANES - view.y) * k)
                    canvas.scale(k, k)
                    canvas.drawPicture(self._record_prop(shot.setting, setting.props.index(item)))
            elif isinstance(item, Flight):
                self.things.draw_flight(canvas, item, t, view)
            else:
                canvas.translate((item[0] - view.x) * k, (item[1] - view.y) * k)
                canvas.scale(k, k)
                draw_box(canvas, 0.0, 0.0, 0.34, 0.27, _BOX, _BOX_DARK)
            canvas.restore()
        tint = setting.place.tint
        canvas.drawColor(
            skia.Color(*(round(255 * max(0.0, c)) for c in tint)), skia.BlendMode.kModulate
        )
        return placed, number

    def _record_prop(self, setting: int, prop: int) -> skia.Picture:
        key = (setting, prop)
        if key not in self._pictures:
            self._pictures[key] = record_prop(self.story.settings[setting].props[prop])
        return self._pictures[key]

    def _draw_background(self, setting: int, view: View) -> None:
        key = (setting, view.x, view.y, view.scale)
        if self._still is not None and self._still[0] == key:
            self.pixels[:] = self._still[1]
            return
        place = self.story.settings[setting].place
        if place.seed not in self._places:
            self._places[place.seed] = paint_place(place, self._detail)
        image = self._places[place.seed]
        d = self._detail
        source = skia.Rect.MakeXYWH(
            view.x * d, (view.y - TOP) * d, self.width / view.scale * d,
            self.height / view.scale * d,
        )  # fmt: skip
        self.canvas.drawImageRect(image, source, skia.Rect.MakeWH(self.width, self.height), _LINEAR)
        self._still = (key, self.pixels.copy())
