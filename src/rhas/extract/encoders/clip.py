"""CLIP (Radford et al., ICML 2021): projected image embedding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.extract.encoders.base import Encoder, Text, frozen
from rhas.extract.encoders.checkpoint import load_model, load_part


class ClipEncoder(Encoder):
    """``CLIPModel``: the image embedding in the space shared with text, not normalised.

    The reference does NOT condition it. CLIP is a dual encoder: picture and sentence meet only in
    one scalar product, there is no cross-modal layer whose output could be a feature. Multiplying
    the two embeddings elementwise would only rescale each dimension by a constant of the person,
    differently for every person: it selects nothing in the picture and makes features of
    different persons incomparable. The reference acts through the crop (partial stream) and
    through its embedding, which the store keeps beside the features. The paper (Table 4) uses CLIP
    at width 512 and leaves the conditioning open. D and D_text are the width of that space.

    Args:
        folder: checkpoint in the format of ``transformers``.
        device: torch device.

    Raises:
        RhasError: the checkpoint is absent, partial or of another model.
    """

    name = "clip"

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

        self._device = torch.device(device)
        self._model = frozen(load_model(CLIPModel, folder), self._device)
        self._tokenizer = load_part(AutoTokenizer, folder)
        self._processor = load_part(CLIPImageProcessor, folder)
        self.D = self.D_text = self._model.config.projection_dim
        self.image_size = self._model.config.vision_config.image_size
        self.max_text_tokens = self._model.config.text_config.max_position_embeddings

    @torch.inference_mode()
    def vision(self, images: np.ndarray) -> Tensor:
        """Projected image embeddings, (n, D)."""
        return self._model.get_image_features(pixel_values=self._pixels(images)).pooler_output

    @torch.inference_mode()
    def fuse(self, vision_tokens: Tensor, text: Text) -> np.ndarray:
        return vision_tokens.float().cpu().numpy()

    def _embed_text(self, token_ids: Tensor) -> Tensor:
        return self._model.get_text_features(input_ids=token_ids).pooler_output
