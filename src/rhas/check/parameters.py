"""params.yaml through the dataclasses of the stages."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rhas.base.checks import Check
from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.chunk import ChunkConfig
from rhas.crop.film import CropConfig
from rhas.decode.film import DecodeConfig
from rhas.engine.jobs import encoder_checkpoint
from rhas.evaluate.evaluation import EvaluateConfig
from rhas.extract.film import ExtractConfig
from rhas.ground.film import GroundConfig
from rhas.methods import config_of, reads_tokens
from rhas.mini import MiniConfig
from rhas.train import TrainConfig, train_config

Values = Mapping[str, Any]

SWITCHES = ("dataset", "split", "fps", "frame_len", "vlm", "method", "seed")
SECTIONS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "mini": (MiniConfig, ()),
    "decode": (DecodeConfig, ("fps",)),
    "ground": (GroundConfig, ()),
    "crop": (CropConfig, ()),
    "extract": (ExtractConfig, ("vlm",)),
    "chunk": (ChunkConfig, ("fps", "frame_len", "split")),
    "train": (TrainConfig, ("method", "seed")),
    "evaluate": (EvaluateConfig, ("seed",)),
}
"""Dataclass of every section, and the switches it takes beside the section."""
FILM = ("fps", "vlm", "method", "seed", "decode", "ground", "crop", "extract")
"""What a film is looked at with outside the pipeline."""
DATASETS = ("mini", "own")


def check_parameters(values: Values) -> list[Check]:
    """A row per section that is wrong; one row where all are right."""
    checks = [*_names(values), *_dataset(values)]
    checks += _sections(values, [section for section in SECTIONS if section in values])
    if not checks:
        checks += _cross(values)
    return checks or [Check("parameters", "ok", f"{len(SECTIONS)} sections of params.yaml")]


def check_film_parameters(values: Values) -> list[Check]:
    """What is missing or wrong in the parameters of `FILM`."""
    missing = [_missing(name) for name in FILM if name not in values]
    return missing or _sections(values, [name for name in FILM if name in SECTIONS])


def built_in(values: Values) -> list[str]:
    """The checkpoints that come with the project and know rendered figures alone."""
    named = [section_config(values, section).checkpoint for section in ("ground", "extract")]
    return [name for name in named if name.startswith("weights/")]


def _sections(values: Values, names: Sequence[str]) -> list[Check]:
    return [row for name in names for row in _tried(name, partial(section_config, values, name))]


def section_config(values: Values, section: str) -> Any:
    """The dataclass of a section.

    Raises:
        RhasError: what is wrong with it.
    """
    config, shared = SECTIONS[section]
    own = values[section]
    if not isinstance(own, Mapping):
        raise RhasError("not a section", where=section, expected="key: value lines", got=repr(own))
    if section == "train":
        return _training(values)
    own = dict(own)
    if section == "extract":
        own["checkpoint"] = encoder_checkpoint(values)
        del own["checkpoints"]
    return from_mapping(config, {**{n: values[n] for n in shared if n in values}, **own}, section)


def ready_for_jobs(values: Values) -> dict[str, Any]:
    """The parameters with those of ground that `rhas.engine.jobs` reads, where they are left out.

    Others that are left out stay so: the work cache knows results by the sections as they stand.
    """
    config = section_config(values, "ground")
    read = {name: getattr(config, name) for name in ("backend", "checkpoint", "stride")}
    return {**values, "ground": {**read, **values["ground"]}}


def _training(values: Values) -> TrainConfig:
    config = train_config(str(values.get("method")), values.get("seed", 0), values["train"])
    config_of(config.method, config.preset, config.overrides)  # says what is wrong with them
    return config


def _names(values: Values) -> Iterator[Check]:
    known = (*SWITCHES, *SECTIONS)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            yield Check("params.yaml", "fail", f"unknown parameter '{name}'",
                        f"did you mean '{near[0]}'?" if near else "remove it")  # fmt: skip
    for name in known:
        if name not in values:
            yield _missing(name)


def _missing(name: str) -> Check:
    return Check("params.yaml", "fail", f"'{name}' is missing", "add it")


def _dataset(values: Values) -> Iterator[Check]:
    if values.get("dataset", "mini") not in DATASETS:
        yield Check("params.yaml, dataset", "fail", repr(values["dataset"]),
                    f"choose {' or '.join(DATASETS)}")  # fmt: skip


def _cross(values: Values) -> Iterator[Check]:
    ground, crop, extract = (section_config(values, s) for s in ("ground", "crop", "extract"))
    stride, gap = ground.stride, crop.max_gap
    if stride > gap:
        yield Check("ground.stride and crop.max_gap", "fail",
                    f"every {stride}th frame is grounded, gaps of {gap} are bridged",
                    f"set crop.max_gap to {stride} or more")  # fmt: skip
    if ground.backend == "truth" and values["dataset"] != "mini":
        yield Check("ground.backend", "fail", "truth, and only RHAS-mini has true boxes",
                    "set it to transformers or official")  # fmt: skip
    without_tokens = extract.vlm == "blip2" and not extract.keep_tokens
    if reads_tokens(values["method"]) and without_tokens:
        yield Check("method and extract.keep_tokens", "fail",
                    f"{values['method']} reads query tokens, and they are not kept",
                    "set extract.keep_tokens to true")  # fmt: skip
    if values["dataset"] == "own" and (drawn := built_in(values)):
        yield Check("checkpoints", "warn",
                    f"{', '.join(drawn)}: trained on rendered figures alone",
                    "name real ones in ground.checkpoint and extract.checkpoints")  # fmt: skip


def _tried(name: str, attempt: Callable[[], Any]) -> list[Check]:
    try:
        attempt()
    except RhasError as error:
        parts = [error.what, f"got {error.got}" if error.got else "",
                 f"expected {error.expected}" if error.expected else ""]  # fmt: skip
        found = ", ".join(part for part in parts if part)
        return [Check(f"params.yaml, {error.where or name}", "fail", found, error.do)]
    except (TypeError, ValueError) as error:
        return [Check(f"params.yaml, {name}", "fail", str(error), "compare it with the project's")]
    return []
