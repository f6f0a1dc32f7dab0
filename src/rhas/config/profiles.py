"""Profiles: named sets of parameters with the weights that they need (`rhas profile`).

Each is a file of ``rhas/profiles``. ``mini`` has every parameter that another one changes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from rhas.base.names import unknown_name
from rhas.config.params import FilmParams, parse_film_params, read_yaml
from rhas.config.section import Section

Parameters = dict[str, Any]
"""Of params.yaml, sections nested."""

PROFILES = ("mini", "real", "real-fast")
_FOLDER = Path(__file__).parents[1] / "profiles"
_UNPROFILED = {"method": "hopadiff", "seed": 0}  # what `FilmParams` needs and no profile sets

Scalar = bool | int | float | str


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Record):
    """A repository of the Hugging Face Hub."""

    repository: str
    revision: str = "main"
    """A branch, tag or commit; what came is recorded."""
    licence: str
    size: int
    """Bytes of the files that are needed, about."""


class Cost(_Record):
    """What an hour of film with one named person takes, about."""

    cpu: str
    gpu: str


class Profile(_Record):
    """A named set of parameters."""

    name: str
    purpose: str
    cost: Cost
    weights: tuple[Weights, ...]
    """Those that ``parameters`` name, and for `rhas segment --actions` an encoder with text."""
    parameters: Parameters
    """Part of params.yaml."""

    @property
    def settings(self) -> dict[str, Scalar]:
        """The parameters by dotted name, such as ``crop.size``."""
        return dict(_flatten("", self.parameters))

    def apply(self, values: Parameters) -> Parameters:
        """Plain values of params.yaml with those of the profile."""
        return _merge(values, self.parameters)


@lru_cache
def read_profile(name: str) -> Profile:
    """A profile by its name.

    Raises:
        RhasError: there is none of this name.
    """
    if name not in PROFILES:
        raise unknown_name("profile", name, list(PROFILES), "--profile")
    return Profile(name=name, **read_yaml(_FOLDER / f"{name}.yaml"))


def list_profiles() -> list[Profile]:
    """All profiles, the default first."""
    return [read_profile(name) for name in PROFILES]


def find_weights(repository: str) -> Weights | None:
    """What a profile says about a repository; None where none names it."""
    known = (weights for profile in list_profiles() for weights in profile.weights)
    return next((weights for weights in known if weights.repository == repository), None)


def read_profiled_params(path: Path | None, profile: str) -> FilmParams:
    """The parameters of a command that looks at films, with those of a profile.

    Args:
        path: a params.yaml for all that the profile does not set; None: the defaults.

    Raises:
        RhasError: no such profile, a file that cannot be read, or a wrong parameter.
    """
    found = read_profile(profile)
    if path is not None:
        return parse_film_params(found.apply(read_yaml(path)), path)
    sections = [name for name, field in FilmParams.model_fields.items() if _is_section(field)]
    defaults = read_profile("mini").apply({**{key: {} for key in sections}, **_UNPROFILED})
    return parse_film_params(found.apply(defaults), _FOLDER / f"{profile}.yaml")


def _is_section(field: Any) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _flatten(above: str, values: Parameters) -> list[tuple[str, Scalar]]:
    found: list[tuple[str, Scalar]] = []
    for name, value in values.items():
        path = f"{above}{name}"
        found += _flatten(f"{path}.", value) if isinstance(value, dict) else [(path, value)]
    return found


def _merge(below: Parameters, above: Parameters) -> Parameters:
    """``above`` over ``below``, mapping by mapping."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(value, dict) and isinstance(under, dict):
            value = _merge(under, value)
        merged[name] = value
    return merged
