"""The models of a run, looked at before hours are spent: they are there, they fit each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import FilmParams
from rhas.evaluate.fitted import READOUT, FittedReadout, Provenance, hash_model
from rhas.extract.encoders import checkpoint_folder, checkpoint_hash, load_encoder
from rhas.ground import make_grounder
from rhas.methods import reads_tokens
from rhas.segment.windows import model_dims
from rhas.train import CONFIG


def check_models(
    model: Path, readout: FittedReadout | None, references: Sequence[str], params: FilmParams
) -> list[str]:
    """What a user should know of checkpoints and references before the film is read; a line each.

    Args:
        model: folder of a trained method.
        readout: what was fitted for it.
        references: by person.
        params: of the film's stages.

    Raises:
        RhasError: a checkpoint that is absent or damaged, a model trained on other features or
            that reads query tokens, a reference in words that the detector does not know, or two
            that are the same to it.
    """
    method = json.loads((model / CONFIG).read_text("utf-8"))["method"]
    if reads_tokens(method):
        raise RhasError(
            "a method that reads query tokens, which `rhas segment` does not hold",
            where=str(model),
            got=method,
            do="give a model of another method, or run the pipeline on the film",
        )
    _check_encoder(model, readout, references, params)
    prompts = make_grounder(params.ground).prompts(references)
    if prompts.same:
        person, first = next(iter(prompts.same.items()))
        raise RhasError(
            "two references are the same words to the detector, so it cannot tell who is who",
            where="--ref",
            got=f"person {first}: {references[first]!r}, person {person}: {references[person]!r}",
            do="say what tells them apart, or name the person once",
        )
    drawn = [
        f"{', '.join(found)}: trained on drawn figures alone; of people in a real film this tells "
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
    dims = model_dims(model)
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
                do="give the params.yaml that the model was trained with, --params",
            )


def find_readout(model: Path, results: Path) -> FittedReadout | None:
    """The read-out of a model: ``readout.json`` in its folder, or the one that evaluate left in
    ``results`` where that was fitted for the model.

    Raises:
        RhasError: a file in the model's folder that was fitted for another model.
    """
    beside, left = model / READOUT, results / READOUT
    if beside.is_file():
        found = FittedReadout.read(beside)
        if found.origin.model != hash_model(model):
            raise RhasError(
                "the read-out was fitted for another model",
                where=str(beside),
                do="run `dvc repro evaluate` and copy results/readout.json there, or remove it",
            )
        return found
    if left.is_file():
        found = FittedReadout.read(left)
        return found if found.origin.model == hash_model(model) else None
    return None


def default_readout() -> FittedReadout:
    """Every class at 1/2, nothing calibrated: for a model without a read-out of its own."""
    config = ReadoutConfig()
    thresholds = (config.default_threshold,) * len(CLASSES)
    return FittedReadout(Provenance("", "", "", 0.0), CLASSES, config, thresholds, None)
