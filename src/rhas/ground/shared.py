"""What several runs of the model share is computed once: a prompt's text, a picture's features, the
encoding of its places.

Each module stands in the place of one inside a model; the first two in either implementation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_PROMPTS_KEPT = 64
_SHAPES_KEPT = 16


class SharedText(nn.Module):
    """Runs a text encoder once per prompt: for all rows of a batch, and for all batches."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._known: dict[tuple[int, ...], Tensor] = {}

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        position_ids: Tensor,
        return_dict: bool = True,
    ) -> TextOutput:
        """Hidden states of (B, T) token ids, all rows the same; ``attention_mask`` bool (B, T, T)
        or (B, 1, T, T), True: may see. Mask and positions follow from the ids."""
        prompt = tuple(input_ids[0].tolist())
        if prompt not in self._known:
            if len(self._known) == _PROMPTS_KEPT:
                self._known.clear()
            mask = attention_mask[:1]
            self._known[prompt] = self.encoder(
                input_ids=input_ids[:1],
                attention_mask=mask if mask.dim() == 4 else mask[:, None],
                token_type_ids=token_type_ids[:1],
                position_ids=position_ids[:1],
            ).last_hidden_state
        return TextOutput(self._known[prompt].expand(len(input_ids), -1, -1))


class TextOutput(dict[str, Tensor]):
    """Hidden states (B, T, width), as an item and as an attribute: the implementations differ."""

    def __init__(self, last_hidden_state: Tensor) -> None:
        super().__init__(last_hidden_state=last_hidden_state)
        self.last_hidden_state = last_hidden_state


class SharedVision(nn.Module):
    """Runs an image backbone once for all prompts over the same pixels, until `clear`.

    The same pixels are the same tensor (transformers) or NestedTensor (groundingdino), not equal
    ones. Callers read the features and change nothing in them.
    """

    def __init__(self, backbone: nn.Module, compiled: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self._run: Any = torch.compile(backbone) if compiled else backbone
        self._pixels: Any = None
        self._features: Any = None

    def forward(self, pixels: Any, *rest: Any) -> Any:
        """Features of the backbone."""
        if pixels is not self._pixels:
            self.clear()
            self._features = self._run(pixels, *rest)
            self._pixels = pixels
        return self._features

    def clear(self) -> None:
        """Drops the last pixels and their features."""
        self._pixels = self._features = None


class SharedPlaces(nn.Module):
    """Encodes the places of feature maps once per mask; the pictures of a film have the same.

    One picture's encoding is kept: a batch's would hold gigabytes at full size.
    """

    def __init__(self, encoding: nn.Module) -> None:
        super().__init__()
        self.encoding = encoding
        self._known: dict[torch.Size, tuple[Tensor, Tensor]] = {}

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B, C, h, w) of the encoding for maps (B, ., h, w) and a mask (B, h, w)."""
        one = mask[:1]
        if not torch.equal(mask, one.expand_as(mask)):
            return self.encoding(features, mask)
        known = self._known.get(one.shape)
        if known is None or not torch.equal(known[0], one):
            if len(self._known) == _SHAPES_KEPT:
                self._known.clear()
            known = self._known[one.shape] = one.clone(), self.encoding(features[:1], one)
        return known[1].expand(len(mask), -1, -1, -1)
