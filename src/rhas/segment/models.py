"""Checks of the models before a run: they exist and fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from rhas.base.checkpoints import find_built_in
from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import FilmParams
from rhas.evaluate.fitted import READOUT, FittedReadout, Provenance, hash_model
from rhas.extract.encoders import checkpoint_folder, checkpoint_hash, load_encoder
from rhas.ground import make_grounder
from rhas.methods import reads_tokens
from rhas.segment.actions import build_action_model, read_actions, select_encoder
from rhas.segment.windows import read_model_dims
from rhas.stores.classes import check_same_classes
from rhas.train import SavedConfig, load_method


@contextmanager
def open_model(
    model: PathLike[str] | str | None,
    actions: str | None,
    params: FilmParams,
    tell: Callable[[str], None],
) -> Iterator[tuple[Path, FittedReadout | None, FilmParams]]:
    """The model that a command names, for as long as the block lasts.

    Args:
        model: folder of a trained method; None: ``models/<method>``, or without one the built-in
            method, which knows features of the built-in checkpoints.
        actions: what to look for without a trained method, see `read_actions`.
        params: of the film's stages.
        tell: takes a line that says how far results can be trusted.

    Yields:
        Folder, read-out and parameters; with ``actions`` those of an encoder that can compare.

    Raises:
        RhasError: both or a damaged model, a wrong list of actions, or no fitting encoder.
    """
    if actions is None:
        folder = Path(model) if model is not None else _find_model(params, tell)
        try:
            load_method(folder)  # its error is clearer than that of a missing read-out
        except RhasError as error:
            if model is not None or folder.is_dir():
                raise
            raise RhasError(
                error.what,
                where=str(folder),
                do='name actions in words: --actions "walking, sitting"; or give the folder of a '
                "trained method to --model",
            ) from error
        readout = find_readout(folder, Path("results"))
        if readout is None:
            fit = "; `dvc repro evaluate` fits one" if Path("dvc.yaml").is_file() else ""
            tell(
                f"no read-out fitted for {folder}: every class is reported from score 0.5 on, and "
                f"confidences are unknown{fit}"
            )
        yield folder, readout, params
        return
    if model is not None:
        raise RhasError("--model and --actions exclude each other", got=f"{model}, {actions[:40]}")
    listed, params = read_actions(actions), select_encoder(params)
    tell(
        f"{len(listed.names)} actions compared with features of {params.vlm}, without training: "
        "scores are not calibrated"
    )
    with build_action_model(listed, params) as (folder, readout):
        yield folder, readout, params


def _find_model(params: FilmParams, tell: Callable[[str], None]) -> Path:
    """``models/<method>``; without one the built-in method, if the checkpoints are built in."""
    trained = Path("models") / params.method
    built_in = find_built_in(f"weights/{params.method}")
    if trained.is_dir() or built_in is None or len(params.built_in_checkpoints) < 2:
        return trained
    tell(f"no {trained} here: the built-in {params.method} is used, trained on drawn films")
    return built_in


def check_models(
    model: Path, readout: FittedReadout | None, references: Sequence[str], params: FilmParams
) -> list[str]:
    """Checks checkpoints and references; returns a warning per line for the user.

    Args:
        model: folder of a trained method.
        readout: what was fitted for it.
        references: by person.
        params: of the film's stages.

    Raises:
        RhasError: a checkpoint that is absent or damaged, a model trained on other features or
            that reads query tokens, a reference without a word that the detector knows, or two
            that it cannot tell apart.
    """
    saved = SavedConfig.read(model)
    method = saved.method
    if readout is not None and saved.classes is not None:
        check_same_classes(
            saved.class_names, readout.classes, what="the read-out is of other classes",
            where=str(model), do="run `dvc repro evaluate`",
        )  # fmt: skip
    if reads_tokens(method):
        raise RhasError(
            "the method reads query tokens, which `rhas segment` does not support",
            where=str(model),
            got=method,
            do="give a model of another method, or run the pipeline on the film",
        )
    _check_encoder(model, readout, references, params)
    prompts = make_grounder(params.ground).make_prompts(references)
    if prompts.same:
        person, first = next(iter(prompts.same.items()))
        raise RhasError(
            "the detector reads two references as the same words, so it cannot tell them apart",
            where="--ref",
            got=f"person {first}: {references[first]!r}, person {person}: {references[person]!r}",
            do="describe how they differ, or name the person once",
        )
    drawn = [
        f"{', '.join(found)}: trained on drawn figures only; on real people its results mean "
        "next to nothing (docs/ENCODERS.md)"
        for found in [params.built_in_checkpoints]
        if found
    ]
    return (
        drawn
        + [
            f"person {person}: the detector reads only: {text}"
            for person, text in prompts.cut.items()
        ]
        + [
            f"person {person}: words that the detector does not know: {', '.join(words)}"
            for person, words in prompts.unknown.items()
        ]
    )


def _check_encoder(
    model: Path, readout: FittedReadout | None, references: Sequence[str], params: FilmParams
) -> None:
    config = params.extract
    folder = checkpoint_folder(config.checkpoint)
    encoder = load_encoder(config.vlm, folder, config.device, config.dtype, False)
    text = encoder.encode_text(references)[0]
    dims = read_model_dims(model)
    facts: list[tuple[str, object, object]] = [
        ("width D", dims.D, encoder.D),
        ("width D_text", dims.D_text, len(text.embedding)),
    ]
    if readout is not None:
        known, content = readout.origin, checkpoint_hash(folder)
        facts += [
            ("encoder", known.encoder, config.vlm),
            ("encoder's checkpoint", known.encoder_hash, content),
            ("rate", known.fps, params.fps),
        ]
    for name, expected, got in facts:
        if expected != got:
            raise RhasError(
                f"the model was trained on other features: their {name}",
                where=f"{model}, params.yaml",
                expected=str(expected),
                got=f"{got} ({config.vlm}, {config.checkpoint}, {params.fps:g} frames per second)",
                do="give --params, the params.yaml that the model was trained with, or --model, a "
                "method that was trained on these features; `rhas features` needs none",
            )


def find_readout(model: Path, results: Path) -> FittedReadout | None:
    """The read-out of a model: ``readout.json`` in its folder, or the one in ``results`` if it was
    fitted for this model; None without either.

    Raises:
        RhasError: a file in the model's folder that was fitted for another model.
    """
    in_model, in_results = model / READOUT, results / READOUT
    if in_model.is_file():
        found = FittedReadout.read(in_model)
        if found.origin.model != hash_model(model):
            raise RhasError(
                "the read-out was fitted for another model",
                where=str(in_model),
                do="run `dvc repro evaluate` and copy results/readout.json there, or remove it",
            )
        return found
    if in_results.is_file():
        found = FittedReadout.read(in_results)
        return found if found.origin.model == hash_model(model) else None
    return None


def make_default_readout(classes: tuple[str, ...]) -> FittedReadout:
    """Threshold 0.5 for every class, without calibration: for a model without a read-out."""
    config = ReadoutConfig()
    thresholds = (config.default_threshold,) * len(classes)
    return FittedReadout(Provenance("", "", "", 0.0), classes, config, thresholds, None)
