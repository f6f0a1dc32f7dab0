"""The streams of query tokens out of a batch.

B rows, L frames, N pooled frames, Q query tokens, D features.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rhas.base.batch import TOKENS_KEYS, Batch, StreamName
from rhas.base.errors import RhasError
from rhas.methods.layers.features import (
    StreamReader,
    centre_features,
    count_used,
    find_existing,
)


@dataclass(frozen=True)
class PooledTokens:
    """Query tokens at the model's rate.

    Args:
        streams: (B, N, Q, D) of each stream, 0 where it does not exist.
        exists: (B, N) bool of each stream, a pooled frame with a frame where it exists.
        mask: (B, N) bool, a pooled frame with a real frame.
        text: (B, D_text).
    """

    streams: tuple[Tensor, ...]
    exists: tuple[Tensor, ...]
    mask: Tensor
    text: Tensor


class TokenReader(StreamReader):
    """Query tokens averaged over the pooled frames, with one mean and spread per channel."""

    def forward(self, batch: Batch) -> PooledTokens:
        mask = self.pool_mask(batch["mask"])
        length = count_used(mask)
        streams, exists = [], []
        for row, name in enumerate(self.names):
            tokens, real = _get_tokens(batch, name), find_existing(name, batch)
            x = self.pool(tokens.flatten(2).float(), real)[:, :length]
            here = self.pool_mask(real)[:, :length]
            x = (x.unflatten(2, tokens.shape[2:]) - self.mean[row]) / self.spread[row]
            if self.centre:
                x = centre_features(x.flatten(2), here).unflatten(2, tokens.shape[2:])
            streams.append(x * here[..., None, None])  # (B, N, Q, D)
            exists.append(here)
        return PooledTokens(tuple(streams), tuple(exists), mask[:, :length], batch["text"])

    def select_frames(self, sample: Batch, name: StreamName) -> Tensor:
        """All tokens (n·Q, D) of a sample's frames in which the stream exists."""
        return _get_tokens(sample, name)[find_existing(name, sample)].flatten(0, 1)


def _get_tokens(batch: Batch, name: StreamName) -> Tensor:
    key = TOKENS_KEYS[name]
    if key not in batch:
        raise RhasError(
            "the method reads query tokens, and the samples have none",
            where=f"method refatomnet, {key}",
            do="extract with `extract.keep_tokens: true`, and give the tokens to `make_sample`",
        )
    return batch[key]
