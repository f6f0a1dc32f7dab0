"""The base class of encoders. A new one is a module of `rhas.extract.encoders`
(docs/ADD_AN_ENCODER.md).

The vision tower runs once per picture; what depends on the reference starts from its tokens:

    texts = encoder.encode_text(references)
    tokens = encoder.vision(images)
    features = [encoder.fuse(tokens, text) for text in texts]

Legend: n pictures, s side of the vision tower's square, Q query tokens, D feature width, D_text
width of a reference's embedding (docs/DESIGN.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rhas.base.errors import RhasError
from rhas.extract.checkpoint import load_model, load_part
from rhas.extract.pixels import Pixels


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

    Args:
        folder: checkpoint in the format of ``transformers``.
        device: torch device.
        dtype: of the vision tower, where nearly all of the time goes; text and what fuses it with
            the picture stay in float32.
        compile: pass the vision tower and the fusion through ``torch.compile``.

    Attributes:
        name: as in ``params.yaml``, ``vlm``.
        D: width of the features.
        D_text: width of a reference's embedding.
        has_tokens: the feature is a mean of query tokens, which methods may read.
        Q: query tokens whose mean is the feature; 1 where the model gives one vector.
        image_size: pixels of the square that the vision tower sees.
        max_text_tokens: tokens of a reference that it sees, special ones included.

    Raises:
        RhasError: the checkpoint is absent, partial or of another model.
    """

    name: str
    D: int
    D_text: int
    has_tokens: bool = False
    Q: int = 1
    image_size: int
    max_text_tokens: int

    def __init__(
        self, folder: Path, device: str = "cpu", dtype: str = "float32", compile: bool = False
    ) -> None:
        from transformers import AutoTokenizer

        model, processor = self.classes()
        self._device, self._dtype = torch.device(device), getattr(torch, dtype)
        self._model = load_model(model, folder).eval().requires_grad_(False)
        self._measure(self._model.config)
        for part in self._tower():
            part.to(self._dtype)
        self._model.to(self._device)
        self._tokenizer = load_part(AutoTokenizer, folder)
        self._processor = load_part(processor, folder)
        self._scaler = Pixels(self._processor, self.image_size)
        if compile:
            self._vision = torch.compile(self._vision)  # type: ignore[method-assign]
            self._fused = torch.compile(self._fused)  # type: ignore[method-assign]

    @staticmethod
    @abstractmethod
    def classes() -> tuple[Any, Any]:
        """The classes of the model and of its image processor in ``transformers``."""

    @property
    def text_scale(self) -> float | None:
        """What the model multiplies the cosine of picture and sentence by; None where features and
        `text_embedding` share no space."""
        return None

    @abstractmethod
    def _measure(self, config: Any) -> None:
        """Sets D, D_text, image_size, max_text_tokens, and Q where it is not 1."""

    @abstractmethod
    def _tower(self) -> list[nn.Module]:
        """The modules that ``_vision`` runs through."""

    @abstractmethod
    def _vision(self, pixels: Tensor) -> Tensor:
        """Vision tokens (n, ...) of normalised pictures (n, 3, s, s)."""

    @abstractmethod
    def _fused(self, vision_tokens: Tensor, text: Text) -> Tensor:
        """Query tokens (n, Q, D) of pictures, conditioned on the reference where the model can."""

    @abstractmethod
    def _embed_text(self, token_ids: Tensor) -> Tensor:
        """Pooled embedding (1, D_text) of token ids (1, tokens)."""

    def _token_ids(self, reference: str) -> list[int]:
        """Tokens of a reference, special ones included, however many."""
        return self._tokenizer(reference, split_special_tokens=True)["input_ids"]

    def resized(self, images: np.ndarray) -> np.ndarray:
        """Pictures scaled to the vision tower's square, uint8 (n, s, s, 3).

        ``vision`` gives the same for the result as for the pictures, so this may run ahead of it.

        Raises:
            RhasError: not uint8 (n, height, width, 3).
        """
        self.check_images(images)
        return self._scaler.resized(images)

    def check_images(self, images: np.ndarray) -> None:
        """Raises RhasError unless the pictures are uint8 (n, height, width, 3)."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise RhasError(
                "pictures have a wrong shape or type",
                where=f"encoder {self.name}",
                expected="uint8 (n, height, width, 3)",
                got=f"{images.dtype} {images.shape}",
            )

    def pixels(self, images: np.ndarray) -> Tensor:
        """What the vision tower is given for RGB pictures: (n, 3, s, s) on the encoder's device.

        Raises:
            RhasError: not uint8 (n, height, width, 3).
        """
        return self._scaler.normalised(self.resized(images), self._device).to(self._dtype)

    @torch.inference_mode()
    def vision(self, images: np.ndarray) -> Tensor:
        """Vision tokens of RGB images, the input of ``fuse``.

        Args:
            images: uint8 (n, height, width, 3), any size.

        Returns:
            Tensor whose first dimension is n.

        Raises:
            RhasError: not uint8 (n, height, width, 3).
        """
        return self._vision(self.pixels(images))

    @torch.inference_mode()
    def query_tokens(self, vision_tokens: Tensor, text: Text) -> np.ndarray:
        """Query tokens of the pictures, conditioned on the reference, float32 (n, Q, D)."""
        return self._fused(vision_tokens, text).float().cpu().numpy()

    @torch.inference_mode()
    def fuse(self, vision_tokens: Tensor, text: Text) -> np.ndarray:
        """Features, the mean of the query tokens, float32 (n, D)."""
        return self._fused(vision_tokens, text).float().mean(dim=1).cpu().numpy()

    @torch.inference_mode()
    def encode_text(self, references: Sequence[str]) -> list[Text]:
        """Each reference alone, so that none depends on the others' length.

        Words that look like special tokens ("[SEP]") are words. Of a reference that is too long
        the first tokens and the last special one are kept.
        """
        texts = []
        for reference in references:
            ids = self._token_ids(reference)
            dropped = max(0, len(ids) - self.max_text_tokens)
            kept = [*ids[: self.max_text_tokens - 1], ids[-1]] if dropped else ids
            token_ids = torch.tensor([kept], device=self._device)
            embedding = self._embed_text(token_ids)[0].float().cpu().numpy()
            texts.append(Text(reference, token_ids, embedding, dropped))
        return texts

    def text_embedding(self, reference: str) -> np.ndarray:
        """Pooled embedding of a reference, float32 (D_text,)."""
        return self.encode_text([reference])[0].embedding
