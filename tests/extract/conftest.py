"""Small untrained checkpoints of every encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rhas.extract.small import Sizes, make_blip2, make_clip

WORDS = ["the", "woman", "man", "in", "red", "blue", "coat", "tall"]
TINY = Sizes(
    image=32, patch=8, vision=32, vision_layers=2, vision_heads=2, text=48, text_layers=2,
    text_heads=4, queries=5, out=24, mlp=2,
)  # fmt: skip


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    make_blip2(folder / "blip2", WORDS, TINY)
    make_clip(folder / "clip", WORDS, TINY)
    make_siglip2(folder / "siglip2")
    return {name: folder / name for name in ("blip2", "clip", "siglip2")}


def make_siglip2(folder: Path) -> None:
    """An untrained ``SiglipModel``, with a tokenizer of single bytes."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel
    from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    tower = {
        "hidden_size": TINY.vision, "intermediate_size": 2 * TINY.vision,
        "num_hidden_layers": TINY.vision_layers, "num_attention_heads": TINY.vision_heads,
    }  # fmt: skip
    ids = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    torch.manual_seed(0)
    model = SiglipModel(
        SiglipConfig(
            vision_config={**tower, "image_size": TINY.image, "patch_size": TINY.patch},
            text_config={**tower, **ids, "vocab_size": len(tokens), "max_position_embeddings": 64},
        )
    )
    model.save_pretrained(folder)
    Siglip2Tokenizer(vocab={t: n for n, t in enumerate(tokens)}).save_pretrained(folder)
    size = {"height": TINY.image, "width": TINY.image}
    SiglipImageProcessor(size=size, resample=2).save_pretrained(folder)
