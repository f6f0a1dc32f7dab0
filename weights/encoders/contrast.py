"""Learning by contrast of pictures and sentences, and how CLIP starts from BLIP-2's tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from encoders.stills import CLASS, Batch


def contrastive_loss(images: Tensor, texts: Tensor, same: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy between rows; ``same`` (n, n) marks further right answers."""
    logits = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    target = same / same.sum(dim=1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def find_equal(sentences: Sequence[str]) -> Tensor:
    """(n, n), 1 where two sentences are the same."""
    index = {s: i for i, s in enumerate(dict.fromkeys(sentences))}
    ids = torch.tensor([index[s] for s in sentences])
    return (ids[:, None] == ids).float()


@torch.no_grad()
def copy_tower(vision: Any, tower: Any) -> None:
    """Starts CLIP's vision tower as BLIP-2's, from which it differs by a first normalisation."""
    vision.embeddings.class_embedding.copy_(tower.embeddings.class_embedding[0, 0])
    vision.embeddings.patch_embedding.weight.copy_(tower.embeddings.patch_embedding.weight)
    places = tower.embeddings.position_embedding[0].clone()
    places[1:] += tower.embeddings.patch_embedding.bias  # CLIP's patches have none
    vision.embeddings.position_embedding.weight.copy_(places)
    vision.post_layernorm.load_state_dict(tower.post_layernorm.state_dict())
    for mine, theirs in zip(vision.encoder.layers, tower.encoder.layers, strict=True):
        parts = zip(
            (mine.self_attn.q_proj, mine.self_attn.k_proj, mine.self_attn.v_proj),
            theirs.self_attn.qkv.weight.chunk(3), theirs.self_attn.qkv.bias.chunk(3), strict=True,
        )  # fmt: skip
        for part, weight, bias in parts:
            part.weight.copy_(weight)
            part.bias.copy_(bias)
        mine.self_attn.out_proj.load_state_dict(theirs.self_attn.projection.state_dict())
        for name in ("mlp", "layer_norm1", "layer_norm2"):
            getattr(mine, name).load_state_dict(getattr(theirs, name).state_dict())


UNTRAINED = (
    "dancing", "drinking", "hugging", "kneeling", "picking", "shouting", "stretching", "writing",
)  # fmt: skip
"""Actions that CLIP is trained without: what it makes of words that it has never read is measured
with them (``benchmarks/zero_shot.py``)."""


def find_trained(batch: Batch) -> Tensor:
    """Numbers of the persons who do none of `UNTRAINED`, int64 (n,)."""
    untrained = [CLASS[name] for name in UNTRAINED]
    return (~batch.actions[:, untrained].bool().any(1)).nonzero()[:, 0]


def make_caption(reference: str, actions: Tensor) -> str:
    """The sentence, half of the time with what the person does: "the tall man is waving"."""
    doing = [name for name, number in CLASS.items() if actions[number]]
    if not doing or torch.rand(()) < 0.5:
        return reference
    return f"{reference} is {' and '.join(doing)}"
