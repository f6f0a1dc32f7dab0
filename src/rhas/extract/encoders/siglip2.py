"""SigLIP 2 (Tschannen et al., 2025): pooled image embedding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoder import Encoder, Text


class Siglip2Encoder(Encoder):
    """``SiglipModel`` with the weights of SigLIP 2 at a fixed size: the pooling head's output.

    A dual encoder as CLIP: the reference does not condition the features (see ``ClipEncoder``).
    There is no projection, D and D_text are the towers' width: 768 for base models. Its text
    tower was trained on lower case, padded to 64 tokens at the end, and reads the last position,
    so references are given to it that way.
    """

    name = "siglip2"

    @staticmethod
    def classes() -> tuple[Any, Any]:
        from transformers import SiglipImageProcessor, SiglipModel

        return SiglipModel, SiglipImageProcessor

    @property
    def text_scale(self) -> float:
        return float(self._model.logit_scale.exp())

    def _measure(self, config: Any) -> None:
        self.D = config.vision_config.hidden_size
        self.D_text = config.text_config.projection_size
        self.image_size = config.vision_config.image_size
        self.max_text_tokens = config.text_config.max_position_embeddings

    def _tower(self) -> list[Any]:
        return [self._model.vision_model]

    def _vision(self, pixels: Tensor) -> Tensor:
        return self._model.get_image_features(pixel_values=pixels).pooler_output  # (n, D)

    def _fused(self, vision_tokens: Tensor, text: Text) -> Tensor:
        return vision_tokens[:, None]

    def _token_ids(self, reference: str) -> list[int]:
        words = self._tokenizer(
            reference.lower(), split_special_tokens=True, add_special_tokens=False
        )
        return [*words["input_ids"], self._tokenizer.eos_token_id]

    def _embed_text(self, token_ids: Tensor) -> Tensor:
        missing = self.max_text_tokens - token_ids.shape[1]
        padding = token_ids.new_full((1, missing), self._tokenizer.pad_token_id)
        padded = torch.cat([token_ids, padding], dim=1)  # (1, 64)
        return self._model.get_text_features(input_ids=padded).pooler_output
