"""BLIP-2 (Li et al., ICML 2023): Q-Former output conditioned on the reference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoder import Encoder, Text


class Blip2Encoder(Encoder):
    """``Blip2ForImageTextRetrieval`` along its image-text-matching path.

    The learned query tokens and the reference's tokens attend to each other; the queries attend
    to the picture. So what the queries gather from the picture depends on the reference: LAVIS
    calls their output the multimodal features. Their mean is the feature (the matching head is
    linear on it), D is the Q-Former's width: 768 in published checkpoints.

    The text embedding is the first token ([CLS]) of the Q-Former on the reference alone, before
    the projection: D_text = D.
    """

    name = "blip2"
    has_tokens = True
    max_text_tokens = 32  # LAVIS trains with this limit; later positions are untrained

    @staticmethod
    def classes() -> tuple[Any, Any]:
        from transformers import Blip2ForImageTextRetrieval, BlipImageProcessor

        return Blip2ForImageTextRetrieval, BlipImageProcessor

    def _measure(self, config: Any) -> None:
        self.D = self.D_text = config.qformer_config.hidden_size
        self.Q = config.num_query_tokens
        self.image_size = config.vision_config.image_size

    def _tower(self) -> list[Any]:
        return [self._model.vision_model]

    def _vision(self, pixels: Tensor) -> Tensor:
        return self._model.vision_model(pixels).last_hidden_state  # (n, patches + 1, width)

    def _fused(self, vision_tokens: Tensor, text: Text) -> Tensor:
        return query_states(self._model, vision_tokens, text.token_ids)

    def _embed_text(self, token_ids: Tensor) -> Tensor:
        return text_states(self._model, token_ids)[:, 0]


def fused(
    model: Any, vision_tokens: Tensor, token_ids: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Mean of the query outputs given picture and reference, (n, D); see ``query_states``."""
    return query_states(model, vision_tokens, token_ids, mask).mean(dim=1)


def query_states(
    model: Any, vision_tokens: Tensor, token_ids: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Outputs of the Q query tokens given picture and reference, (n, Q, D).

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
    return states[:, : queries.shape[1]]


def text_states(model: Any, token_ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """Q-Former output on text alone, (n, tokens, D), of token ids (n, tokens)."""
    embedded = model.embeddings(input_ids=token_ids)
    return model.qformer(
        query_embeds=embedded, query_length=0, attention_mask=mask
    ).last_hidden_state
