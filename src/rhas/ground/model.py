"""What both implementations of GroundingDINO share: prompts, scores, candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rhas.config.ground import GroundConfig
from rhas.config.section import Device, Dtype
from rhas.ground.candidates import Candidates, best_candidates
from rhas.ground.policies import reference_scores
from rhas.ground.prompts import Prompt, Prompts, make_prompts
from rhas.ground.rivals import weigh_rival
from rhas.ground.shared import SharedVision


@dataclass(frozen=True)
class Execution:
    """How a model runs; see `rhas.config.ground.GroundConfig`."""

    device: Device = "cpu"
    dtype: Dtype = "float32"
    compile: bool = False

    @staticmethod
    def from_config(config: GroundConfig) -> Execution:
        """Of a configuration; those that differ in other fields share a loaded model."""
        return Execution(config.device, config.dtype, config.compile)

    @contextmanager
    def use_precision(self) -> Iterator[None]:
        """Matrix products in the chosen precision."""
        half = self.dtype != "float32"
        with torch.autocast(self.device, getattr(torch, self.dtype) if half else None, half):
            yield


class ModelGrounder(ABC):
    """GroundingDINO over all references of a film; a subclass runs one of the implementations.

    Args:
        tokenizer: the model's own.
        token_limit: the most tokens of a prompt.
        vision: the model's image backbone.
        content: hash of the checkpoint's files.
        config: prompting, policy, the limits of candidates, and how the model runs.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        token_limit: int,
        vision: SharedVision,
        content: str,
        config: GroundConfig,
    ) -> None:
        self.tokenizer = tokenizer
        self.token_limit = token_limit
        self.vision = vision
        self.content = content
        self.config = config
        self.execution = Execution.from_config(config)

    def make_prompts(self, references: Sequence[str]) -> Prompts:
        """The prompts these references make, and what became of the references."""
        return make_prompts(references, self.tokenizer, self.token_limit, self.config.prompting)

    def make_rival_prompt(self, references: Sequence[str]) -> Prompt | None:
        """The prompt of a film's only reference and ``config.rival``; None where there are more
        references, no rival, one of the same words, or too many tokens for one prompt."""
        if len(references) != 1 or not self.config.rival:
            return None
        phrases = [*references, self.config.rival]
        made = make_prompts(phrases, self.tokenizer, self.token_limit)
        return None if made.same or made.cut or len(made.prompts) > 1 else made.prompts[0]

    def list_prompts(self, references: Sequence[str]) -> list[Prompt]:
        """The prompts that the model is given, with that of a rival."""
        rival = self.make_rival_prompt(references)
        return [rival] if rival else self.make_prompts(references).prompts

    @torch.inference_mode()
    def find_boxes(
        self, frames: Sequence[np.ndarray], references: Sequence[str]
    ) -> list[list[Candidates]]:
        """See `rhas.ground.candidates.Grounder`."""
        found = [[Candidates.make_empty()] * len(references) for _ in frames]
        if not frames or not references:
            return found
        sizes = [frame.shape[:2] for frame in frames]
        try:
            picture = self.prepare_images(frames)
            for prompt in self.list_prompts(references):
                with self.execution.use_precision():
                    logits, boxes = self.detect(picture, prompt.text)
                found_scores = reference_scores(logits, prompt.spans, self.config.policy)
                if len(prompt.references) > len(references):
                    own, rival = found_scores.unbind(-1)
                    found_scores = weigh_rival(own, rival)[..., None]
                scores = found_scores.cpu().numpy()
                fractions = boxes.float().cpu().numpy()
                for row, (height, width) in enumerate(sizes):
                    for column, reference in enumerate(prompt.references[: len(references)]):
                        found[row][reference] = best_candidates(
                            fractions[row], scores[row, :, column], width, height,
                            self.config.top_k, self.config.min_score,
                        )  # fmt: skip
        finally:
            self.vision.clear()
        return found

    @abstractmethod
    def prepare_images(self, frames: Sequence[np.ndarray]) -> object:
        """Frames as the model wants them, resized and normalised, on its device: what `detect`
        takes, once per prompt."""

    @abstractmethod
    def detect(self, picture: object, text: str) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) of boxes and tokens; boxes (B, Q, 4): centre x, centre y, width, height
        in fractions of the frame without its padding."""
