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
from rhas.ground.rivals import RIVAL_POLICY, weigh_rival
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
        (found,) = self.find_each(frames, [references])
        return found

    @torch.inference_mode()
    def find_each(
        self, frames: Sequence[np.ndarray], lists: Sequence[Sequence[str]]
    ) -> list[list[list[Candidates]]]:
        """As `find_boxes` for each of several lists of references, which do not know of each
        other; the image backbone runs once for all of them. By list, frame and reference."""
        found = [[[Candidates.make_empty()] * len(names) for _ in frames] for names in lists]
        if not frames or not any(lists):
            return found
        try:
            picture = self.prepare_images(frames)
            for rows, references in zip(found, lists, strict=True):
                for prompt in self.list_prompts(references):
                    self._detect_prompt(picture, prompt, frames, rows)
        finally:
            self.vision.clear()
        return found

    def _detect_prompt(
        self,
        picture: object,
        prompt: Prompt,
        frames: Sequence[np.ndarray],
        rows: list[list[Candidates]],
    ) -> None:
        """Puts the candidates of a prompt's references into ``rows``, by frame and reference."""
        with self.execution.use_precision():
            logits, boxes = self.detect(picture, prompt.text)
        people = len(rows[0])
        alone = len(prompt.references) > people
        policy = RIVAL_POLICY if alone else self.config.policy
        scores = reference_scores(logits, prompt.spans, policy)
        if alone:
            own, rival = scores.unbind(-1)
            scores = weigh_rival(own, rival)[..., None]
        values, fractions = scores.cpu().numpy(), boxes.float().cpu().numpy()
        for row, frame in enumerate(frames):
            height, width = frame.shape[:2]
            for column, reference in enumerate(prompt.references[:people]):
                rows[row][reference] = best_candidates(
                    fractions[row], values[row, :, column], width, height,
                    self.config.top_k, self.config.min_score,
                )  # fmt: skip

    @abstractmethod
    def prepare_images(self, frames: Sequence[np.ndarray]) -> object:
        """Frames as the model wants them, resized and normalised, on its device: what `detect`
        takes, once per prompt."""

    @abstractmethod
    def detect(self, picture: object, text: str) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) of boxes and tokens; boxes (B, Q, 4): centre x, centre y, width, height
        in fractions of the frame without its padding."""
