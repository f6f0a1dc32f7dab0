"""Sentences about classes, in the space that an encoder's pictures and words share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhas.base.errors import RhasError
from rhas.config.extract import ExtractConfig
from rhas.extract.encoders import (
    ENCODERS,
    Encoder,
    checkpoint_folder,
    find_encoder,
    load_encoder,
)
from rhas.methods.base import ClassText


def list_comparing_encoders() -> list[str]:
    """The encoders whose features can be compared with sentences: those with a ``text_scale``."""
    return [vlm for vlm in ENCODERS if find_encoder(vlm).text_scale is not Encoder.text_scale]


def make_class_text(config: ExtractConfig, phrasings: Sequence[Sequence[str]]) -> ClassText:
    """What methods with ``MethodSpec.reads_text`` are given.

    Args:
        config: names the encoder and its checkpoint.
        phrasings: of each class, one or more.

    Raises:
        RhasError: features of this encoder cannot be compared with sentences.
    """
    encoder = load_encoder(config.vlm, checkpoint_folder(config.checkpoint), config.device,
                           config.dtype, False)  # fmt: skip
    scale = encoder.text_scale
    if scale is None:
        raise RhasError(
            "features of this encoder cannot be compared with sentences",
            where="vlm",
            expected=" or ".join(list_comparing_encoders()),
            got=config.vlm,
            do="set vlm to one of these",
        )

    def embed(sentences: Sequence[str]) -> np.ndarray:
        texts = encoder.encode_text(sentences)
        for text in texts:
            if text.dropped_tokens:
                raise RhasError(
                    "words about an action are longer than the encoder reads",
                    where=f"encoder {config.vlm}",
                    expected=f"at most {encoder.max_text_tokens} tokens",
                    got=repr(text.reference),
                    do="put it in fewer words",
                )
        return np.stack([text.embedding for text in texts])

    return ClassText(phrasings, embed, scale)


def phrase_class(name: str) -> str:
    """The words of a class name: ``talking_on_phone`` is "talking on phone"."""
    return " ".join(name.replace("_", " ").split())
