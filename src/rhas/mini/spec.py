"""What is to be rendered: the settings of the data set and of each film."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rhas.config.mini import MiniConfig

FILM_KEY = 0  # spawn keys keep the random streams of films and of training scenes apart
SCENE_KEY = 1
SPEC_KEY = 2

# Film i takes entry i mod 14, so that a small set already has the variety of a large one.
_SUBSETS = (
    "train", "val", "test", "train", "train", "test", "train",
    "train", "val", "test", "train", "test", "train", "train",
)  # fmt: skip
_SECONDS = (190, 130, 165, 112, 240, 150, 140, 168, 120, 140, 455, 205, 108, 170)
_SIZES = (
    (384, 216), (320, 180), (320, 240), (320, 180), (384, 216), (288, 216), (216, 288),
    (320, 180), (320, 240), (384, 216), (320, 240), (320, 180), (180, 320), (288, 216),
)  # fmt: skip
_RATES = (
    "25", "24", "15", "30000/1001", "12.5", "25", "20",
    "15", "30000/1001", "12.5", "24", "30", "15", "25",
)  # fmt: skip
_CONTAINERS = ("mp4", "mkv", "mp4", "mp4", "mkv", "mp4", "mp4")
_SIDES = (4, 9)  # entries whose look-alikes differ only by their place in the picture


@dataclass(frozen=True)
class FilmSpec:
    """One film to render; everything in it follows from these fields."""

    movie: str
    """Name, ``mini_00`` and on."""
    seed: int
    """The data set's seed."""
    index: int
    """Number of the film, from 0."""
    width: int
    """Picture width in pixels, even."""
    height: int
    """Picture height in pixels, even."""
    fps: str
    """Source rate, a decimal number or a fraction, as in ``30000/1001``."""
    seconds: float
    """Length in seconds."""
    container: str
    """``mp4`` or ``mkv``."""
    audio: bool
    """Whether the film has a sound track."""
    subset: str
    """``train``, ``val`` or ``test``."""
    sides: bool = False
    """Whether it has look-alikes who differ only by their place in the picture."""

    @property
    def rate(self) -> Fraction:
        """Source rate, frames per second."""
        return Fraction(self.fps)

    @property
    def frames(self) -> int:
        """Number of source frames."""
        return max(1, round(self.seconds * float(self.rate)))

    @property
    def file_name(self) -> str:
        """Name of the film's file."""
        return f"{self.movie}.{self.container}"


def demo_spec() -> FilmSpec:
    """A short film that is in no data set, for a first look."""
    return FilmSpec(
        movie="demo", seed=103, index=0, width=384, height=216, fps="15", seconds=40.0,
        container="mp4", audio=False, subset="test",
    )  # fmt: skip


def film_specs(config: MiniConfig) -> list[FilmSpec]:
    """The films of the data set, in order."""
    return [_make_film_spec(config, index) for index in range(config.films)]


def _make_film_spec(config: MiniConfig, index: int) -> FilmSpec:
    entry = index % len(_SUBSETS)
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, index], spawn_key=(SPEC_KEY,)))
    width, height = _SIZES[entry]
    seconds = _SECONDS[entry] * float(rng.uniform(0.97, 1.03)) * config.seconds_scale
    return FilmSpec(
        movie=f"mini_{index:02d}",
        seed=config.seed,
        index=index,
        width=width,
        height=height,
        fps=_RATES[entry],
        seconds=round(seconds, 2),
        container=_CONTAINERS[index % len(_CONTAINERS)],
        audio=index % 3 != 1,
        subset=_SUBSETS[index] if index < len(_SUBSETS) else "train",
        sides=entry in _SIDES,
    )
