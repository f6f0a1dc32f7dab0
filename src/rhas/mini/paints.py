"""Paints: plain, shaded across a limb, and cloth with its pattern."""

from __future__ import annotations

import numpy as np
import skia

from rhas.mini.appearance import Appearance, Rgb


def lit_colour(colour: Rgb, factor: float) -> int:
    """A colour lit by a factor, in skia's form."""
    r, g, b = (min(255, max(0, round(c * factor))) for c in colour)
    return skia.Color(r, g, b)


def plain_paint(colour: Rgb, factor: float = 1.0) -> skia.Paint:
    """One colour lit by a factor."""
    return skia.Paint(AntiAlias=True, Color=lit_colour(colour, factor))


def make_cloth_tile(appearance: Appearance, rng: np.random.Generator) -> skia.Image:
    """One repeat of the upper garment's cloth, 32 x 32 pixels."""
    n = 32
    base = np.array(appearance.upper, np.float64)
    accent = np.array(appearance.accent, np.float64)
    yy, xx = np.mgrid[0:n, 0:n]
    pattern = appearance.attributes.pattern
    if pattern == "striped":
        on = (yy % n) < n * 0.42
    elif pattern == "dotted":
        on = (xx - 8) ** 2 + (yy - 8) ** 2 < 26
        on |= (xx - 24) ** 2 + (yy - 24) ** 2 < 26
    elif pattern == "checked":
        on = (xx < n // 2) ^ (yy < n // 2)
    else:
        on = np.zeros((n, n), bool)
    cloth = np.where(on[..., None], accent, base)
    cloth = cloth * (1 + rng.normal(0, 0.035, (n, n, 1)))
    rgba = np.full((n, n, 4), 255, np.uint8)
    rgba[..., :3] = np.clip(cloth, 0, 255)
    return skia.Image.fromarray(rgba, colorType=skia.kRGBA_8888_ColorType)


_LIT = (0.62, 1.1, 1.0, 0.52)  # light on something round, from one edge to the other


def _make_shading(colours: list[int], r: float, across: bool) -> skia.Shader:
    """Light from -r to r: with ``across`` over a limb that lies along x, else from side to side."""
    ends = [(0, -r), (0, r)] if across else [(-r, 0), (r, 0)]
    return skia.GradientShader.MakeLinear(
        points=[skia.Point(x, y) for x, y in ends],
        colors=colours,
        positions=[0.0, 0.3, 0.6, 1.0],
    )


def shaded_paint(colour: Rgb, r: float, across: bool = True) -> skia.Paint:
    """One colour on something round of radius ``r``, see `_make_shading`."""
    shader = _make_shading([lit_colour(colour, k) for k in _LIT], r, across)
    return skia.Paint(AntiAlias=True, Shader=shader)


class Cloth:
    """The cloth of a person's upper garment, with its pattern."""

    REPEAT = 0.095 / 32
    """Body heights per pixel of the tile: a repeat of the pattern is 9.5 % of body height."""

    def __init__(self, appearance: Appearance, rng: np.random.Generator) -> None:
        self.tile = make_cloth_tile(appearance, rng)

    def make_paint(
        self, r: float, across: bool, scale: tuple[float, float] = (1.0, 1.0)
    ) -> skia.Paint:
        """The cloth on something round of radius ``r``, see `_make_shading`.

        Args:
            r: radius.
            across: whether it lies along x.
            scale: units of the canvas in body heights, if it is not drawn in body heights.
        """
        matrix = skia.Matrix()
        matrix.setScale(self.REPEAT / scale[0], self.REPEAT / scale[1])
        repeat = skia.TileMode.kRepeat
        cloth = self.tile.makeShader(
            repeat, repeat, skia.SamplingOptions(skia.FilterMode.kLinear), matrix
        )
        grey = [skia.Color(*(min(255, round(235 * k)),) * 3) for k in _LIT]
        shading = _make_shading(grey, r, across)
        return skia.Paint(
            AntiAlias=True, Shader=skia.Shaders.Blend(skia.BlendMode.kModulate, cloth, shading)
        )


def darken_paint(paint: skia.Paint) -> skia.Paint:
    """A paint of two thirds of a paint's colour."""
    colour = paint.getColor()
    rgb = skia.ColorGetR(colour), skia.ColorGetG(colour), skia.ColorGetB(colour)
    return skia.Paint(AntiAlias=True, Color=skia.Color(*(round(0.66 * c) for c in rgb)))


def stroke_paint(colour: int, width: float) -> skia.Paint:
    """Lines of a colour in skia's form."""
    return skia.Paint(
        AntiAlias=True, Color=colour, Style=skia.Paint.kStroke_Style, StrokeWidth=width
    )


DARK = skia.Paint(AntiAlias=True, Color=skia.Color(30, 24, 24))
WHITE = skia.Paint(AntiAlias=True, Color=skia.Color(245, 245, 245))
LINE = stroke_paint(skia.Color(30, 24, 24), 0.008)
