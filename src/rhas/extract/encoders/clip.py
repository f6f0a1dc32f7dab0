"""CLIP (Radford et al., ICML 2021): projected image embedding."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoder import Encoder, Text


class ClipEncoder(Encoder):
    """``CLIPModel``: the image embedding in the space shared with text, not normalised.

    The reference does NOT condition it. CLIP is a dual encoder: picture and sentence meet only in
    one scalar product, there is no cross-modal layer whose output could be a feature. Multiplying
    the two embeddings elementwise would only rescale each dimension by a constant of the person,
    differently for every person: it selects nothing in the picture and makes features of
    different persons incomparable. The reference acts through the crop (partial stream) and
    through its embedding, which the store keeps beside the features. The paper (Table 4) uses CLIP
    at width 512 and leaves the conditioning open. D and D_text are the width of that space.
    """

    name = "clip"

    @staticmethod
    def classes() -> tuple[Any, Any]:
        from transformers import CLIPImageProcessor, CLIPModel

        return CLIPModel, CLIPImageProcessor

    @property
    def text_scale(self) -> float:
        return float(self._model.logit_scale.exp())

    def _measure(self, config: Any) -> None:
        self.D = self.D_text = config.projection_dim
        self.image_size = config.vision_config.image_size
        self.max_text_tokens = config.text_config.max_position_embeddings

    def _tower(self) -> list[Any]:
        return [self._model.vision_model, self._model.visual_projection]

    def _vision(self, pixels: Tensor) -> Tensor:
        return self._model.get_image_features(pixel_values=pixels).pooler_output  # (n, D)

    def _fused(self, vision_tokens: Tensor, text: Text) -> Tensor:
        return vision_tokens[:, None]

    def _embed_text(self, token_ids: Tensor) -> Tensor:
        return self._model.get_text_features(input_ids=token_ids).pooler_output
