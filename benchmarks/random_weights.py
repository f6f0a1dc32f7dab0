"""A full-size checkpoint with random weights, in the folder format of the published ones.

    python benchmarks/random_weights.py KIND FOLDER [--tokenizer FILE] [--seed 0]

Shapes, memory and speed are those of the published weights, so formats and costs can be tried
without a download; what they find means nothing.

Grounding: ``swin-t`` (0.7 GB), ``swin-b`` (0.9 GB), ``mm-grounding-dino``; ``--format official``
for GroundingDINO's own format. Encoders: ``blip2`` (Salesforce/blip2-itm-vit-g), ``clip``
(openai/clip-vit-base-patch16), ``siglip2`` (google/siglip2-base-patch16-224); ``--dtype``.

``--tokenizer``: BERT's vocab.txt, or CLIP's bpe_simple_vocab_16e6.txt.gz for ``clip``; without it,
and for ``siglip2``, a small tokenizer of the same kind.
"""

# ruff: noqa: I001  rhas comes before transformers: it repairs torchvision

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.extract.small import bpe_vocab, wordpiece_vocab
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
GROUNDING: dict[str, tuple[Any, Any, str]] = {
    "swin-t": (GroundingDinoConfig, GroundingDinoForObjectDetection, "swin_T_224_1k"),
    "swin-b": (GroundingDinoConfig, GroundingDinoForObjectDetection, "swin_B_384_22k"),
    "mm-grounding-dino": (
        MMGroundingDinoConfig, MMGroundingDinoForObjectDetection, "swin_T_224_1k",
    ),
}  # fmt: skip


def randomise_weights(model: Any, seed: int) -> Any:
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


def make_grounding(kind: str, seed: int) -> Any:
    """A model as published, with random weights."""
    config, model, backbone = GROUNDING[kind]
    torch.manual_seed(seed)
    built = model(config(backbone_config=swin_config(backbone), text_config=BertConfig()))
    return randomise_weights(built, seed + 1)


def read_bert_tokenizer(vocabulary: Path) -> BertTokenizer:
    """BERT's tokenizer, lower case, of a file with a token per line."""
    words = vocabulary.read_text("utf-8").splitlines()
    return BertTokenizer(vocab={w: n for n, w in enumerate(words)}, do_lower_case=True)


def write_grounding(kind: str, folder: Path, vocabulary: Path, form: str, seed: int = 0) -> None:
    """Writes the checkpoint.

    Raises:
        RhasError: the folder exists, or the kind is not published in this format.
    """
    if folder.exists():
        raise RhasError("the folder exists", where=str(folder), do="name a new one")
    if form == "official" and kind == "mm-grounding-dino":
        raise RhasError("MM-GroundingDINO has no official GroundingDINO format", where="--format")
    tokenizer = read_bert_tokenizer(vocabulary)
    images = GroundingDinoImageProcessor()
    model = make_grounding(kind, seed)
    if form == "official":
        write_official(folder, model, tokenizer, images)
    else:
        model.save_pretrained(folder)
        GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)


WORDS = ("the", "a", "man", "woman", "person", "in", "with", "on", "red", "blue", "coat", "hat")


def make_blip2(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
    """ViT-g/14 at 224 pixels, a Q-Former of 12 layers, 32 query tokens; 1.17 billion weights."""
    from transformers import (
        AddedToken,
        Blip2Config,
        Blip2ForImageTextRetrieval,
        BlipImageProcessor,
    )

    vocab = wordpiece_vocab(WORDS)
    if tokenizer_file:
        words = tokenizer_file.read_text("utf-8").splitlines()
        vocab = {word: number for number, word in enumerate(words)}
    tokenizer = BertTokenizer(vocab=vocab, bos_token="[DEC]")
    image_token = AddedToken("<image>", normalized=False, special=True)  # as published, with no
    tokenizer.add_tokens([image_token], special_tokens=True)  # row of its own in the embedding
    config = Blip2Config(
        # published: 1e-10 as initial spread, which would make every image look the same
        vision_config={"model_type": "blip_2_vision_model", "initializer_range": 0.02},
        qformer_config={
            "model_type": "blip_2_qformer",
            "use_qformer_text_input": True,
            "vocab_size": 30523,
        },
        image_text_hidden_size=256,
        image_token_index=30523,
        num_query_tokens=32,
    )
    model = Blip2ForImageTextRetrieval(config)
    torch.nn.init.normal_(model.query_tokens, std=0.02)  # zero queries would stay equal
    return model, tokenizer, BlipImageProcessor(size={"height": 224, "width": 224})


def make_clip(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
    """ViT-B/16 at 224 pixels, a text tower of 12 layers; 150 million weights."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    vocab, merges = read_clip_vocab(tokenizer_file) if tokenizer_file else bpe_vocab(WORDS)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges)
    config = CLIPConfig(
        vision_config={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 224,
            "patch_size": 16,
        },
        text_config={
            "vocab_size": 49408,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        projection_dim=512,
    )
    return CLIPModel(config), tokenizer, CLIPImageProcessor()


def make_siglip2(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
    """ViT-B/16 at 224 pixels, a text tower of 12 layers, 256,000 tokens; 375 million weights."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel
    from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

    if tokenizer_file:
        raise SystemExit("siglip2 takes no --tokenizer")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]  # any text, byte by byte
    tokenizer = Siglip2Tokenizer(vocab={token: number for number, token in enumerate(tokens)})
    config = SiglipConfig(
        vision_config={"model_type": "siglip_vision_model"},
        text_config={
            "model_type": "siglip_text_model",
            "vocab_size": 256000,
            "bos_token_id": 2,
            "eos_token_id": 1,
            "pad_token_id": 0,
        },
    )
    return SiglipModel(config), tokenizer, SiglipImageProcessor(resample=2)


def read_clip_vocab(file: Path) -> tuple[dict[str, int], list[Any]]:
    """CLIP's vocabulary and merges of its published list: bytes, bytes at a word's end, merges."""
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = [chr(b) for b in printable] + [chr(256 + n) for n in range(len(others))]
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *("".join(m) for m in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}, merges


ENCODERS: dict[str, Callable[[Path | None], tuple[Any, Any, Any]]] = {
    "blip2": make_blip2, "clip": make_clip, "siglip2": make_siglip2,
}  # fmt: skip


def write_encoder(
    kind: str, folder: Path, tokenizer: Path | None = None, dtype: str = "float32", seed: int = 0
) -> int:
    """Makes and saves an encoder; returns its number of weights."""
    torch.manual_seed(seed)
    model, words, processor = ENCODERS[kind](tokenizer)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    words.save_pretrained(folder)
    processor.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=(*GROUNDING, *ENCODERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--format", choices=("transformers", "official"), default="transformers")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    if o.kind in GROUNDING:
        write_grounding(o.kind, o.folder, o.tokenizer or VOCABULARY, o.format, o.seed)
        return
    count = write_encoder(o.kind, o.folder, o.tokenizer, o.dtype, o.seed)
    print(f"{o.folder}: {o.kind}, {count / 1e6:,.0f} million random weights")


if __name__ == "__main__":
    run_script(main)
