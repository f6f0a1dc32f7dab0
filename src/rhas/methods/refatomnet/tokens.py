"""The streams of query tokens out of a batch.

B rows, L frames, N steps, Q query tokens, D features.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from rhas.methods import Batch
from rhas.methods.layers.inputs import Steps, Stream, centred, exists


@dataclass(frozen=True)
class TokenSteps(Steps):
    """``x`` is the first stream's.

    Args:
        streams: (B, N, Q, D) of each stream, 0 where it does not exist.
        there: (B, N) bool of each stream, a step with a frame where it exists.
        text: (B, D_text).
    """

    streams: tuple[Tensor, ...]
    there: tuple[Tensor, ...]
    text: Tensor


class TokenStream(Stream):
    """Query tokens averaged over each step's frames, with one mean and spread per channel."""

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Mean and spread per channel, over all tokens of the frames where the stream exists."""
        super().adapt(self._flat(sample) for sample in samples)

    def forward(self, batch: Batch) -> TokenSteps:
        mask, reach = self.steps(batch["mask"])
        streams, there = [], []
        for row, name in enumerate(self.names):
            tokens, real = batch[f"{name}_tokens"], exists(name, batch)
            x = self.pooled(tokens.flatten(2).float(), real)[:, :reach]
            here = self.steps(real)[0][:, :reach]
            x = (x.unflatten(2, tokens.shape[2:]) - self.mean[row]) / self.spread[row]
            if self.centre:
                x = centred(x.flatten(2), here).unflatten(2, tokens.shape[2:])
            streams.append(x * here[..., None, None])  # (B, N, Q, D)
            there.append(here)
        return TokenSteps(streams[0], mask[:, :reach], tuple(streams), tuple(there), batch["text"])

    def _flat(self, sample: Batch) -> Batch:
        """A sample (L, ...) as if each of its tokens were a frame."""
        count = sample[f"{self.names[0]}_tokens"].shape[1]
        flat = {name: sample[f"{name}_tokens"].flatten(0, 1) for name in self.names}
        times = {key: sample[key].repeat_interleave(count) for key in ("mask", "present")}
        return {**flat, **times}
