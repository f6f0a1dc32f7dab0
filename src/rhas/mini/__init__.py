"""RHAS-mini, the built-in dataset: rendered films of articulated people, with truth."""

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import

try:
    with optional_import("mini"):
        import skia  # noqa: F401
except ImportError as error:
    raise RhasError(
        "the renderer of the built-in films does not load",
        where="skia",
        expected="libEGL.so.1 and libGL.so.1 of the system, which skia needs",
        got=str(error),
        do="`apt-get install libegl1 libgl1` or `dnf install libglvnd-egl libglvnd-glx`",
    ) from error

from rhas.mini.facts import FilmFacts, simulate_film
from rhas.mini.scenes import Scene, ScenePerson, sample_scenes
from rhas.mini.spec import FilmSpec, demo_spec, film_specs
from rhas.mini.story import MINI_CLASSES
from rhas.mini.write import FilmTruth, write_film

__all__ = [
    "MINI_CLASSES",
    "FilmFacts",
    "FilmSpec",
    "FilmTruth",
    "Scene",
    "ScenePerson",
    "demo_spec",
    "film_specs",
    "sample_scenes",
    "simulate_film",
    "write_film",
]
