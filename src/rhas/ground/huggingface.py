"""GroundingDINO of transformers; MM-GroundingDINO and LLMDet load through the same Auto class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor
from transformers import (
    AutoModelForZeroShotObjectDetection,
    AutoProcessor,
    PreTrainedModel,
    ProcessorMixin,
)

from rhas.base.checkpoints import checkpoint_folder, hash_checkpoint, refuse_weights
from rhas.base.devices import check_device
from rhas.base.errors import RhasError
from rhas.base.pretrained import load_pretrained_model, load_pretrained_part
from rhas.config.ground import GroundConfig
from rhas.config.section import Device
from rhas.ground.faster import quicken_transformers
from rhas.ground.model import Execution, ModelGrounder
from rhas.ground.shared import SharedPlaces, SharedText, SharedVision


class HuggingFaceModel(NamedTuple):
    """A model and what belongs to it, as its library reads a checkpoint."""

    model: PreTrainedModel
    processor: ProcessorMixin
    content: str
    """Hash of the files."""


def read_checkpoint(checkpoint: str) -> HuggingFaceModel:
    """Model and processor of a local folder, or of a hub name that is on this machine already.

    Nothing is downloaded and no code of the checkpoint runs.

    Raises:
        RhasError: no such checkpoint here, or its weights do not fit its configuration.
    """
    folder = checkpoint_folder(checkpoint)
    if not (folder / "config.json").is_file():
        raise RhasError(
            "no grounding checkpoint",
            where=checkpoint,
            expected="config.json, the weights, the processor's and the tokenizer's files",
            got=", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "an empty folder",
            do="give the folder that save_pretrained wrote, or use `backend: official` for a .pth",
        )
    content = hash_checkpoint(folder)  # before loading: files that changed are named
    what, do = "the grounding checkpoint cannot be loaded", "check ground.checkpoint"
    processor = load_pretrained_part(AutoProcessor, folder, what, do)
    loaded = load_pretrained_model(
        AutoModelForZeroShotObjectDetection, folder, what, do, attention=None
    )
    refuse_weights(checkpoint, loaded.missing, loaded.unexpected, loaded.shapes)
    return HuggingFaceModel(loaded.model.eval(), processor, content)


@lru_cache(maxsize=2)
def load_checkpoint(checkpoint: str, execution: Execution) -> HuggingFaceModel:
    """`read_checkpoint`, on its device and with its shared parts; kept for the next film."""
    check_device(execution.device, "ground.device")
    found = read_checkpoint(checkpoint)
    found.model.to(execution.device)  # type: ignore[arg-type]
    quicken_transformers(found.model)
    inner = found.model.model
    inner.text_backbone = SharedText(inner.text_backbone)
    inner.backbone.position_embedding = SharedPlaces(inner.backbone.position_embedding)
    inner.backbone.conv_encoder = SharedVision(inner.backbone.conv_encoder, execution.compile)
    return found


class TransformersGrounder(ModelGrounder):
    """See `rhas.ground.model.ModelGrounder`; ``checkpoint`` as for `read_checkpoint`."""

    def __init__(self, checkpoint: str, config: GroundConfig) -> None:
        self._model, processor, content = load_checkpoint(checkpoint, Execution.from_config(config))
        self._images = processor.image_processor
        limits = self._model.config
        super().__init__(
            processor.tokenizer,
            min(limits.max_text_len, limits.text_config.max_position_embeddings),
            self._model.model.backbone.conv_encoder,
            content,
            config,
        )

    def prepare_images(self, frames: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """See `image_batch`."""
        return image_batch(self._images, frames, self.execution.device)

    def detect(self, picture: Any, text: str) -> tuple[Tensor, Tensor]:
        """See `rhas.ground.model.ModelGrounder.detect`."""
        pixels, mask = picture
        ids = self.tokenizer([text] * len(pixels), return_tensors="pt").input_ids
        out = self._model(
            pixel_values=pixels, pixel_mask=mask, input_ids=ids.to(self.execution.device)
        )
        return out.logits, out.pred_boxes


def image_batch(
    processor: Any, frames: Sequence[np.ndarray], device: Device
) -> tuple[Tensor, Tensor]:
    """Frames through an image processor of transformers: float32 (B, 3, h, w) normalised, and a
    mask (B, h, w), 1 on real pixels, 0 on padding (right and bottom, where frames differ in size).
    """
    made = processor(
        images=[f.copy() for f in frames], input_data_format="channels_last", return_tensors="pt"
    )
    return made["pixel_values"].to(device), made["pixel_mask"].to(device)
