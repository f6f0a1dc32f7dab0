"""GroundingDINO of transformers; MM-GroundingDINO and LLMDet load through the same Auto class."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForZeroShotObjectDetection,
    AutoProcessor,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.utils import logging

from rhas.base.errors import RhasError
from rhas.ground.model import ModelGrounder, SharedText, check_weights
from rhas.ground.policies import Policy


@lru_cache(maxsize=2)
def load(checkpoint: str) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Model and processor of a local folder, or of a hub name that is on this machine already.

    Nothing is downloaded and no code of the checkpoint runs.

    Raises:
        RhasError: no such checkpoint here, or its weights do not fit its configuration.
    """
    folder = Path(checkpoint)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise RhasError(
            "no grounding checkpoint",
            where=checkpoint,
            expected="config.json, the weights, the processor's and the tokenizer's files",
            got=", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "an empty folder",
            do="give the folder that save_pretrained wrote, or use `backend: official` for a .pth",
        )
    try:
        with _quiet():
            processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=True)
            model, found = AutoModelForZeroShotObjectDetection.from_pretrained(
                checkpoint, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise RhasError(
            "the grounding checkpoint cannot be loaded",
            where=checkpoint,
            expected="a folder written by save_pretrained, or a hub name already downloaded",
            got=f"{type(error).__name__}: {error}".splitlines()[0],
            do=f"check ground.checkpoint; a hub model: `hf download {checkpoint}` first",
        ) from error
    check_weights(checkpoint, found["missing_keys"], found["unexpected_keys"])
    model.eval()
    model.model.text_backbone = SharedText(model.model.text_backbone)
    return model, processor


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' loading bar and report (errors say what it would), and without its
    advice on head sizes for a CUDA kernel that is not used here."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You'd better set embed_dim", UserWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


class TransformersGrounder(ModelGrounder):
    """See `rhas.ground.model.ModelGrounder`; ``checkpoint`` as for `load`."""

    def __init__(self, checkpoint: str, policy: Policy, top_k: int, min_score: float) -> None:
        self._model, processor = load(checkpoint)
        self._images = processor.image_processor
        config = self._model.config
        limit = min(config.max_text_len, config.text_config.max_position_embeddings)
        super().__init__(processor.tokenizer, limit, policy, top_k, min_score)

    def pixels(self, frames: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """See `rhas.ground.model.ModelGrounder.pixels`."""
        return image_batch(self._images, frames)

    def detect(self, pixels: Tensor, mask: Tensor, text: str) -> tuple[Tensor, Tensor]:
        """See `rhas.ground.model.ModelGrounder.detect`."""
        tokens = self.tokenizer([text] * len(pixels), return_tensors="pt")
        out = self._model(
            pixel_values=pixels,
            pixel_mask=mask,
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
        return out.logits, out.pred_boxes


def image_batch(processor: object, frames: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Frames through an image processor of transformers: pixels (B, 3, h, w), mask (B, h, w)."""
    made = processor(  # type: ignore[operator]
        images=[f.copy() for f in frames], input_data_format="channels_last", return_tensors="pt"
    )
    return made["pixel_values"], made["pixel_mask"]
