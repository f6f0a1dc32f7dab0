"""What two people do together: a table of meetings, each a sequence of phases with two roles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """What one of the two does in a phase."""

    arms: str = "none"
    """Motion of the arms."""
    label: str | None = None
    """Class while the other one is in the picture."""
    alone: str | None = None
    """Class while the other one is not: what the motion alone looks like."""
    held: str = ""
    """Kind of the held thing; ``thing`` is the one that is handed over."""
    body: str = "stand"
    """Motion of the body."""
    body_label: str | None = "standing"


@dataclass(frozen=True)
class Phase:
    """A part of a meeting in which both do one thing."""

    seconds: tuple[float, float]
    """Shortest and longest."""
    first: Role
    """Of the person who began the meeting, or whose turn it is."""
    second: Role = Role()
    passes: str = ""
    """``hand``: the first's thing passes to the second's hand halfway; ``air``: it is thrown."""


@dataclass(frozen=True)
class Meeting:
    """What two people do together."""

    distance: tuple[float, float]
    """Metres between them."""
    phases: tuple[Phase, ...]
    turns: tuple[int, int] = (1, 1)
    """How often the phases are done, the roles swapped each time."""
    weight: float = 1.0
    """How often it is chosen."""
    behind: bool = False
    """Whether the second looks away."""

    @property
    def longest(self) -> float:
        """Seconds."""
        return self.turns[1] * sum(phase.seconds[1] for phase in self.phases)

    @property
    def labels(self) -> list[str]:
        """Classes of both roles."""
        roles = [role for phase in self.phases for role in (phase.first, phase.second)]
        return [role.label for role in roles if role.label is not None]


_WAIT = Role()
_LISTEN = Role(label="listening")
_TALK = Role("talking", "talking", "movemouth")
_LOOK = Role(label="looking")
_WATCH = Role(label="watching")
_WAVE = Role("waving", "waving", "movehand")
_SHAKE = Role("handshake", "shaking", "reaching")
_HUG = Role("hugging", "hugging")
_DODGE = Role("none", "dodging", "movingbody", body="dodge", body_label=None)
_FALL = Role(body="fall", body_label="falling")
_ON_FLOOR = Role(body="floor", body_label="sitting")
_RISE = Role(body="rise", body_label="gettingup")
_PUSH = (
    Phase((0.45, 0.45), Role("pushing", "pushing", "movehand")),
    Phase((1.1, 1.4), Role("reaching", "pushing", "movehand"), _FALL),
)

MEETINGS: dict[str, Meeting] = {
    "talk": Meeting((1.4, 2.3), (Phase((2.5, 5.5), _TALK, _LISTEN),), (2, 4), 3.0),
    "ask": Meeting(
        (1.4, 2.6),
        (Phase((2.0, 3.5), Role("raising", "asking", "raising"), _LISTEN),
         Phase((3.0, 6.0), _LISTEN, _TALK)),
        weight=1.6,
    ),
    "wave": Meeting((1.8, 3.4), (Phase((2.0, 4.0), _WAVE, _WAVE),), weight=1.2),
    "beckon": Meeting((1.9, 3.4), (Phase((2.0, 3.5), Role("waving", "beckoning", "movehand")),)),
    "show": Meeting(
        (1.3, 2.2), (Phase((3.0, 6.0), Role("showing", "showing", "holding", "thing"), _LOOK),),
        weight=1.6,
    ),
    "watch dance": Meeting(
        (1.6, 2.8), (Phase((5.0, 9.0), Role(body="dance", body_label="dancing"), _WATCH),),
    ),
    "watch music": Meeting(
        (1.5, 2.6), (Phase((5.0, 9.0), Role("playingmusic", "playingmusic", "playingmusic",
                                            "guitar"), _WATCH),),
    ),
    "throw": Meeting(
        (1.9, 3.2),
        (Phase((0.8, 2.0), Role("holding", "holding", "holding", "handball")),
         Phase((1.4, 1.4), Role("throwing", "throwing", "throwing", "handball"),
               Role("catching", "catching", None, "handball"), "air")),
        (1, 3), 2.0,
    ),
    "picture": Meeting(
        (1.6, 2.6),
        (Phase((3.0, 5.5), Role("picturing", "picturing", "picturing", "camera"),
               Role("raising", "gesturing", "raising")),),
    ),
    "shake": Meeting((0.82, 0.88), (Phase((1.8, 3.2), _SHAKE, _SHAKE),)),
    "hug": Meeting((0.36, 0.42), (Phase((2.0, 4.5), _HUG, _HUG),)),
    "hit": Meeting(
        (0.9, 1.05), (Phase((1.8, 3.5), Role("punching", "hitting", "movehand"), _DODGE),)
    ),
    "push": Meeting((0.7, 0.8), (*_PUSH, Phase((1.5, 1.9), _WAIT, _RISE)), weight=0.6),
    "push and help": Meeting(
        (0.7, 0.8),
        (*_PUSH, Phase((1.0, 2.5), _WAIT, _ON_FLOOR),
         Phase((1.5, 1.9), Role("pulling", "pulling", "reaching"), _RISE)),
        weight=0.9,
    ),
    "touch": Meeting(
        (0.62, 0.72), (Phase((1.5, 2.6), Role("touching", "touching", "reaching")),), behind=True
    ),
}  # fmt: skip
"""Meetings by name."""

HANDING: dict[str, Meeting] = {
    label: Meeting(
        (0.9, 1.0),
        (Phase((2.0, 2.8), Role("offering", "giving", "holding", "thing"),
               Role("reaching", label, "reaching", "thing"), "hand"),),
    )
    for label in ("receiving", "taking")
}  # fmt: skip
"""A thing is handed over, by the class of who gets it: somebody else's thing, or the own."""
