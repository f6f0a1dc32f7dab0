"""BLIP-2 (Li et al., ICML 2023): Q-Former output conditioned on the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoders.base import Encoder, Text, frozen
from rhas.extract.encoders.checkpoint import load_model, load_part


class Blip2Encoder(Encoder):
    """``Blip2ForImageTextRetrieval`` along its image-text-matching path.

    The learned query tokens and the reference's tokens attend to each other; the queries attend
    to the picture. So what the queries gather from the picture depends on the reference: LAVIS
    calls their output the multimodal features. Their mean is the feature (the matching head is
    linear on it), D is the Q-Former's width: 768 in published checkpoints.

    The text embedding is the first token ([CLS]) of the Q-Former on the reference alone, before
    the projection: D_text = D.

    Args:
        folder: checkpoint in the format of ``transformers``.
        device: torch device.

    Raises:
        RhasError: the checkpoint is absent, partial or of another model.
    """

    name = "blip2"
    max_text_tokens = 32  # LAVIS trains with this limit; later positions are untrained

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from transformers import AutoTokenizer, Blip2ForImageTextRetrieval, BlipImageProcessor

        self._device = torch.device(device)
        self._model = frozen(load_model(Blip2ForImageTextRetrieval, folder), self._device)
        self._tokenizer = load_part(AutoTokenizer, folder)
        self._processor = load_part(BlipImageProcessor, folder)
        self.D = self.D_text = self._model.config.qformer_config.hidden_size
        self.image_size = self._model.config.vision_config.image_size

    @torch.inference_mode()
    def vision(self, images: np.ndarray) -> Tensor:
        """Patch tokens and class token, (n, patches + 1, width of the vision tower)."""
        return self._model.vision_model(self._pixels(images)).last_hidden_state

    @torch.inference_mode()
    def fuse(self, vision_tokens: Tensor, text: Text) -> np.ndarray:
        return fused(self._model, vision_tokens, text.token_ids).cpu().numpy()

    def _embed_text(self, token_ids: Tensor) -> Tensor:
        return text_states(self._model, token_ids)[:, 0]


def fused(
    model: Any, vision_tokens: Tensor, token_ids: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Mean of the query outputs given picture and reference, (n, D).

    Args:
        model: a ``Blip2ForImageTextRetrieval``.
        vision_tokens: (n, patches + 1, width of the vision tower).
        token_ids: int64, (n, tokens), or (1, tokens) for the same reference everywhere.
        mask: (n, tokens), 0 on padding; None where there is none.
    """
    n = len(vision_tokens)
    queries = model.query_tokens.expand(n, -1, -1)  # (n, Q, D)
    embedded = model.embeddings(input_ids=token_ids.expand(n, -1), query_embeds=queries)
    if mask is not None:
        mask = torch.cat([mask.new_ones(n, queries.shape[1]), mask], dim=1)  # (n, Q + tokens)
    states = model.qformer(
        query_embeds=embedded,
        query_length=queries.shape[1],
        attention_mask=mask,
        encoder_hidden_states=vision_tokens,
    ).last_hidden_state  # (n, Q + tokens, D)
    return states[:, : queries.shape[1]].mean(dim=1)


def text_states(model: Any, token_ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """Q-Former output on text alone, (n, tokens, D), of token ids (n, tokens)."""
    embedded = model.embeddings(input_ids=token_ids)
    return model.qformer(
        query_embeds=embedded, query_length=0, attention_mask=mask
    ).last_hidden_state
