"""Own action words without training: from ``--actions`` to a model of the method ``zero_shot``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rhas.base.checkpoints import local_checkpoint
from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import FilmParams
from rhas.config.train import TrainConfig
from rhas.evaluate.fitted import FittedReadout, Provenance
from rhas.extract.class_text import list_comparing_encoders, make_class_text
from rhas.extract.encoders import checkpoint_folder, checkpoint_hash, load_encoder
from rhas.methods import Dims, build_method, make_config
from rhas.stores.classes import check_name, read_lines, tidy_class
from rhas.train.saved import save_method

METHOD = "zero_shot"
MOST_ACTIONS = 1000
_WINDOW = 3000  # frames that are scored at once


@dataclass(frozen=True)
class ActionList:
    """What to look for.

    Args:
        names: of the actions, as results show them.
        phrasings: of each action, one or more ways to say it.
    """

    names: tuple[str, ...]
    phrasings: tuple[tuple[str, ...], ...]


def read_actions(text: str) -> ActionList:
    """The actions of a list such as "walking, feeding the dog", or of a text file.

    A line of the file is an action, or ``action: phrasing | phrasing``. Empty lines and those that
    begin with # are skipped.

    Raises:
        RhasError: no action, one that stands twice, one without a letter, or too many or too long.
    """
    path = Path(text)
    if path.suffix == ".txt" or _is_file(path):
        lines = enumerate(read_lines(path), 1)
        rows = [(f"{path}, line {n}", line) for n, line in lines if not line.startswith("#")]
    else:
        rows = [("--actions", part) for part in text.split(",")]
    actions: dict[str, tuple[str, ...]] = {}
    known: dict[str, str] = {}
    for where, row in rows:
        if not row.strip():
            continue
        name, phrasings = _parse_action(row, where)
        if twice := known.get(name.casefold()):
            raise RhasError(
                "an action stands twice", where=where, got=f"{twice!r}, {name!r}",
                do="name it once; other words for it follow a colon: walking: walking | on foot",
            )  # fmt: skip
        known[name.casefold()] = name
        actions[name] = phrasings
    if not actions:
        raise RhasError(
            "no action",
            where="--actions",
            do='name some: --actions "walking, feeding the dog", or a text file with one per line',
        )
    if len(actions) > MOST_ACTIONS:
        raise RhasError(
            "too many actions", where="--actions", expected=f"at most {MOST_ACTIONS}",
            got=str(len(actions)),
        )  # fmt: skip
    return ActionList(tuple(actions), tuple(actions.values()))


def _is_file(path: Path) -> bool:
    """False for a list of actions that is longer than a file's name can be."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _parse_action(row: str, where: str) -> tuple[str, tuple[str, ...]]:
    name, _, listed = row.partition(":")
    name = tidy_class(" ".join(name.split()))
    phrasings = [tidy_class(" ".join(part.split())) for part in (listed or name).split("|")]
    for phrasing in (name, *phrasings):
        check_name(phrasing, where)
        if not any(letter.isalpha() for letter in phrasing):
            raise RhasError(
                "not an action", where=where, expected="words, such as: feeding the dog",
                got=repr(phrasing),
            )  # fmt: skip
    return name, tuple(dict.fromkeys(phrasings))


def select_encoder(params: FilmParams) -> FilmParams:
    """The parameters with an encoder whose features can be compared with words.

    The one of the parameters if it can, else the first that can, and is here, in the order of
    ``extract.checkpoints``.

    Raises:
        RhasError: none is here.
    """
    comparing = list_comparing_encoders()
    if params.vlm in comparing:
        return params
    named = params.extract.checkpoints
    for vlm, checkpoint in named.items():
        folder = local_checkpoint(checkpoint) if checkpoint and vlm in comparing else None
        if folder and (folder / "config.json").is_file():
            extract = params.extract.model_copy(update={"vlm": vlm})
            return params.model_copy(update={"vlm": vlm, "extract": extract})
    raise RhasError(
        "no encoder whose features can be compared with words",
        where="extract.checkpoints",
        expected=" or ".join(f"{vlm} ({named.get(vlm) or 'not named'})" for vlm in comparing),
        got=f"vlm: {params.vlm}",
        do="run `rhas weights pull real-fast` and give --profile real-fast, or set vlm",
    )


@contextmanager
def build_action_model(
    actions: ActionList, params: FilmParams
) -> Iterator[tuple[Path, FittedReadout]]:
    """A model of the actions for `rhas.segment.run.segment_film`, in a folder of its own.

    Args:
        actions: what to look for.
        params: those of `select_encoder`.

    Yields:
        The folder, and a read-out in which nothing is fitted.

    Raises:
        RhasError: a checkpoint that is absent or damaged, or words longer than it reads.
    """
    config, checkpoint = params.extract, checkpoint_folder(params.extract.checkpoint)
    encoder = load_encoder(config.vlm, checkpoint, config.device, config.dtype, False)
    dims = Dims(encoder.D, encoder.D_text, len(actions.names), _WINDOW)
    training = TrainConfig(method=METHOD, seed=params.seed)
    method = build_method(METHOD, make_config(METHOD, training.preset), dims)
    method.fit_text(make_class_text(config, actions.phrasings))
    origin = Provenance("", config.vlm, checkpoint_hash(checkpoint), params.fps)
    readout = ReadoutConfig()
    thresholds = (readout.default_threshold,) * len(actions.names)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / METHOD
        save_method(method, training, dims, folder, actions.names)
        yield folder, FittedReadout(origin, actions.names, readout, thresholds, None)
