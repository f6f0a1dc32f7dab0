"""Parameters that several methods share, and checks of their ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypedDict

from rhas.base.batch import StreamName
from rhas.base.errors import RhasError

Inputs = Literal["both", "holistic", "partial"]
_MAX_NUMBER = 1_000_000
_MAX_LAYERS = 100  # each is built: a million of them takes hours; items of a list likewise
_MAX_WIDTH = 16_384  # channels: more takes gigabytes per layer
_MAX_TOKENS = 10_000  # each attends to all others, or is matched with them; frames of a window
STREAMS: dict[Inputs, tuple[StreamName, ...]] = {
    "both": ("holistic", "partial"),
    "holistic": ("holistic",),
    "partial": ("partial",),
}


@dataclass(frozen=True)
class InputConfig:
    """How every method reads features.

    Args:
        stride: frames averaged into one pooled frame of the model; scores are interpolated back to
            L frames. 1 in the papers.
        standardise: shift and scale every feature channel by statistics of the training samples.
        centre: subtract from every feature channel its mean over the sample's own frames: what
            stays the same about a person and a place is not what the person does.
        prior_bias: start the outputs at the classes' frequencies in the training samples.
    """

    stride: int = 1
    standardise: bool = False
    centre: bool = False
    prior_bias: bool = False

    def __post_init__(self) -> None:
        check_numbers(self)
        check_at_least(self, 1, "stride")


@dataclass(frozen=True)
class StreamConfig(InputConfig):
    """What every method on one stream of features shares.

    Args:
        inputs: ``both`` streams side by side, ``holistic`` (the whole frame alone) or ``partial``
            (the crop alone).
        modulation: scale and shift every input channel by the pooled text embedding (a FiLM layer).
    """

    inputs: Inputs = "both"
    modulation: bool = False


class MiniInputs(TypedDict):
    """The fields of :class:`InputConfig`."""

    stride: int
    standardise: bool
    centre: bool
    prior_bias: bool


# How every preset `mini` reads features: a dozen short films.
MINI_INPUTS: MiniInputs = {"stride": 5, "standardise": True, "centre": True, "prior_bias": True}


def check_numbers(config: InputConfig) -> None:
    """No number is negative, or larger than any that makes sense; no layer has no channels."""
    for item in fields(config):
        value = getattr(config, item.name)
        numbers = [n for n in (value if isinstance(value, tuple) else (value,)) if _is_number(n)]
        within = all(0 <= number <= _MAX_NUMBER for number in numbers)  # not so of nan
        check_field(config, item.name, within, f"0 to {_MAX_NUMBER:,}")
        if isinstance(value, tuple):
            check_field(config, item.name, len(value) <= _MAX_LAYERS, f"at most {_MAX_LAYERS}")
        if item.name.endswith(("width", "maps", "ffn")):
            check_field(config, item.name, 1 <= value <= _MAX_WIDTH, f"1 to {_MAX_WIDTH:,}")
        if item.name == "stages" or (item.name.endswith("layers") and isinstance(value, int)):
            check_field(config, item.name, value <= _MAX_LAYERS, f"0 to {_MAX_LAYERS}")
        if item.name.endswith(("tokens", "agents", "heads", "window")):
            check_field(config, item.name, value <= _MAX_TOKENS, f"0 to {_MAX_TOKENS:,}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_field(config: InputConfig, name: str, holds: bool, expected: str) -> None:
    """Raises a RhasError that names a config's field where ``holds`` is false."""
    if not holds:
        method = type(config).__module__.removeprefix("rhas.methods.").split(".")[0]
        raise RhasError(
            "parameter out of range",
            where=f"method {method}, {name}",
            expected=expected,
            got=str(getattr(config, name)),
        )


def check_at_least(config: InputConfig, minimum: int, *names: str) -> None:
    """Each field is ``minimum`` or more."""
    expected = f"at least {minimum}" if minimum else "0 or more"
    for name in names:
        check_field(config, name, getattr(config, name) >= minimum, expected)


def check_dropout(config: InputConfig, *names: str) -> None:
    """Each field is a dropout rate."""
    for name in names:
        check_field(config, name, 0 <= getattr(config, name) < 1, "from 0, below 1")


def check_share(config: InputConfig, *names: str) -> None:
    """Each field is a share, 0 to 1."""
    for name in names:
        check_field(config, name, 0 <= getattr(config, name) <= 1, "from 0 to 1")
