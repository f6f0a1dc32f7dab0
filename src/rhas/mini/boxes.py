"""Boxes that people pick up, carry about and put down."""

from __future__ import annotations

from dataclasses import dataclass

from rhas.mini.movement import Mover
from rhas.mini.story import MEMORY, RestingBox


@dataclass(eq=False)
class BoxMover(Mover):
    """Plans what a person does with boxes."""

    def find_strange_box(self) -> RestingBox | None:
        """A box that somebody else has put down some time ago and does not take again."""
        for other in self.company.people:
            box = other.box
            if other is self or box is None or self.t < box.t0 + MEMORY:
                continue
            if box.t1 >= self.until and other.t <= self.t + 8:
                return box
        return None

    def move_box(self, box: RestingBox, up: str, carry: str, down: str) -> RestingBox | None:
        """Pick a box up, carry it about and put it down; returns it where it lies then."""
        side = 1 if self.x < box.x else -1
        self.walk_to(box.x - 0.48 * side, z=box.z)
        start, end, middle = self._reach(side, box.lift > 0.1)
        box.t1 = min(middle, self.until) if not self.is_over else self.until
        self.add_arm_motion("none", up, start, end, "box", middle, appears=True)
        if self.is_over:
            return None
        self._carry_box(1 if box.owner == self.owner else 3, carry)
        return None if self.is_over else self._put_box_down(box.owner, carry, down)

    def place_box(self) -> RestingBox:
        """A box of the person's own, there since the person came into the setting."""
        if self.stand is not None:
            x, lift = self.stand.x, self.stand.height
        else:
            x, lift = self.draw_spot(), 0.0
        here = (b.t0 for b in self.timeline.body if b.setting == self.setting)
        box = RestingBox(next(here, self.t), 0.0, self.setting, self.owner, x, self.z, lift)
        self.boxes.append(box)
        return box

    def _reach(self, side: int, on_stand: bool) -> tuple[float, float, float]:
        """Bend to a stand or the floor; returns start, end and the moment the hands are there."""
        length = self.draw_uniform(1.6, 2.2)
        name = "reach_table" if on_stand else "reach_floor"
        start, end = self.add_body_motion(name, None, length, yaw=1.3 * side)
        return start, end, start + length / 2

    def _carry_box(self, walks: int, label: str) -> None:
        target = self.draw_spot()
        for _ in range(walks + int(self.rng.integers(0, 2))):
            if self.rng.random() < 0.6:
                length = self.draw_uniform(2, 5)
                t0, t1 = self.add_body_motion("stand", "standing", length, yaw=self.draw_yaw())
                self.add_arm_motion("carrying", label, t0, t1, "box")
            self.walk_to(target, held="box", carrying=label)
            target = self.draw_spot()

    def _put_box_down(self, owner: int, carry: str, label: str) -> RestingBox | None:
        side, lift = 1 if self.yaw >= 0 else -1, 0.0
        stand = self.stand if self.stand is not None and self.rng.random() < 0.6 else None
        if stand is not None:
            side, lift = 1 if self.x < stand.x else -1, stand.height
            self.walk_to(stand.x - 0.48 * side, held="box", carrying=carry)
        start, end, middle = self._reach(side, stand is not None)
        if end <= start:
            return None
        self.add_arm_motion("none", label, start, end, "box", middle)
        x = self.x + 0.48 * side
        if middle >= self.until:
            return None
        box = RestingBox(middle, self.until, self.setting, owner, x, self.z, lift)
        self.boxes.append(box)
        return box
