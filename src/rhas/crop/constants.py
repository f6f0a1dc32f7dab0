"""The numbers of tracking that are no parameters: value, unit, effect, and how each was chosen.

Gains and costs of tracks are in nats (1 nat: a factor of e in likelihood). docs/GROUNDING.md shows
the table that `format_constants` writes; a test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

Value = TypeVar("Value")


class Constant(NamedTuple):
    """A row of the table."""

    symbol: str
    value: object
    unit: str
    effect: str
    choice: str


CONSTANTS: list[Constant] = []

_BY_HAND = "by hand"


def _define_constant(
    symbol: str, value: Value, unit: str, effect: str, choice: str = _BY_HAND
) -> Value:
    CONSTANTS.append(Constant(symbol, value, unit, effect, choice))
    return value


def format_constants() -> str:
    """The table as Markdown."""
    rows = ["| constant | value | unit | effect | chosen |", "|---|---|---|---|---|"]
    rows += [
        f"| `{c.symbol}` | {_format_value(c.value)} | {c.unit} | {c.effect} | {c.choice} |"
        for c in CONSTANTS
    ]
    return "\n".join(rows)


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        inner = (f"({_format_value(v)})" if isinstance(v, tuple) else str(v) for v in value)
        return ", ".join(inner)
    return str(value)


# Cuts (`rhas.crop.shots`)

WIDTH, HEIGHT = _define_constant(
    "WIDTH, HEIGHT", (32, 18), "pixels", "size of the thumbnails in which cuts are looked for"
)
BLOCK = _define_constant("BLOCK", (6, 8), "pixels", "height and width of a block that moves as one")
REACH = _define_constant("REACH", 3, "pixels", "how far a block may move in each direction")
WINDOW = _define_constant(
    "WINDOW", 3, "frames", "frames before and after that define the usual difference"
)
NOISE = _define_constant(
    "NOISE", 1.0, "grey levels", "difference of any two frames, by compression and grain"
)

# Detections (`rhas.crop.detections`, `rhas.crop.colours`)

SAME_BODY = _define_constant(
    "SAME_BODY", 0.7, "IoU", "candidates that overlap by more become one detection"
)
BANDS = _define_constant(
    "BANDS", ((0.0, 0.18), (0.2, 0.45), (0.5, 0.72), (0.72, 0.95)), "of the box's height",
    "bands of head, chest, legs and feet whose colours are measured",
    "by the proportions of a standing body",
)  # fmt: skip
BAND_WIDTH = _define_constant(
    "BAND_WIDTH", (0.3, 0.7), "of the box's width", "part of a band that is measured",
    "without arms and background",
)  # fmt: skip
COLOUR_SPREAD = _define_constant(
    "COLOUR_SPREAD", 12.0, "CIELAB",
    "standard deviation of a band's channel between detections of one body",
)  # fmt: skip

# Tracklets (`rhas.crop.linking`)

LINK_LIMIT = _define_constant(
    "LINK_LIMIT", 8.0, "nats", "two detections that cost as much or more are not linked",
    "4 standard deviations",
)  # fmt: skip
AMBIGUITY = _define_constant(
    "AMBIGUITY", 3.0, "nats", "a tracklet ends where another link costs less than this more"
)
POSITION_SPREAD = _define_constant(
    "POSITION_SPREAD", 0.1, "body sizes", "standard deviation of the position of the box's centre"
)
POSITION_GROWTH = _define_constant(
    "POSITION_GROWTH", 0.02, "body sizes per frame", "what it grows by, with a measured velocity"
)
POSITION_GROWTH_UNKNOWN = _define_constant(
    "POSITION_GROWTH_UNKNOWN", 0.06, "body sizes per frame", "what it grows by, without one",
    "by the speed of walking",
)  # fmt: skip
SIZE_SPREAD = _define_constant(
    "SIZE_SPREAD", 0.2, "log size", "standard deviation of the box's width and height"
)
SIZE_GROWTH = _define_constant("SIZE_GROWTH", 0.01, "log size per frame", "what it grows by")
VELOCITY_DETECTIONS = _define_constant(
    "VELOCITY_DETECTIONS", 3, "detections", "at a tracklet's end, of which velocity is measured"
)
LINK_COLOUR_WEIGHT = _define_constant(
    "LINK_COLOUR_WEIGHT", 3.0, "nats", "cost per mean nat of difference in colour"
)
LINK_COLOUR_LIMIT = _define_constant(
    "LINK_COLOUR_LIMIT", 2.0, "nats", "largest difference that one channel of a band counts for",
    "a band may be hidden or lit differently",
)  # fmt: skip
LINK_COLOUR_GAIN = _define_constant(
    "LINK_COLOUR_GAIN", 2.5, "nats", "what equal colours save",
    "linking by colours: recall +1.8 (test) to +3.4 points (val)",
)  # fmt: skip

# Evidence and appearance (`rhas.crop.assignment`, `rhas.crop.appearance`)

EVIDENCE_LIMIT = _define_constant(
    "EVIDENCE_LIMIT", 3.0, "nats", "most that one frame counts for or against a reference",
    "train and val: 4 changes recall by less than 1.5 points",
)  # fmt: skip
INDEPENDENT_GAP = _define_constant(
    "INDEPENDENT_GAP", 5, "working frames",
    "evidence of sampled frames that are closer is scaled by their distance over this",
    "train and val: at stride 1 boxes on another person fall from 3.1 to 2.6 % on val",
)  # fmt: skip
NEUTRAL_SCORE = _define_constant(
    "NEUTRAL_SCORE",
    0.2,
    "score",
    "score from which appearance is measured, whatever `crop.min_score` is",
)
APPEARANCE_SPREAD = _define_constant(
    "APPEARANCE_SPREAD", 0.6, "nats",
    "standard deviation of a body's evidence between tracklets, mean of references",
    "train and val: 0.4 to 0.9 change recall by less than 1.5 points",
)  # fmt: skip
UNNAMED_EVIDENCE = _define_constant(
    "UNNAMED_EVIDENCE", 1.0, "nats", "evidence for a person without a reference, at the start",
    "train and val",
)  # fmt: skip
APPEARANCE_COLOUR_WEIGHT = _define_constant(
    "APPEARANCE_COLOUR_WEIGHT", 4.0, "nats", "distance per mean nat of difference in colour"
)
APPEARANCE_COLOUR_LIMIT = _define_constant(
    "APPEARANCE_COLOUR_LIMIT", 4.0, "nats",
    "largest difference that one channel of a band counts for",
    "a band may be hidden or lit differently",
)  # fmt: skip
MIXTURE_ROUNDS = _define_constant("MIXTURE_ROUNDS", 15, "rounds", "of expectation and maximisation")

# Assignment (`rhas.crop.assignment`, `rhas.crop.tracking`)

APPEAR_COST = _define_constant(
    "APPEAR_COST", 3.0, "nats", "cost of a reference's appearing within a shot, or jumping",
    "train and val: 1.5 to 3 change recall by less than 1.5 points",
)  # fmt: skip
OPENING_COST = _define_constant(
    "OPENING_COST", 1.0, "nats", "cost of a reference's being present when the shot begins"
)
LONGEST_PIECE = _define_constant(
    "LONGEST_PIECE", 1500, "sampled frames", "longer shots are assigned in equal pieces",
    "by time and memory",
)  # fmt: skip
