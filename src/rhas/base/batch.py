"""The batch: the contract between data and every method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NotRequired, TypedDict, cast

import torch
from torch import Tensor

StreamName = Literal["holistic", "partial"]
TokensKey = Literal["holistic_tokens", "partial_tokens"]
TOKENS_KEYS: dict[StreamName, TokensKey] = {
    "holistic": "holistic_tokens",
    "partial": "partial_tokens",
}


class Batch(TypedDict):
    """What a method reads: samples of L frames, padded at their end.

    A single sample has the same keys without the dimension B.

    | key | shape | dtype | meaning |
    |---|---|---|---|
    | holistic | (B, L, D) | float32 | features of the whole frame, conditioned on the reference |
    | partial | (B, L, D) | float32 | features of the person's crop, conditioned on the reference; 0 without a crop |
    | present | (B, L) | bool | a crop exists (detected or interpolated) |
    | mask | (B, L) | bool | a real frame, not padding |
    | labels | (B, L, C) | float32 | multi-hot, clamped to 1; not read for scores |
    | boundary | (B, L) | float32 | label-set changes, smoothed over time, in [0, 1]; not read for scores |
    | text | (B, D_text) | float32 | pooled embedding of the reference |
    | holistic_tokens, partial_tokens | (B, L, Q, D) | float16 | query tokens, 0 without a crop; for methods with ``MethodSpec.tokens`` only |
    """  # noqa: E501

    holistic: Tensor
    partial: Tensor
    present: Tensor
    mask: Tensor
    labels: NotRequired[Tensor]
    boundary: NotRequired[Tensor]
    text: Tensor
    holistic_tokens: NotRequired[Tensor]
    partial_tokens: NotRequired[Tensor]


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on ``device``."""
    return cast(Batch, {key: value.to(device) for key, value in iterate_tensors(batch)})


def add_batch_dimension(sample: Batch) -> Batch:
    """A sample as a batch of one."""
    return cast(Batch, {key: value[None] for key, value in iterate_tensors(sample)})


def iterate_tensors(batch: Batch) -> Iterable[tuple[str, Tensor]]:
    """Keys and tensors of a batch or sample."""
    return cast(Mapping[str, Tensor], batch).items()


def select_inputs(batch: Batch) -> Batch:
    """The batch without labels and boundary, which no scores may depend on."""
    inputs = {k: v for k, v in iterate_tensors(batch) if k not in ("labels", "boundary")}
    return cast(Batch, inputs)
