"""What both implementations of GroundingDINO share: prompts, scores, candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rhas.base.errors import RhasError
from rhas.ground.candidates import Candidates, best_candidates
from rhas.ground.policies import Policy, reference_scores
from rhas.ground.prompts import Prompt, pack


class ModelGrounder(ABC):
    """GroundingDINO over all references at once; a subclass runs one of the implementations.

    Args:
        tokenizer: the model's own.
        token_limit: the most tokens of a prompt.
        policy: see `rhas.ground.policies`.
        top_k: candidates per frame and reference at most.
        min_score: candidates below it are dropped.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        token_limit: int,
        policy: Policy,
        top_k: int,
        min_score: float,
    ) -> None:
        self.tokenizer = tokenizer
        self.token_limit = token_limit
        self.policy: Policy = policy
        self.top_k = top_k
        self.min_score = min_score

    def prompts(self, references: Sequence[str]) -> tuple[list[Prompt], dict[int, str]]:
        """The prompts these references make, and what was kept of those too long."""
        return pack(references, self.tokenizer, self.token_limit)

    @torch.inference_mode()
    def boxes(
        self, frames: Sequence[np.ndarray], references: Sequence[str]
    ) -> list[list[Candidates]]:
        """See `rhas.ground.candidates.Grounder`."""
        found = [[Candidates.none()] * len(references) for _ in frames]
        if not frames or not references:
            return found
        pixels, mask = self.pixels(frames)
        for prompt in self.prompts(references)[0]:
            logits, boxes = self.detect(pixels, mask, prompt.text)
            scores = reference_scores(logits, prompt.spans, self.policy).cpu().numpy()
            fractions = boxes.float().cpu().numpy()
            for row, frame in zip(range(len(frames)), frames, strict=True):
                height, width = frame.shape[:2]
                for column, reference in enumerate(prompt.references):
                    found[row][reference] = best_candidates(
                        fractions[row], scores[row, :, column], width, height,
                        self.top_k, self.min_score,
                    )  # fmt: skip
        return found

    @abstractmethod
    def pixels(self, frames: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Frames as the model wants them: float (B, 3, h, w) normalised, and a mask (B, h, w), 1 on
        real pixels, 0 on padding (right and bottom, where frames differ in size)."""

    @abstractmethod
    def detect(self, pixels: Tensor, mask: Tensor, text: str) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) of boxes and tokens; boxes (B, Q, 4): centre x, centre y, width, height
        in fractions of the frame without its padding."""


class SharedText(nn.Module):
    """Runs a text encoder once for a batch whose rows hold the same prompt."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        position_ids: Tensor,
        return_dict: bool = True,
    ) -> TextOutput:
        """Hidden states of (B, T) token ids; ``attention_mask`` bool (B, T, T) or (B, 1, T, T),
        True: may see."""
        mask = attention_mask[:1]
        hidden = self.encoder(
            input_ids=input_ids[:1],
            attention_mask=mask if mask.dim() == 4 else mask[:, None],
            token_type_ids=token_type_ids[:1],
            position_ids=position_ids[:1],
        ).last_hidden_state
        return TextOutput(hidden.expand(len(input_ids), -1, -1))


class TextOutput(dict[str, Tensor]):
    """Both implementations' ways of asking for the hidden states (B, T, width)."""

    def __init__(self, last_hidden_state: Tensor) -> None:
        super().__init__(last_hidden_state=last_hidden_state)
        self.last_hidden_state = last_hidden_state


def check_weights(where: Path | str, missing: Sequence[str], unexpected: Sequence[str]) -> None:
    """Raises RhasError unless a checkpoint fits its model exactly."""
    if missing or unexpected:
        raise RhasError(
            "the checkpoint does not fit its configuration",
            where=str(where),
            expected="a weight for every parameter, and no other",
            got=f"missing: {_few(missing)}; unexpected: {_few(unexpected)}",
            do="give the configuration that belongs to this checkpoint, or download it again",
        )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:5]) or "none"
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
