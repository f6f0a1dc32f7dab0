"""Small models of the published classes, untrained, with tokenizers of their own.

The recipe of the built-in checkpoints starts from them (``weights/train_encoders.py``), and so do
the tests. They take the same path through the code as published checkpoints.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports

_INIT_STD = 0.02


@dataclass(frozen=True)
class Sizes:
    """Sizes of a small model.

    Args:
        image: side of the picture, pixels.
        patch: side of a patch, pixels; divides ``image``.
        vision: width of the vision tower.
        vision_layers: its layers.
        vision_heads: its heads.
        text: width of the Q-Former (BLIP-2) or of the text tower (CLIP).
        text_layers: its layers.
        text_heads: its heads.
        queries: query tokens (BLIP-2).
        out: width of the space shared by pictures and text; for CLIP that of the features.
        mlp: hidden width of a feed-forward layer of the vision tower over its width.
        text_mlp: likewise of the Q-Former or of the text tower.
    """

    image: int = 64
    patch: int = 8
    vision: int = 96
    vision_layers: int = 3
    vision_heads: int = 3
    text: int = 128
    text_layers: int = 2
    text_heads: int = 4
    queries: int = 8
    out: int = 128
    mlp: int = 3
    text_mlp: int = 3


def make_blip2(folder: Path, words: Iterable[str], sizes: Sizes, seed: int = 0) -> None:
    """Writes an untrained ``Blip2ForImageTextRetrieval`` with its tokenizer and processor."""
    from transformers import (
        BertTokenizer,
        Blip2Config,
        Blip2ForImageTextRetrieval,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessor,
    )

    tokenizer = BertTokenizer(vocab=wordpiece_vocab(words))
    vision = Blip2VisionConfig(
        hidden_size=sizes.vision,
        intermediate_size=sizes.mlp * sizes.vision,
        num_hidden_layers=sizes.vision_layers,
        num_attention_heads=sizes.vision_heads,
        image_size=sizes.image,
        patch_size=sizes.patch,
        initializer_range=_INIT_STD,
    )
    qformer = Blip2QFormerConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.text,
        intermediate_size=sizes.text_mlp * sizes.text,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        max_position_embeddings=32,
        cross_attention_frequency=1,
        use_qformer_text_input=True,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = Blip2Config(
        vision_config=vision.to_dict(),
        qformer_config=qformer.to_dict(),
        num_query_tokens=sizes.queries,
        image_text_hidden_size=sizes.out,
    )
    torch.manual_seed(seed)
    model = Blip2ForImageTextRetrieval(config)
    torch.nn.init.normal_(model.query_tokens, std=_INIT_STD)  # zero queries would stay equal
    processor = BlipImageProcessor(size={"height": sizes.image, "width": sizes.image})
    _save(folder, model, tokenizer, processor)


def make_clip(folder: Path, words: Iterable[str], sizes: Sizes, seed: int = 0) -> None:
    """Writes an untrained ``CLIPModel`` with its tokenizer and processor."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    vocab, merges = bpe_vocab(words)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges)
    config = CLIPConfig(
        vision_config={
            "hidden_size": sizes.vision,
            "intermediate_size": sizes.mlp * sizes.vision,
            "num_hidden_layers": sizes.vision_layers,
            "num_attention_heads": sizes.vision_heads,
            "image_size": sizes.image,
            "patch_size": sizes.patch,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": sizes.text,
            "intermediate_size": sizes.text_mlp * sizes.text,
            "num_hidden_layers": sizes.text_layers,
            "num_attention_heads": sizes.text_heads,
            "max_position_embeddings": 32,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        projection_dim=sizes.out,
    )
    torch.manual_seed(seed)
    processor = CLIPImageProcessor(
        size={"shortest_edge": sizes.image},
        crop_size={"height": sizes.image, "width": sizes.image},
    )
    _save(folder, CLIPModel(config), tokenizer, processor)


def _save(folder: Path, model: Any, tokenizer: Any, processor: Any) -> None:
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    save_half(folder, model)


def save_half(folder: Path, model: Any) -> None:
    """Writes a model's configuration and its weights in half precision."""
    state = {name: value.half() for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=state)


def wordpiece_vocab(words: Iterable[str]) -> dict[str, int]:
    """WordPiece vocabulary of BERT's kind: special tokens, characters, then whole words.

    Every word of ASCII letters and digits has tokens, at worst one per character.
    """
    characters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    tokens += [f"##{c}" for c in string.ascii_lowercase + string.digits]
    tokens += sorted({word.lower() for word in words})
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def bpe_vocab(words: Iterable[str]) -> tuple[dict[str, int], list[Any]]:
    """Byte-pair vocabulary and merges of CLIP's kind: all bytes, then merges up to whole words."""
    alphabet, suffix = _byte_alphabet(), "</w>"
    merges: list[Any] = []
    tokens = [*alphabet, *(c + suffix for c in alphabet)]
    for word in sorted({w.lower() for w in words}):
        parts = [*word[:-1], word[-1] + suffix]
        for left, right in merges:  # as the tokenizer will: earlier merges first
            parts = _merge(parts, left, right)
        while len(parts) > 1:
            left, right = parts[0], parts[1]
            merges.append((left, right))
            tokens.append(left + right)
            parts = _merge(parts, left, right)
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}, merges


def _byte_alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _merge(parts: list[str], left: str, right: str) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == (left, right):
            out[-1] = left + right
        else:
            out.append(part)
    return out
