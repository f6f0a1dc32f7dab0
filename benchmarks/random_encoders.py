"""A full-size encoder with random weights, in the folder format of published ones.

    python benchmarks/random_encoders.py KIND FOLDER [--tokenizer FILE] [--dtype float32]

KIND: ``blip2`` (Salesforce/blip2-itm-vit-g), ``clip`` (openai/clip-vit-base-patch16) or ``siglip2``
(google/siglip2-base-patch16-224). Shapes, memory and speed are those of the published weights;
the features mean nothing. ``--tokenizer``: BERT's vocab.txt for ``blip2``, CLIP's
bpe_simple_vocab_16e6.txt.gz for ``clip``; without it, and for ``siglip2``, a small tokenizer of
the same kind, whose tokens are the first rows of the full-size embedding.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoders.small import bpe_vocab, wordpiece_vocab

WORDS = ("the", "a", "man", "woman", "person", "in", "with", "on", "red", "blue", "coat", "hat")


def blip2(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
    """ViT-g/14 at 224 pixels, a Q-Former of 12 layers, 32 query tokens; 1.17 billion weights."""
    from transformers import (
        AddedToken,
        BertTokenizer,
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
        # published: 1e-10 as initial spread, which would make every picture look the same
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


def clip(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
    """ViT-B/16 at 224 pixels, a text tower of 12 layers; 150 million weights."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    vocab, merges = clip_vocab(tokenizer_file) if tokenizer_file else bpe_vocab(WORDS)
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


def siglip2(tokenizer_file: Path | None) -> tuple[Any, Any, Any]:
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


def clip_vocab(file: Path) -> tuple[dict[str, int], list[Any]]:
    """CLIP's vocabulary and merges of its published list: bytes, bytes at a word's end, merges."""
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = [chr(b) for b in printable] + [chr(256 + n) for n in range(len(others))]
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *("".join(m) for m in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}, merges


KINDS: dict[str, Callable[[Path | None], tuple[Any, Any, Any]]] = {
    "blip2": blip2,
    "clip": clip,
    "siglip2": siglip2,
}


def write(
    kind: str, folder: Path, tokenizer: Path | None = None, dtype: str = "float32", seed: int = 0
) -> int:
    """Makes and saves an encoder; returns its number of weights."""
    torch.manual_seed(seed)
    model, words, processor = KINDS[kind](tokenizer)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    words.save_pretrained(folder)
    processor.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    weights = write(options.kind, options.folder, options.tokenizer, options.dtype, options.seed)
    print(f"{options.folder}: {options.kind}, {weights / 1e6:,.0f} million random weights")


if __name__ == "__main__":
    main()
