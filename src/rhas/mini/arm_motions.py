"""Movements of arms and head on top of a body's pose."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from rhas.mini.poses import (
    HEAD_PITCH,
    HEAD_YAW,
    MOUTH,
    OTHER_SIDE,
    PITCH,
    ROLL,
    TWIST,
    Pose,
    set_hand,
    set_hands,
    smooth_step,
)

ArmMotionFunction = Callable[[Pose, float, float, str], None]
"""Changes a body's pose after t seconds, at a person's tempo; the last argument is the acting hand,
``R`` or ``L``."""

_TO_MOUTH = (0.36, -0.3, 0.36)  # hand at the mouth


def _keep_pose(pose: Pose, t: float, tempo: float, side: str) -> None:
    return


def _wave_hand(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.12, 0.42 + 0.3 * sin(2 * pi * 1.8 * tempo * t), 0.72, 1.0)
    pose[MOUTH] = 0.3


def _raise_hand(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.08, 0.1 + 0.02 * sin(2 * t), 0.99, 0.6)


def _point_ahead(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.97, 0.12, 0.1 + 0.03 * sin(2.4 * t), 0.4)
    pose[HEAD_YAW] *= 0.3


def _drink_from_cup(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step(0.5 + 1.4 * sin(2 * pi * 0.33 * tempo * t - 0.2) + 0.5)
    f, o, u = _TO_MOUTH
    set_hand(pose, side, 0.52 + (f - 0.52) * x, -0.1 + (o + 0.1) * x, -0.1 + (u + 0.08) * x, 0.7)
    pose[HEAD_PITCH] -= 0.3 * x


def _eat_food(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step(0.5 + 1.3 * sin(2 * pi * 0.7 * tempo * t))
    f, o, u = _TO_MOUTH
    set_hand(pose, side, 0.5 + (f - 0.5) * x, -0.2 + (o + 0.2) * x, 0.0 + u * x, 0.8)
    set_hand(pose, OTHER_SIDE[side], 0.5, -0.2, -0.35, 0.4)
    pose[MOUTH] = 0.5 + 0.5 * sin(2 * pi * 2.1 * t)
    pose[HEAD_PITCH] += 0.18


def _read_book(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.68, -0.22, 0.02 + 0.02 * sin(1.1 * t), 0.5)
    pose[HEAD_PITCH] += 0.42
    pose[HEAD_YAW] *= 0.4


def _write_note(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, OTHER_SIDE[side], 0.58, -0.25, -0.32, 0.5)
    set_hand(pose, side, 0.68 + 0.05 * sin(9 * t), -0.28 + 0.1 * sin(2.3 * t), -0.24, 0.8)
    pose[HEAD_PITCH] += 0.62


def _talk_with_hands(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one, shift in (("R", 0.0), ("L", 1.7)):
        phase = 2 * pi * 0.8 * tempo * t + shift
        set_hand(
            pose, one, 0.5 + 0.1 * sin(phase), 0.22 + 0.18 * cos(phase), -0.22 + 0.2 * sin(phase)
        )
    pose[MOUTH] = 0.55 + 0.45 * sin(2 * pi * 2.7 * t)
    pose[HEAD_PITCH] += 0.1 * sin(2 * pi * 0.7 * t)


def _hold_phone(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.1, -0.12, 0.46, 1.3)
    pose[MOUTH] = 0.5 + 0.5 * sin(2 * pi * 2.3 * t)
    pose[HEAD_YAW] *= 0.4


def _look_down(pose: Pose, t: float, tempo: float, side: str) -> None:
    pose[HEAD_PITCH] += 0.95
    pose[HEAD_YAW] = 0.12 * sin(1.3 * t)
    pose[PITCH] += 0.1


def _hands_in_pockets(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.12, 0.0, -0.74, 1.1)


def _hold_thing(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.5, -0.16, -0.3 + 0.02 * sin(1.5 * t), 0.5)


def _carry_thing(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.62, -0.12, -0.24 + 0.015 * sin(5 * t), 0.45)
    pose[PITCH] -= 0.06


def _hold_camera(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.58, -0.12, 0.5, 0.9)


def _play_guitar(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, "R", 0.42, -0.25, -0.5 + 0.12 * sin(2 * pi * 2.0 * tempo * t), 1.0)
    set_hand(pose, "L", 0.5, 0.5 + 0.08 * sin(2 * pi * 0.6 * t), -0.08, 0.5)
    pose[HEAD_PITCH] += 0.2


def _throw_ball(pose: Pose, t: float, tempo: float, side: str) -> None:
    phase = t % 1.4
    back = smooth_step(phase / 0.45)
    forth = smooth_step((phase - 0.55) / 0.2)
    f, o, u = -0.5 * back + 1.3 * forth, 0.35 - 0.2 * forth, 0.5 * back - 0.35 * forth
    set_hand(pose, side, f, o, u, 0.9)
    set_hand(pose, OTHER_SIDE[side], 0.55 * back * (1 - forth), 0.2, -0.6, 0.3)
    pose[PITCH] += -0.15 * back + 0.4 * forth
    sign = 1.0 if side == "R" else -1.0
    pose[TWIST] += sign * (0.5 * forth - 0.35 * back)


def _offer_thing(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step(t / 0.5)
    set_hand(pose, side, 0.5 + 0.44 * x, -0.1, -0.3 + 0.16 * x, 0.4)


def _reach_ahead(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.94, -0.1, -0.14 + 0.02 * sin(2.1 * t), 0.4)


def _touch_shoulder(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.92, -0.15, 0.05 + 0.05 * sin(2 * pi * 1.5 * t), 0.5)


def _wait_and_catch(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step((t - 0.75) / 0.3)  # the throw's ball leaves the hand after 0.68 s
    caught = pose.copy()
    set_hands(caught, 0.62, -0.2, -0.05, 0.6)
    pose += (caught - pose) * x


def _show_thing(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.66, 0.1, 0.24 + 0.04 * sin(2.2 * t), 0.6)


def _shake_hand(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, side, 0.8, -0.15, -0.28 + 0.1 * sin(2 * pi * 1.9 * t), 0.3)


def _hug_ahead(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hand(pose, "R", 0.66, -0.3, 0.02, 1.0)
    set_hand(pose, "L", 0.6, -0.3, -0.18, 1.0)
    pose[PITCH] += 0.08
    pose[ROLL] += 0.05 * sin(1.6 * t)


def _punch(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one, shift in (("R", 0.0), ("L", 0.5)):
        phase = (1.3 * tempo * t + shift) % 1.0
        x = smooth_step(phase / 0.2) * smooth_step((0.6 - phase) / 0.25)
        set_hand(pose, one, 0.35 + 0.62 * x, -0.12, 0.05 + 0.05 * x, 0.6)
    pose[TWIST] += 0.25 * sin(2 * pi * 1.3 * tempo * t)


def _push_ahead(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step((t - 0.25) / 0.25)
    set_hands(pose, 0.4 + 0.56 * x, -0.05, -0.02, 0.7)
    pose[PITCH] += 0.3 * x


def _pull_up(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth_step(t / 1.4)
    set_hands(pose, 0.9 - 0.3 * x, -0.15, -0.5 + 0.3 * x, 0.3)
    pose[PITCH] += 0.45 * (1 - x) - 0.12


def _stir_pot(pose: Pose, t: float, tempo: float, side: str) -> None:
    phase = 2 * pi * 0.9 * tempo * t
    set_hand(pose, side, 0.68 + 0.14 * cos(phase), -0.1 + 0.18 * sin(phase), -0.42, 0.6)
    set_hand(pose, OTHER_SIDE[side], 0.5, 0.0, -0.5, 0.5)
    pose[HEAD_PITCH] += 0.35


def _handle_doors(pose: Pose, t: float, tempo: float, side: str) -> None:
    set_hands(pose, 0.85, 0.1 + 0.25 * sin(2 * pi * 0.45 * t), 0.0, 0.5)


ARM_MOTIONS: dict[str, ArmMotionFunction] = {
    "none": _keep_pose,
    "waving": _wave_hand,
    "raising": _raise_hand,
    "pointing": _point_ahead,
    "drinking": _drink_from_cup,
    "eating": _eat_food,
    "reading": _read_book,
    "writing": _write_note,
    "talking": _talk_with_hands,
    "calling": _hold_phone,
    "lookingdown": _look_down,
    "handsinpocket": _hands_in_pockets,
    "holding": _hold_thing,
    "carrying": _carry_thing,
    "picturing": _hold_camera,
    "playingmusic": _play_guitar,
    "throwing": _throw_ball,
    "offering": _offer_thing,
    "reaching": _reach_ahead,
    "touching": _touch_shoulder,
    "catching": _wait_and_catch,
    "showing": _show_thing,
    "handshake": _shake_hand,
    "hugging": _hug_ahead,
    "punching": _punch,
    "pushing": _push_ahead,
    "pulling": _pull_up,
    "stirring": _stir_pot,
    "doors": _handle_doors,
}
