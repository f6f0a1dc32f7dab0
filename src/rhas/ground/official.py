"""GroundingDINO as its authors published it: ``groundingdino-py``, a ``.pth`` and a config ``.py``.

The package's text wrapper calls methods that BertModel no longer has; `SharedText` takes its place.
"""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    GroundingDinoImageProcessor,
    PreTrainedTokenizerBase,
)

from rhas.base.checkpoints import check_weights_fit, hash_checkpoint
from rhas.base.devices import check_device
from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.base.pretrained import load_pretrained_part
from rhas.config.ground import GroundConfig
from rhas.ground.faster import quick_deformable_attention, quicken_official
from rhas.ground.huggingface import image_batch
from rhas.ground.model import Execution, ModelGrounder
from rhas.ground.shared import SharedText, SharedVision

ConfigValues = dict[str, Any]
"""A published config: numbers, texts, truth values and lists by name."""

_FILES = ("*.pth", "*.py", "preprocessor_config.json", "*/*.json", "*/vocab.txt")

# Training's label encoder, and a buffer of older versions of BertModel.
_SUPERFLUOUS = {"label_enc.weight", "bert.embeddings.position_ids"}


def read_config(path: Path) -> ConfigValues:
    """The assignments of a config file, read without running it.

    Raises:
        RhasError: the file holds anything but ``name = literal`` and a docstring.
    """
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError) as error:
        raise RhasError(
            "the config is not Python", where=str(path), got=str(error),
            do="download it again",
        ) from error  # fmt: skip
    values: ConfigValues = {}
    for node in tree.body:
        try:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                raise ValueError(type(node).__name__)
            target = node.targets[0]
            if not isinstance(target, ast.Name):
                raise ValueError(type(target).__name__)
            values[target.id] = ast.literal_eval(node.value)
        except ValueError as error:
            raise RhasError(
                "a GroundingDINO config may only assign plain values; it is not run",
                where=f"{path}:{node.lineno}",
                expected="name = literal",
                got=ast.unparse(node).splitlines()[0][:80],
                do="write the value out",
            ) from error
    return values


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a published ``.pth`` by name, read with ``weights_only``: no code of it runs.

    Raises:
        RhasError: anything but ``{"model": tensors by name}``.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model"]
        return {name.removeprefix("module."): value for name, value in state.items()}
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise RhasError(
            "the checkpoint cannot be read",
            where=str(path),
            expected='{"model": tensors by name} and nothing that needs code to load',
            got=f"{type(error).__name__}: {error}".splitlines()[0][:200],
            do="download it again, from those who published it",
        ) from error


@contextlib.contextmanager
def _adapt_groundingdino(text_encoder: str, hub_name: str) -> Iterator[None]:
    """Makes groundingdino build its text encoder from a local configuration, without weights (the
    checkpoint has them), without its own wrapper, and silently."""
    from groundingdino.models.GroundingDINO import groundingdino as module
    from groundingdino.util import get_tokenlizer

    def load_part(cls: Any) -> Any:
        return load_pretrained_part(
            cls,
            text_encoder,
            "the text encoder's configuration or tokenizer is not here",
            f"copy config.json and the tokenizer's files there, or `hf download {hub_name}`",
        )

    def tokenizer(_: str) -> PreTrainedTokenizerBase:
        return load_part(AutoTokenizer)

    def language_model(_: str) -> BertModel:
        return BertModel(load_part(BertConfig))

    def unwrapped(bert_model: BertModel) -> BertModel:
        return bert_model

    replaced = [
        (module, "BertModelWarper", unwrapped),
        (get_tokenlizer, "get_tokenlizer", tokenizer),
        (get_tokenlizer, "get_pretrained_language_model", language_model),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    try:
        for owner, name, value in replaced:
            setattr(owner, name, value)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


class OfficialModel(NamedTuple):
    """A model and what belongs to it, as its library reads a checkpoint."""

    model: Any
    images: GroundingDinoImageProcessor
    content: str
    """Hash of the files."""
    values: ConfigValues
    """The config."""


def read_checkpoint(checkpoint: str) -> OfficialModel:
    """Model and image processor of a folder with one ``.pth`` and one config ``.py``.

    The text encoder's ``config.json`` and tokenizer lie in a folder beside them, named as the
    config's ``text_encoder_type`` (``bert-base-uncased``), or are in the hub's cache on this
    machine. A ``preprocessor_config.json`` replaces the published image size (shorter side 800,
    longer at most 1333). The ``.pth`` is read with ``weights_only``, the config is parsed, not run.

    Raises:
        RhasError: something is absent, or the weights do not fit the configuration.
    """
    folder = Path(checkpoint)
    weights, configs = sorted(folder.glob("*.pth")), sorted(folder.glob("*.py"))
    if len(weights) != 1 or len(configs) != 1:
        raise RhasError(
            "no official grounding checkpoint",
            where=checkpoint,
            expected="a folder with one .pth and its config .py",
            got=f"{len(weights)} .pth and {len(configs)} .py",
            do="put groundingdino_swint_ogc.pth and GroundingDINO_SwinT_OGC.py into one folder and "
            "set ground.checkpoint to it; or use `backend: transformers`",
        )
    state = read_weights(weights[0])
    values = read_config(configs[0])
    values |= {"use_checkpoint": False, "use_transformer_ckpt": False}  # training only
    if not str(values.get("backbone")).startswith("swin_"):
        raise RhasError(
            "an image backbone that is not Swin",  # the package downloads weights for a ResNet
            where=str(configs[0]),
            expected="swin_T_224_1k or swin_B_384_22k, as published",
            got=str(values.get("backbone")),
            do="use the config that was published with the checkpoint",
        )
    encoder = str(values.get("text_encoder_type", "bert-base-uncased"))
    local = folder / encoder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no compiled extension: its plain path is used
        with optional_import("official"):
            from groundingdino.models import build_model

        try:
            with _adapt_groundingdino(str(local) if local.is_dir() else encoder, encoder):
                model = build_model(SimpleNamespace(**values))
        except (AttributeError, AssertionError, KeyError, NotImplementedError) as error:
            raise RhasError(
                "the config does not describe a GroundingDINO",
                where=str(configs[0]),
                got=f"{type(error).__name__}: {error}",
                do="use the config that was published with the checkpoint",
            ) from error
    state = {name: value for name, value in state.items() if name not in _SUPERFLUOUS}
    check_weights_fit(
        weights[0],
        {name: value.shape for name, value in model.state_dict().items()},
        {name: value.shape for name, value in state.items()},
    )
    model.load_state_dict(state)
    if (folder / "preprocessor_config.json").is_file():
        images = load_pretrained_part(
            GroundingDinoImageProcessor,
            folder,
            "preprocessor_config.json cannot be read",
            "remove it for the published image size",
        )
    else:
        images = GroundingDinoImageProcessor()
    return OfficialModel(model.eval(), images, hash_checkpoint(folder, _FILES), values)


@lru_cache(maxsize=2)
def load_checkpoint(checkpoint: str, execution: Execution) -> OfficialModel:
    """`read_checkpoint`, on its device and with its shared parts; kept for the next film."""
    check_device(execution.device, "ground.device")
    found = read_checkpoint(checkpoint)
    model = found.model.to(execution.device)
    quicken_official(model)
    model.bert = SharedText(model.bert)
    model.backbone[0] = SharedVision(model.backbone[0], execution.compile)
    return found


class OfficialGrounder(ModelGrounder):
    """See `rhas.ground.model.ModelGrounder`; ``checkpoint`` as for `read_checkpoint`."""

    def __init__(self, checkpoint: str, config: GroundConfig) -> None:
        self._model, self._images, content, _ = load_checkpoint(
            checkpoint, Execution.from_config(config)
        )
        positions = self._model.bert.encoder.config.max_position_embeddings
        super().__init__(
            self._model.tokenizer,
            min(self._model.max_text_len, positions),
            self._model.backbone[0],
            content,
            config,
        )

    def prepare_images(self, frames: Sequence[np.ndarray]) -> Any:
        """A NestedTensor; see `rhas.ground.huggingface.image_batch`."""
        from groundingdino.util.misc import NestedTensor

        pixels, mask = image_batch(self._images, frames, self.execution.device)
        return NestedTensor(pixels, mask == 0)

    def detect(self, picture: Any, text: str) -> tuple[Tensor, Tensor]:
        """See `rhas.ground.model.ModelGrounder.detect`."""
        with warnings.catch_warnings(), quick_deformable_attention():
            warnings.simplefilter("ignore", FutureWarning)  # torch.cuda.amp.autocast
            warnings.simplefilter("ignore", UserWarning)  # ... without CUDA
            out = self._model(picture, captions=[text] * len(picture.tensors))
        return out["pred_logits"], out["pred_boxes"]
