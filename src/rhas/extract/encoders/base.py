"""What an encoder is. A new one is a class with these methods and a line in ``load_encoder``.

The vision tower runs once per picture; what depends on the reference starts from its tokens:

    texts = encoder.encode_text(references)
    tokens = encoder.vision(images)
    features = [encoder.fuse(tokens, text) for text in texts]

Legend: n pictures, D feature width, D_text width of a reference's embedding (docs/DESIGN.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rhas.base.errors import RhasError
from rhas.extract.encoders.checkpoint import checkpoint_hash


@dataclass(frozen=True)
class Text:
    """A reference, ready for fusing.

    Args:
        reference: the sentence as given.
        token_ids: int64 (1, tokens), special tokens included, no padding.
        embedding: pooled embedding, float32 (D_text,).
        dropped_tokens: tokens beyond the encoder's limit, which the features do not see.
    """

    reference: str
    token_ids: Tensor
    embedding: np.ndarray
    dropped_tokens: int


class Encoder(ABC):
    """A vision-language model that turns pictures and references into features.

    Attributes:
        name: as in ``params.yaml``, ``vlm``.
        D: width of the features.
        D_text: width of a reference's embedding.
        image_size: pixels of the square that the vision tower sees.
        max_text_tokens: tokens of a reference that it sees, special ones included.
    """

    name: str
    D: int
    D_text: int
    image_size: int
    max_text_tokens: int
    _tokenizer: Any
    _processor: Any
    _device: torch.device

    @abstractmethod
    def vision(self, images: np.ndarray) -> Tensor:
        """Vision tokens of RGB pictures, for ``fuse`` alone to understand.

        Args:
            images: uint8 (n, height, width, 3), any size.

        Returns:
            Tensor whose first dimension is n.

        Raises:
            RhasError: not uint8 (n, height, width, 3).
        """

    @abstractmethod
    def fuse(self, vision_tokens: Tensor, text: Text) -> np.ndarray:
        """Features of the pictures, conditioned on the reference, float32 (n, D)."""

    @abstractmethod
    def _embed_text(self, token_ids: Tensor) -> Tensor:
        """Pooled embedding (1, D_text) of token ids (1, tokens)."""

    @torch.inference_mode()
    def encode_text(self, references: Sequence[str]) -> list[Text]:
        """Each reference alone, so that none depends on the others' length.

        Words that look like special tokens ("[SEP]") are words.
        """
        texts = []
        for reference in references:
            ids = self._tokenizer(reference, split_special_tokens=True)["input_ids"]
            dropped = max(0, len(ids) - self.max_text_tokens)
            kept = [*ids[: self.max_text_tokens - 1], ids[-1]] if dropped else ids
            token_ids = torch.tensor([kept], device=self._device)
            embedding = self._embed_text(token_ids)[0].float().cpu().numpy()
            texts.append(Text(reference, token_ids, embedding, dropped))
        return texts

    def text_embedding(self, reference: str) -> np.ndarray:
        """Pooled embedding of a reference, float32 (D_text,)."""
        return self.encode_text([reference])[0].embedding

    def _pixels(self, images: np.ndarray) -> Tensor:
        """Pictures scaled to the tower's square and normalised, float32 (n, 3, size, size).

        By the checkpoint's own image processor, save that nothing is cropped away: the whole
        picture is scaled to the square, since a person may stand at its edge.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise RhasError(
                "pictures have a wrong shape or type",
                where=f"encoder {self.name}",
                expected="uint8 (n, height, width, 3)",
                got=f"{images.dtype} {images.shape}",
            )
        pictures = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2)  # (n, 3, h, w)
        square = {"height": self.image_size, "width": self.image_size}
        processed = self._processor(
            list(pictures), size=square, do_center_crop=False, return_tensors="pt"
        )
        return processed["pixel_values"]


def load_encoder(vlm: str, folder: Path, device: str = "cpu") -> Encoder:
    """The encoder ``vlm`` with the checkpoint in ``folder``; kept for the process's next film.

    Raises:
        RhasError: unknown encoder, or a checkpoint that is absent, partial or of another model.
    """
    return _load(vlm, folder, device, checkpoint_hash(folder))


@lru_cache(maxsize=1)
def _load(vlm: str, folder: Path, device: str, content: str) -> Encoder:
    from rhas.extract.encoders.blip2 import Blip2Encoder
    from rhas.extract.encoders.clip import ClipEncoder

    encoders: dict[str, Any] = {"blip2": Blip2Encoder, "clip": ClipEncoder}
    if vlm not in encoders:
        raise RhasError(
            "unknown encoder", where="vlm", expected=" or ".join(encoders), got=repr(vlm)
        )
    return encoders[vlm](folder, device)


def frozen(model: nn.Module, device: torch.device) -> Any:
    """The model on its device, without dropout and gradients."""
    return model.to(device).eval().requires_grad_(False)
