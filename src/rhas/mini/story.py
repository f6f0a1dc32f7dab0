"""What happens in a film, as data: who is where and does what, places, shots. Seconds, metres."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from rhas.base.classes import CLASS_ID
from rhas.mini.appearance import Appearance
from rhas.mini.places import Place
from rhas.mini.props import Prop

PAIR_CLASSES: tuple[str, ...] = (
    "talking", "listening", "asking", "waving", "beckoning", "showing", "looking", "watching",
    "catching", "gesturing", "giving", "receiving", "taking", "shaking", "hugging", "hitting",
    "dodging", "pushing", "falling", "pulling", "touching", "shouting", "struggling", "rubbing",
)  # fmt: skip
"""Classes that somebody has only together with another person."""
MEMORY = 15.0
"""Seconds at least between what happened and what depends on it."""
FOLLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "taking": ("receiving", ("giving",)),
    "helping": ("holding", ("receiving",)),
    "removing": ("picking", ("putting", "tidying")),
    "moving": ("carrying", ("putting", "tidying")),
    "tidying": ("putting", ("putting", "tidying")),
    "closing": ("opening", ("opening",)),
    "searching": ("lookingdown", ("dropping",)),
    "grabbing": ("bending", ("dropping",)),
    "sleeping": ("lying", ("lying",)),
    "breathing": ("standing", ("running",)),
    "drawing": ("writing", ("watching",)),
    "stretching": ("raising", ("lying", "sleeping")),
    "shouting": ("talking", ("dodging", "falling")),
    "struggling": ("hitting", ("dodging", "falling")),
    "rubbing": ("touching", ("falling",)),
}
"""Classes that look like another one (the first) and are told from it by what happened `MEMORY`
seconds before or earlier: one of the others, done by oneself; of ``removing``, ``moving``,
``tidying`` and ``rubbing`` by somebody else."""
MEMORY_CLASSES: tuple[str, ...] = tuple(
    sorted({*FOLLOWS, *(usual for usual, _ in FOLLOWS.values())} - {"standing"})
)
"""Classes that look the same as another; what happened before decides which it is."""
MINI_CLASSES: tuple[str, ...] = tuple(
    sorted(
        (
            "standing", "walking", "running", "sitting", "sittingdown", "standingup", "kneeling",
            "bending", "lying", "gettingdown", "gettingup", "crawling", "jumping", "dancing",
            "kicking", "entering", "leaving", "picking", "putting", "carrying", "holding",
            "throwing", "raising", "pointing", "drinking", "eating", "reading", "writing",
            "calling", "lookingdown", "handsinpocket", "picturing", "playingmusic", "movemouth",
            "movehand", "movingbody", "reaching", "dropping", "searching", "opening", "closing",
            "removing", "tidying", "sleeping", "helping", "breathing", "cooking", "wiping",
            "moving", "grabbing", "drawing", "stretching",
            *PAIR_CLASSES,
        ),
        key=CLASS_ID.__getitem__,
    )
)  # fmt: skip


@dataclass(slots=True)
class BodyMotion:
    """A stretch of one body motion."""

    t0: float
    t1: float
    setting: int
    name: str
    label: str | None
    length: float
    """Full duration of the motion, also where the stretch is cut short."""
    x0: float
    x1: float
    z0: float
    z1: float
    yaw: float


@dataclass(slots=True)
class ArmMotion:
    """A stretch of one movement of arms and head."""

    t0: float
    t1: float
    name: str
    label: str | None
    side: str
    held: str
    swap: float = -1.0
    """Moment at which the held thing appears or goes; negative: it is held throughout."""
    appears: bool = False
    """Whether the thing appears at ``swap``, else it goes."""
    lift: float = 0.0
    """How much higher the hands are than usual, in lengths of the arm."""


@dataclass(slots=True)
class LabelMark:
    """A label that belongs to no single motion, such as entering or listening."""

    t0: float
    t1: float
    label: str | None
    partner: int = -1
    """The person with whom it is done, -1 nobody: the label holds while both are in the picture."""
    alone: str | None = None
    """The label while the partner is not in the picture."""


@dataclass(slots=True)
class RestingBox:
    """A box that nobody holds."""

    t0: float
    t1: float
    setting: int
    owner: int
    x: float
    z: float
    lift: float
    """Metres above the floor."""


@dataclass(slots=True)
class Flight:
    """A ball or another small thing in the air. Metres; heights above the floor of the lane."""

    t0: float
    t1: float
    setting: int
    x0: float
    x1: float
    z0: float
    z1: float
    height0: float
    height1: float
    arc: float
    """How far the middle of the path lies above the straight line."""


@dataclass(slots=True)
class Timeline:
    """All that a person does in the film."""

    body: list[BodyMotion] = field(default_factory=list)
    arms: list[ArmMotion] = field(default_factory=list)
    marks: list[LabelMark] = field(default_factory=list)
    body_starts: list[float] = field(default_factory=list)
    arms_starts: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Setting:
    """A place during one act, with its furniture."""

    place: Place
    t0: float
    t1: float
    props: list[Prop] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    homes: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Shot:
    """One camera setup."""

    t0: float
    t1: float
    setting: int
    start: tuple[float, float]
    """Middle of the view in metres from the place's left edge, height of the view in metres."""
    end: tuple[float, float]
    follow: int
    """Person that the camera keeps in the picture, or -1."""
    shake: float
    """Amplitude of a hand-held camera in metres, 0 on a tripod."""


@dataclass(slots=True)
class Story:
    """Everything that happens in a film."""

    seconds: float
    aspect: float
    cast: list[Appearance]
    timelines: list[Timeline]
    settings: list[Setting]
    shots: list[Shot]
    boxes_at_rest: list[RestingBox]
    flights: list[Flight]


def find_shot(story: Story, t: float) -> int:
    """Index of the shot that shows a moment."""
    starts = [s.t0 for s in story.shots]
    return max(0, bisect_right(starts, t + 1e-9) - 1)


def list_labels(timeline: Timeline) -> list[LabelMark]:
    """Every labelled stretch of a person's life, in the picture or not."""
    out = [LabelMark(b.t0, b.t1, b.label) for b in timeline.body if b.label is not None]
    out += [LabelMark(a.t0, a.t1, a.label) for a in timeline.arms if a.label is not None]
    return out + timeline.marks
