"""Random stills with truth, for training the built-in checkpoints.

The same people, places and movements as in the films, from seeds that no film uses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.mini.attributes import Attributes
from rhas.mini.facts import PLAIN
from rhas.mini.references import sample_alternatives, sample_reference
from rhas.mini.renderer import Renderer
from rhas.mini.simulate import invent_story
from rhas.mini.spec import SCENE_KEY
from rhas.mini.story import LabelMark, list_labels

_GOES_ON = 30.0  # seconds that a story goes on after its last still, so that acts are not cut
_SIZES = (
    (384, 216), (320, 180), (320, 240), (288, 216), (384, 216), (320, 180), (216, 288), (180, 320),
)  # fmt: skip


@dataclass(frozen=True)
class ScenePerson:
    """Somebody in a still."""

    reference: str
    """A sentence that nobody else in the story fits."""
    alternatives: list[str]
    """More of them, short and long, as "the red coat"."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels, inside the picture."""
    visible: float
    """Visible fraction of the figure, above 0, at most 1."""
    actions: tuple[str, ...]
    """Class names at this moment, possibly none."""
    attributes: Attributes
    joints: tuple[tuple[float, float, float], ...]
    """``rhas.mini.skeleton.JOINTS`` points: x and y in pixels, inside the picture or not, and how
    much nearer to the camera than the point on the floor, in pixels of the same scale."""
    facing: float
    """Direction of the body in radians: 0 faces the camera, pi/2 faces right."""
    held: str
    """Kind of the thing in the hands, one of ``rhas.mini.things.THINGS``, or an empty string."""
    hidden: bool
    """Whether the hands are in the pockets."""
    mouth: float
    """How far the mouth is open, 0 to about 1."""
    partner: int = -1
    """Index into the still's persons of the one with whom something is done; -1 nobody."""


@dataclass(frozen=True)
class Scene:
    """A still and who is in it."""

    frame: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    persons: list[ScenePerson]
    """Only those in the picture; may be empty."""
    cast: list[str]
    """References of everybody in the story, in the picture or not."""
    situation: int
    """Number of the story that the still is from."""


def sample_scenes(
    seed: int, count: int, *, size: tuple[int, int] | None = None, moments: int = 12,
    step: float = 0.7,
) -> Iterator[Scene]:  # fmt: skip
    """Random stills.

    Args:
        seed: 0 or more; the same seed gives the same stills.
        count: how many.
        size: picture width and height in pixels; None for the sizes of the films, mixed.
        moments: stills taken from each simulated situation, in the order of time.
        step: about how many seconds lie between them.
    """
    done = 0
    situation = 0
    while done < count:
        root = np.random.SeedSequence([seed, situation], spawn_key=(SCENE_KEY,))
        rng = np.random.default_rng(root)
        number = min(moments, count - done)
        for scene in _render_situation(rng, situation, number, moments, size, step):
            yield scene
            done += 1
        situation += 1


def _render_situation(
    rng: np.random.Generator, situation: int, number: int, moments: int,
    size: tuple[int, int] | None, step: float,
) -> Iterator[Scene]:  # fmt: skip
    width, height = size if size is not None else _SIZES[int(rng.integers(len(_SIZES)))]
    seconds = moments * step * 1.1 + 2
    warm_up = float(rng.uniform(0, 30))  # so that stills also show later parts of an act
    sides = bool(rng.random() < 0.12)
    story = invent_story(rng, warm_up + seconds + _GOES_ON, width / height, sides=sides)
    renderer = Renderer(story, rng, width, height)
    cast = [appearance.attributes for appearance in story.cast]
    labels = [list_labels(timeline) for timeline in story.timelines]
    sentences = [sample_reference(rng, p, cast) for p in range(len(cast))]
    others = [sample_alternatives(rng, p, cast) for p in range(len(cast))]
    for k in range(number):
        t = warm_up + 0.5 + step * (k + float(rng.uniform(0, 0.9)))
        placed, _ = renderer.draw_frame(t)
        seen = [q for q in placed if q.visible > 0]
        numbers = {q.person: n for n, q in enumerate(seen) if q.visible >= PLAIN}
        active = {q.person: [m for m in labels[q.person] if m.t0 <= t < m.t1] for q in seen}
        persons = [
            ScenePerson(
                reference=sentences[q.person],
                alternatives=others[q.person],
                box=q.box,
                visible=q.visible,
                actions=_name_actions(active[q.person], numbers),
                attributes=cast[q.person],
                joints=q.joints,
                facing=q.state.yaw,
                held=q.state.held,
                hidden=q.state.hidden,
                mouth=q.projected.mouth,
                partner=max([numbers.get(m.partner, -1) for m in active[q.person]], default=-1),
            )
            for q in seen
        ]
        yield Scene(renderer.pixels[..., :3].copy(), persons, sentences, situation)


def _name_actions(active: Sequence[LabelMark], seen: Collection[int]) -> tuple[str, ...]:
    """Classes of the labels of a moment; a partner out of the picture makes it another one."""
    names = {m.label if m.partner in seen or m.partner < 0 else m.alone for m in active}
    return tuple(sorted(name for name in names if name is not None))
