"""A drawn person: body, clothes and what is carried."""

from __future__ import annotations

import numpy as np
import skia

from rhas.mini.appearance import Appearance
from rhas.mini.head import Head
from rhas.mini.limbs import Arm, Leg, Limb
from rhas.mini.paints import Cloth, plain_paint
from rhas.mini.skeleton import (
    BACK,
    FACE_J,
    HAND_L,
    HAND_R,
    HEAD_J,
    HIP_L,
    HIP_R,
    NECK_J,
    PELVIS,
    SHOULDER_L,
    SHOULDER_R,
    Projected,
)
from rhas.mini.things import TWO_HANDED, HeldThings
from rhas.mini.torso import Bag, Torso


class Figure:
    """A person's shapes and paints, built once; :meth:`draw` places them."""

    def __init__(self, appearance: Appearance, rng: np.random.Generator) -> None:
        """``rng``: of the cloth's grain."""
        self.attributes = appearance.attributes
        cloth = Cloth(appearance, rng)
        self.arm, self.leg = Arm(appearance, cloth), Leg(appearance, cloth)
        self.neck = Limb(0.06, 0.03, 0.03, plain_paint(appearance.skin, 0.84))
        self.torso, self.head = Torso(appearance, cloth), Head(appearance)
        self.bag = Bag(appearance)

    def draw(
        self, canvas: skia.Canvas, projected: Projected, things: HeldThings, held: str, side: str,
        hidden: bool,
    ) -> None:  # fmt: skip
        """Draw the person; the canvas has its origin at the floor point, in metres.

        Args:
            canvas: where to draw.
            projected: the projected pose.
            things: of the film.
            held: kind of the held thing, or an empty string.
            side: ``R`` or ``L``, the hand of one-handed things.
            hidden: whether the hands are in the pockets.
        """
        canvas.save()
        canvas.scale(projected.size, projected.size)
        p = projected.in_body_heights()
        depth, a = p.depth, self.attributes
        back_view = depth[FACE_J] < depth[HEAD_J] - 0.03
        chest = (depth[NECK_J] + depth[PELVIS]) / 2
        arms_back, arms_front = _sort_arms(depth, chest)
        hand = HAND_R if side == "R" else HAND_L
        both = held in TWO_HANDED
        held_depth = (depth[HAND_R] + depth[HAND_L]) / 2 if both else depth[hand]
        thing_back = held != "" and held_depth < chest - 0.02

        if a.bag == "backpack" and depth[BACK] < chest:
            self.bag.draw_backpack(canvas, p)
        if a.hair == "long" and not back_view:
            self.head.draw_long_hair(canvas, p)
        if thing_back and both:
            things.draw(canvas, p, held, hand)
        for shoulder in arms_back:
            self.arm.draw(canvas, p, shoulder, hidden)
        if thing_back and not both:
            things.draw(canvas, p, held, hand)
        for hip in sorted((HIP_R, HIP_L), key=lambda j: depth[j] + depth[j + 1] + depth[j + 2]):
            self.leg.draw(canvas, p, hip)
        self.torso.draw_skirt(canvas, p)
        self.neck.draw(canvas, p.x[NECK_J], p.y[NECK_J] + 0.02, p.x[HEAD_J], p.y[HEAD_J])
        self.torso.draw(canvas, p)
        if a.bag == "shoulder bag":
            self.bag.draw_shoulder_bag(canvas, p)
        self.head.draw(canvas, p, back_view)
        if a.hair == "long" and back_view:
            self.head.draw_long_hair(canvas, p)
        if a.bag == "backpack" and depth[BACK] >= chest:
            self.bag.draw_backpack(canvas, p)
        if held and not thing_back:
            things.draw(canvas, p, held, hand)
        for shoulder in arms_front:
            self.arm.draw(canvas, p, shoulder, hidden)
        canvas.restore()


def _sort_arms(depth: list[float], chest: float) -> tuple[list[int], list[int]]:
    """Shoulder joints of the arms behind the chest, and of those before it, far to near."""
    back: list[int] = []
    front: list[int] = []
    for shoulder in (SHOULDER_R, SHOULDER_L):
        mean = (depth[shoulder] + 2 * depth[shoulder + 1] + 2 * depth[shoulder + 2]) / 5
        (front if mean > chest - 0.015 else back).append(shoulder)
    front.sort(key=lambda j: depth[j] + depth[j + 2])
    return back, front
