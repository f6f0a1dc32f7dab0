"""Full-size grounding checkpoints with random weights, in the formats of the published ones.

    python benchmarks/random_grounding.py {swin-t,swin-b,mm-grounding-dino} FOLDER
        [--format transformers|official] [--vocab vocab.txt] [--seed 0]

They find nothing. They load, run, weigh and cost what published ones do (0.7 GB Swin-T, 0.9 GB
Swin-B), so that formats, memory and time can be tried without a download. ``--vocab`` is a file
with a token per line, such as bert-base-uncased's 30,522; without it, the built-in checkpoint's few
hundred words, which have BERT's ids for all that is not a word.
"""

# ruff: noqa: I001  rhas comes before transformers: it repairs torchvision

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from rhas.base.errors import RhasError
from rhas.engine.stage import run
from rhas.ground.convert import swin_config, write_official
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
)

VOCABULARY = Path(__file__).resolve().parents[1] / "weights" / "grounding" / "vocab.txt"
KINDS: dict[str, tuple[Any, Any, str]] = {
    "swin-t": (GroundingDinoConfig, GroundingDinoForObjectDetection, "swin_T_224_1k"),
    "swin-b": (GroundingDinoConfig, GroundingDinoForObjectDetection, "swin_B_384_22k"),
    "mm-grounding-dino": (
        MMGroundingDinoConfig, MMGroundingDinoForObjectDetection, "swin_T_224_1k",
    ),
}  # fmt: skip


def randomise(model: Any, seed: int) -> Any:
    """Weights that make a fair test: none at zero, the streams well mixed, scores not saturated."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "backbone" not in name:
                value.add_(0.05 * torch.randn(value.shape, generator=generator))
            if name.endswith(("vision_param", "text_param")):
                value.fill_(0.7)
        last = model.model.encoder.layers[-1].text_enhancer_layer
        for value in last.layer_norm_after.parameters():
            value.mul_(1 / model.config.d_model**0.5)
    return model.eval()


def random_model(kind: str, seed: int) -> Any:
    """A model as published, with random weights."""
    config, model, backbone = KINDS[kind]
    torch.manual_seed(seed)
    made = model(config(backbone_config=swin_config(backbone), text_config=BertConfig()))
    return randomise(made, seed + 1)


def bert_tokenizer(vocabulary: Path) -> BertTokenizer:
    """BERT's tokenizer, lower case, of a file with a token per line."""
    words = vocabulary.read_text("utf-8").splitlines()
    return BertTokenizer(vocab={w: n for n, w in enumerate(words)}, do_lower_case=True)


def write(kind: str, folder: Path, vocabulary: Path, form: str, seed: int = 0) -> None:
    """Writes the checkpoint.

    Raises:
        RhasError: the folder exists, or the kind is not published in this format.
    """
    if folder.exists():
        raise RhasError("the folder exists", where=str(folder), do="name a new one")
    if form == "official" and kind == "mm-grounding-dino":
        raise RhasError("MM-GroundingDINO has no official GroundingDINO format", where="--format")
    tokenizer = bert_tokenizer(vocabulary)
    images = GroundingDinoImageProcessor()
    model = random_model(kind, seed)
    if form == "official":
        write_official(folder, model, tokenizer, images)
    else:
        model.save_pretrained(folder)
        GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vocab", type=Path, default=VOCABULARY)
    parser.add_argument("--format", choices=("transformers", "official"), default="transformers")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write(options.kind, options.folder, options.vocab, options.format, options.seed)


if __name__ == "__main__":
    run(main)
