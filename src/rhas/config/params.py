"""params.yaml, read and checked once into a typed tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

from rhas.base.checkpoints import is_built_in
from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.base.yaml_files import check_unfolded
from rhas.config.chunk import ChunkConfig
from rhas.config.crop import CropConfig
from rhas.config.decode import DecodeConfig
from rhas.config.evaluate import EvaluateConfig
from rhas.config.extract import ExtractConfig
from rhas.config.ground import GroundConfig
from rhas.config.mini import MiniConfig
from rhas.config.section import (
    Count,
    Fps,
    Section,
    SectionT,
    Seed,
    Split,
    Vlm,
    describe_values,
    read_section,
)
from rhas.config.train import TrainConfig

ParamsT = TypeVar("ParamsT", bound="FilmParams")


class FilmParams(Section):
    """What a command needs that looks at films: `rhas features`, `rhas segment`."""

    section: ClassVar[str] = ""

    fps: Fps
    """Working rate, frames per second."""
    vlm: Vlm
    """The encoder (docs/ENCODERS.md)."""
    method: str
    """The method that is trained, see Methods."""
    seed: Seed
    """Seed of weights, order and noise; the split has its own, ``chunk.seed``."""
    decode: DecodeConfig
    """Films to frames."""
    ground: GroundConfig
    """Frames and references to box candidates."""
    crop: CropConfig
    """Box candidates to tracks and crops."""
    extract: ExtractConfig
    """Frames and crops to features."""

    def get_section(self, kind: type[SectionT]) -> SectionT:
        """The section of a class."""
        found = getattr(self, kind.section)
        assert isinstance(found, kind)
        return found

    @property
    def built_in_checkpoints(self) -> list[str]:
        """Checkpoints that come with the project, whatever their folder is called; they know
        rendered figures alone."""
        named = [self.ground.checkpoint, self.extract.checkpoint]
        return [name for name in named if is_built_in(name)]


class Params(FilmParams):
    """All of params.yaml."""

    dataset: Literal["mini", "own"]
    """``mini``: rendered, built in; ``own``: your films in data/own."""
    split: Split
    """``cross_movie`` puts whole films into train, val and test, ``random`` windows; ``folds``
    whole films by ``chunk.fold``."""
    frame_len: Count
    """L, frames of a sample."""
    mini: MiniConfig
    """The built-in data set."""
    chunk: ChunkConfig
    """Films to samples."""
    train: TrainConfig
    """Samples to a trained method."""
    evaluate: EvaluateConfig
    """A trained method to results."""


SECTIONS: tuple[type[Section], ...] = (
    MiniConfig, DecodeConfig, GroundConfig, CropConfig, ExtractConfig, ChunkConfig, TrainConfig,
    EvaluateConfig,
)  # fmt: skip
"""In the order of params.yaml."""
SWITCHES = ("dataset", "split", "fps", "frame_len", "vlm", "method", "seed")
"""In the order of params.yaml."""


def load_params(path: Path = Path("params.yaml")) -> Params:
    """params.yaml, for commands outside a DVC stage.

    Raises:
        RhasError: it cannot be read, or a parameter is unknown, missing or wrong.
    """
    return parse_params(Params, read_yaml(path))


def find_params(path: Path = Path("params.yaml")) -> Path:
    """The path of an existing params.yaml.

    Raises:
        RhasError: there is no such file.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    return path


def read_film_params(path: Path) -> FilmParams:
    """The parameters of a command that looks at films.

    Raises:
        RhasError: the file cannot be read, or a parameter that such a command needs is missing or
            wrong.
    """
    return parse_film_params(read_yaml(path), path)


def parse_film_params(values: Mapping[str, Any], path: Path) -> FilmParams:
    """`parse_params` of `FilmParams`; errors name the file.

    Raises:
        RhasError: a parameter is missing or wrong.
    """
    try:
        return parse_params(FilmParams, values)
    except RhasError as error:
        where = str(path) if error.where == "params.yaml" else f"{path}, {error.where}"
        raise RhasError(
            error.what, where=where, expected=error.expected, got=error.got, do=error.do
        ) from error


def parse_params(kind: type[ParamsT], values: Mapping[str, Any]) -> ParamsT:
    """The parameters of a class from the plain values of params.yaml.

    `FilmParams` leaves out what it does not need.

    Raises:
        RhasError: a parameter is unknown, missing or wrong.
    """
    sections = {section.section: section for section in SECTIONS}
    known = kind.model_fields if kind is not Params else values
    return kind.model_validate(
        {
            name: read_section(sections[name], values) if name in sections else values[name]
            for name in known
            if name in values
        }
    )


def read_fps(path: Path) -> float:
    """``fps`` of a params.yaml, whatever else is in it.

    Raises:
        RhasError: it cannot be read, or has no such rate.
    """
    value = read_yaml(path).get("fps")
    try:
        return TypeAdapter(Fps).validate_python(value, strict=True)
    except ValidationError as error:
        raise RhasError(
            "no frame rate", where=f"{path}, fps", expected=describe_values(Fps), got=repr(value)
        ) from error


def read_yaml(path: Path = Path("params.yaml")) -> dict[str, Any]:
    """All of params.yaml as plain, unchecked values, read as DVC does.

    That is YAML 1.2, in which 1e-05 is a number and `off` a word.

    Raises:
        RhasError: it cannot be read, or holds no parameters.
    """
    check_regular_file(path)
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError, YAMLError) as error:
        raise RhasError(
            "the parameters cannot be read", where=str(path), got=" ".join(str(error).split())
        ) from error
    check_unfolded(values, str(path))
    if not isinstance(values, dict):
        raise RhasError(
            "no parameters", where=str(path), expected="key: value lines", got=repr(values)[:60]
        )
    return values
