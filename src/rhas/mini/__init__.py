"""RHAS-mini, the built-in dataset: rendered films of articulated people, with truth."""

from rhas.mini.film import FilmFacts, FilmTruth, simulate_film, write_film
from rhas.mini.scenes import Scene, ScenePerson, sample_scenes
from rhas.mini.simulate import MINI_CLASSES
from rhas.mini.spec import FilmSpec, MiniConfig, film_specs

__all__ = [
    "MINI_CLASSES",
    "FilmFacts",
    "FilmSpec",
    "FilmTruth",
    "MiniConfig",
    "Scene",
    "ScenePerson",
    "film_specs",
    "sample_scenes",
    "simulate_film",
    "write_film",
]
