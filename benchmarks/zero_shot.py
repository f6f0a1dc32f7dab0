"""The zero-shot floor: how near a frame's crop is to the sentence of a class, without any training.

    python benchmarks/zero_shot.py [--samples data/samples] [--sentence "a person is {}"]
                                   [--scale 100] [--json]

A frame's scores are a softmax over classes of ``--scale`` (CLIP's own is 100) times the cosine of
the crop's feature and the sentence's embedding, 0 without a crop. Smoothing, thresholds (fitted on
val) and figures are those of the evaluate stage, so the row stands beside a trained method's. It
takes features of an encoder whose pictures and sentences share a space: `dvc exp run -S vlm=clip`
leaves such samples.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.chunk import Samples
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import load_params
from rhas.evaluate.scoring import score_samples
from rhas.extract.encoders import load_encoder
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import evaluate_predictions
from rhas.stores.features import FeatureStore

SHARED_SPACE = ("clip", "siglip2")


class ZeroShot:
    """Scores of a batch from similarity alone.

    Args:
        sentences: embedding of each class's sentence, (C, D).
        scale: of the cosines.
    """

    def __init__(self, sentences: Tensor, scale: float) -> None:
        self.sentences, self.scale = torch.nn.functional.normalize(sentences, dim=1), scale

    def scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """(B, L, C) in [0, 1]; nothing is drawn."""
        crops = torch.nn.functional.normalize(batch["partial"], dim=2)
        near = (self.scale * crops @ self.sentences.T).softmax(-1)
        return near * (batch["present"] & batch["mask"])[..., None]


def encoder_of(samples: Samples) -> str:
    """The encoder that made the samples' features.

    Raises:
        RhasError: one without a space that pictures and sentences share.
    """
    store = Path(samples.info.features) / f"{samples.samples[0].movie}.zarr"
    name = FeatureStore(store).read_info(0).encoder
    if name not in SHARED_SPACE:
        raise RhasError(
            "features that no sentence can be compared with", where=str(store),
            expected=" or ".join(SHARED_SPACE), got=name, do="run `dvc exp run -S vlm=clip`",
        )  # fmt: skip
    return name


def figures(
    val: Samples, test: Samples, sentences: Tensor, scale: float, config: ReadoutConfig
) -> dict[str, dict[str, float]]:
    """Clean figures of val and test."""
    method = ZeroShot(sentences, scale)
    seen = {
        side: score_samples(method, samples, 0, len(sentences))
        for side, samples in (("val", val), ("test", test))
    }
    scores = {side: [item.stored.astype(np.float32) for item in seen[side]] for side in seen}
    truths = {side: [item.truth for item in seen[side]] for side in seen}
    thresholds: NDArray[np.float64] = fit_thresholds(truths["val"], scores["val"], config)
    return {
        side: asdict(
            evaluate_predictions(
                truths[side], [make_prediction(score, thresholds, config) for score in scores[side]]
            ).metrics
        )
        for side in seen
    }


def embedded(encoder: Any, sentence: str, names: Sequence[str]) -> Tensor:
    """Embeddings (C, D) of the classes' sentences."""
    vectors = [encoder.text_embedding(sentence.format(name)) for name in names]
    return torch.from_numpy(np.stack(vectors))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--sentence", default="a person is {}")
    parser.add_argument("--scale", type=float, default=100.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    params = load_params()
    val, test = (Samples(options.samples, side) for side in ("val", "test"))
    vlm = encoder_of(test)
    encoder = load_encoder(vlm, Path(str(params.extract.checkpoints[vlm])))
    sentences = embedded(encoder, options.sentence, CLASSES)
    said = figures(val, test, sentences, options.scale, params.evaluate.readout)
    if options.json:
        print(json.dumps(said, indent=1))
        return
    for side, values in said.items():
        print(f"{side}: " + ", ".join(f"{name} {value:.1f}" for name, value in values.items()))


if __name__ == "__main__":
    main()
