"""GroundingDINO checkpoints from the authors' format to that of transformers, and back.

    python -m rhas.ground.convert SOURCE TARGET

SOURCE is a folder of either format (see `rhas.ground.official` and `rhas.ground.huggingface`);
TARGET, which must not exist, gets the other one. Swin backbones of the published sizes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    PreTrainedTokenizerBase,
    SwinConfig,
)

from rhas.base.errors import RhasError
from rhas.ground import huggingface, official
from rhas.ground.names import official_name
from rhas.ground.official import ConfigValues

# The published configs; what converts is a change of the upper block.
_PUBLISHED: ConfigValues = {
    "backbone": "swin_T_224_1k", "enc_layers": 6, "dec_layers": 6, "dim_feedforward": 2048,
    "hidden_dim": 256, "nheads": 8, "num_queries": 900, "num_feature_levels": 4,
    "enc_n_points": 4, "dec_n_points": 4, "text_encoder_type": "bert-base-uncased",
    # the same in every checkpoint
    "batch_size": 1, "modelname": "groundingdino", "position_embedding": "sine",
    "pe_temperatureH": 20, "pe_temperatureW": 20, "return_interm_indices": [1, 2, 3],
    "backbone_freeze_keywords": None, "pre_norm": False, "dropout": 0.0, "query_dim": 4,
    "num_patterns": 0, "two_stage_type": "standard", "two_stage_bbox_embed_share": False,
    "two_stage_class_embed_share": False, "transformer_activation": "relu",
    "dec_pred_bbox_embed_share": True, "dn_box_noise_scale": 1.0, "dn_label_noise_ratio": 0.5,
    "dn_label_coef": 1.0, "dn_bbox_coef": 1.0, "embed_init_tgt": True, "dn_labelbook_size": 2000,
    "max_text_len": 256, "use_text_enhancer": True, "use_fusion_layer": True,
    "use_checkpoint": True, "use_transformer_ckpt": True, "use_text_cross_attention": True,
    "text_dropout": 0.0, "fusion_dropout": 0.0, "fusion_droppath": 0.1,
    "sub_sentence_present": True,
}  # fmt: skip
_FREE = list(_PUBLISHED)[: list(_PUBLISHED).index("batch_size")]
_IDLE = {"batch_size", "use_checkpoint", "use_transformer_ckpt", "backbone_freeze_keywords"} | {
    name for name in _PUBLISHED if name.startswith("dn_") or "drop" in name
}  # of training alone

_FIELDS = {  # official: transformers
    "enc_layers": ["encoder_layers"], "dec_layers": ["decoder_layers"],
    "dim_feedforward": ["encoder_ffn_dim", "decoder_ffn_dim"], "hidden_dim": ["d_model"],
    "nheads": ["encoder_attention_heads", "decoder_attention_heads"],
    "num_queries": ["num_queries"], "num_feature_levels": ["num_feature_levels"],
    "enc_n_points": ["encoder_n_points"], "dec_n_points": ["decoder_n_points"],
}  # fmt: skip
_FIXED: ConfigValues = {
    "two_stage": True, "embedding_init_target": True, "query_dim": 4, "max_text_len": 256,
    "decoder_bbox_embed_share": True, "two_stage_bbox_embed_share": False,
    "position_embedding_type": "sine", "positional_embedding_temperature": 20,
    "activation_function": "relu",
}  # fmt: skip

_SWIN = {
    "swin_T_224_1k": (224, 96, [2, 2, 6, 2], [3, 6, 12, 24], 7),
    "swin_B_384_22k": (384, 128, [2, 2, 18, 2], [4, 8, 16, 32], 12),
    "swin_L_384_22k": (384, 192, [2, 2, 18, 2], [6, 12, 24, 48], 12),
}
_SWIN_FIELDS = ("image_size", "embed_dim", "depths", "num_heads", "window_size")


def swin_config(backbone: str) -> SwinConfig:
    """The configuration of a backbone that the authors' code names so.

    Raises:
        RhasError: not one of the published ones.
    """
    if backbone not in _SWIN:
        raise _no_counterpart("backbone", " or ".join(_SWIN), backbone)
    sizes: ConfigValues = dict(zip(_SWIN_FIELDS, _SWIN[backbone], strict=True))
    return SwinConfig(**sizes, out_indices=[2, 3, 4])  # type: ignore[call-arg]


def to_transformers_config(values: ConfigValues, text: BertConfig) -> GroundingDinoConfig:
    """The configuration of transformers for an official config and its text encoder's.

    Raises:
        RhasError: a backbone or a value that transformers' class has no counterpart of.
    """
    for name, published in _PUBLISHED.items():
        if name not in _FREE and name not in _IDLE and values.get(name) != published:
            raise _no_counterpart(name, published, values.get(name))
    free: ConfigValues = {other: values[own] for own, others in _FIELDS.items() for other in others}
    return GroundingDinoConfig(
        backbone_config=swin_config(values["backbone"]),
        text_config=text, **free, **_FIXED,
    )  # fmt: skip


def to_official_config(config: Any) -> ConfigValues:
    """The official config of a `GroundingDinoConfig`.

    Raises:
        RhasError: a backbone or a value that the authors' code has no counterpart of.
    """
    for name, value in _FIXED.items():
        if getattr(config, name) != value:
            raise _no_counterpart(name, value, getattr(config, name))
    backbone = config.backbone_config
    own = tuple(_to_plain(getattr(backbone, name, None)) for name in _SWIN_FIELDS)
    names = [name for name, sizes in _SWIN.items() if sizes == own]
    if not names or list(backbone.out_indices) != [2, 3, 4]:
        raise _no_counterpart("backbone_config", " or ".join(_SWIN), own)
    free: ConfigValues = {"backbone": names[0]}
    for name, others in _FIELDS.items():
        found = {getattr(config, other) for other in others}
        if len(found) > 1:
            raise _no_counterpart(" and ".join(others), "the same value", sorted(found))
        free[name] = found.pop()
    return _PUBLISHED | free


def to_official_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of transformers' class under the names of the authors' code."""
    found = {
        name: state[parts[0]] if len(parts) == 1 else torch.cat([state[p] for p in parts])
        for name, parts in _plan_names(state).items()
    }
    for name in [n for n in found if n.endswith("relative_position_bias_table")]:
        index = name.replace("bias_table", "index")
        found[index] = _relative_positions(len(found[name]))
    width = state["model.text_backbone.embeddings.LayerNorm.weight"].numel()
    found["bert.pooler.dense.weight"] = torch.zeros(width, width)  # never asked for
    found["bert.pooler.dense.bias"] = torch.zeros(width)
    return found


def to_transformers_weights(state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The weights of the authors' code under ``names``, those of transformers' class."""
    found: dict[str, Tensor] = {}
    for name, parts in _plan_names(names).items():
        found |= dict(zip(parts, state[name].chunk(len(parts)), strict=True))
    return found


def _plan_names(names: Iterable[str]) -> dict[str, list[str]]:
    """By official name, the names of transformers that make it: one, or query, key and value."""
    plan: dict[str, dict[str, str]] = {}
    for name in names:
        found = official_name(name)
        if found is not None:
            plan.setdefault(found[0], {})[found[1]] = name
    return {name: [parts[p] for p in ("", "q", "k", "v") if p in parts]
            for name, parts in plan.items()}  # fmt: skip


def _relative_positions(table: int) -> Tensor:
    """Swin's index into its table of biases, for each pair of places in a window."""
    window = (math.isqrt(table) + 1) // 2
    place = torch.arange(window * window)
    row, column = place // window, place % window
    down = row[:, None] - row[None] + window - 1
    right = column[:, None] - column[None] + window - 1
    return down * (2 * window - 1) + right


def write_official(
    folder: Path,
    model: GroundingDinoForObjectDetection,
    tokenizer: PreTrainedTokenizerBase,
    images: Any,
) -> None:
    """``model.pth``, ``config.py``, the text encoder's files and the image processor's."""
    values = to_official_config(model.config)
    text = folder / values["text_encoder_type"]
    text.mkdir(parents=True)
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    (folder / "config.py").write_text("\n".join(lines) + "\n", "utf-8")
    text_config: Any = model.config.text_config
    text_config.save_pretrained(text)
    tokenizer.save_pretrained(text)
    images.save_pretrained(folder)
    torch.save({"model": to_official_weights(model.state_dict())}, folder / "model.pth")


def convert_checkpoint(source: Path, target: Path) -> None:
    """Writes ``target``, the checkpoint ``source`` in the other format.

    Raises:
        RhasError: ``source`` is no checkpoint, or has no counterpart; ``target`` exists.
    """
    if target.exists():
        raise RhasError("the target exists", where=str(target), do="name a new folder")
    if (source / "config.json").is_file():
        read = huggingface.read_checkpoint(str(source))
        if type(read.model) is not GroundingDinoForObjectDetection:
            raise _no_counterpart(
                "the model", "GroundingDinoForObjectDetection", type(read.model).__name__
            )
        write_official(target, read.model, read.processor.tokenizer, read.processor.image_processor)
        return
    model, images, _, values = official.read_checkpoint(str(source))
    made = GroundingDinoForObjectDetection(to_transformers_config(values, model.bert.config))
    state = to_transformers_weights(model.state_dict(), made.state_dict())
    made.load_state_dict(state, strict=False)  # a norm of Swin's that nothing reads
    made.save_pretrained(target)
    GroundingDinoProcessor(images, model.tokenizer).save_pretrained(target)


def _to_plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _no_counterpart(what: str, expected: Any, got: Any) -> RhasError:
    return RhasError(
        "a checkpoint without a counterpart in the other format",
        where=what, expected=str(expected), got=str(got),
        do="use it as it is: ground.backend names the format",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    convert_checkpoint(options.source, options.target)


if __name__ == "__main__":
    from rhas.base.program import run_script

    run_script(main)
