"""The small GroundingDINO, its vocabulary and its folder."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from torch import Tensor, nn

import rhas.base.compat  # noqa: F401  before transformers
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    ResNetConfig,
)

from grounding_training.batches import STRIDES
from rhas.ground.faster import DeformableAttention, TransformersFusion
from rhas.mini.appearance import COLOURS, HAIR_COLOURS

SIZE = {"shortest_edge": 180, "longest_edge": 320}  # that of the frames of `decode`: not resized
TEXT_SCALE = 0.15  # of the last normalisation of tokens
PRIOR = 0.2  # bias of both normalisations before the logits, opposite signs

# Words a reference may use beyond those of RHAS-mini, so that they stay whole tokens.
WORDS = """a an the and with without in on of at to who is are was has his her their its by for from
person people man woman boy girl child kid lady guy gentleman male female adult young old elderly
wearing dressed holding carrying standing near behind front left right middle centre center side
next far tall short medium stout slim fat thin bald long hair haired bun beard bearded moustache
glasses sunglasses coat shirt jumper jacket dress trousers shorts skirt hat cap beanie backpack
shoulder bag sweater hoodie jeans pants suit tie scarf shoes boots striped dotted checked plain
light dark bright red green blue yellow orange purple pink white black brown grey gray blond blonde
beige""".split()  # noqa: SIM905


def list_vocabulary() -> list[str]:
    """Tokens by id. Punctuation, digits and letters keep BERT's ids: the model finds the ends of
    phrases by the fixed ids 101, 102, 1012 and 1029."""
    tokens = ["[PAD]"] + [f"[unused{n}]" for n in range(99)]
    tokens += ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [f"[unused{n}]" for n in range(99, 99 + 999 - len(tokens))]
    printable = [chr(c) for c in range(33, 127) if chr(c) not in string.ascii_uppercase]
    tokens += printable
    alphabet = string.ascii_lowercase + string.digits
    tokens += [f"##{c}" for c in alphabet] + [f"##{s}" for s in ("s", "ed", "ing", "er", "y", "ly")]
    tokens += [*WORDS, *COLOURS, *HAIR_COLOURS]
    return list(dict.fromkeys(tokens))


def make_processor() -> GroundingDinoProcessor:
    """Image processor and tokenizer of the checkpoint."""
    tokens = list_vocabulary()
    assert [tokens.index(t) for t in ("[CLS]", "[SEP]", ".", "?")] == [101, 102, 1012, 1029]
    tokenizer = BertTokenizerFast(
        vocab={t: n for n, t in enumerate(tokens)}, do_lower_case=True, model_max_length=256
    )
    return GroundingDinoProcessor(GroundingDinoImageProcessor(size=SIZE), tokenizer)


def make_model(vocabulary_size: int) -> GroundingDinoForObjectDetection:
    """The small model: a ResNet, levels at strides 8, 16 and 32, width 128."""
    config = GroundingDinoConfig(
        backbone_config=ResNetConfig(
            embedding_size=32, hidden_sizes=[40, 80, 144, 160], depths=[1, 1, 2, 1],
            layer_type="basic", out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=vocabulary_size, hidden_size=64, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=128, max_position_embeddings=256,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        ),
        d_model=128, num_queries=96, num_feature_levels=len(STRIDES),
        encoder_layers=1, decoder_layers=2, encoder_ffn_dim=256, decoder_ffn_dim=256,
        encoder_attention_heads=4, decoder_attention_heads=4,
        dropout=0.0, fusion_droppath=0.0, auxiliary_loss=True,
    )  # fmt: skip
    model = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        model.model.text_projection.weight.mul_(0.1)
        for layer in model.model.encoder.layers:
            layer.text_enhancer_layer.layer_norm_after.weight.fill_(TEXT_SCALE)
            layer.text_enhancer_layer.layer_norm_after.bias.fill_(-PRIOR)
            layer.deformable_layer.self_attn.output_proj.weight.mul_(0.1)
            layer.deformable_layer.fc2.weight.mul_(0.1)
        for layer in model.model.decoder.layers:
            pass_values_on(layer.encoder_attn)
            layer.fc2.weight.mul_(0.1)
        nn.init.eye_(model.model.enc_output.weight)
        model.model.query_position_embeddings.weight.mul_(0.1)
        model.model.enc_output_norm.bias.fill_(PRIOR)
        model.model.decoder.layer_norm.bias.fill_(PRIOR)
    return model.requires_grad_(True)  # transformers freezes a ResNet


def pass_values_on(attention: nn.Module) -> None:
    """Makes a fresh attention pass on what it looks at, as it is: a cell that tells an attribute
    to the backbone's table then tells it to a box from the first step on."""
    nn.init.eye_(attention.value_proj.weight)
    nn.init.eye_(attention.output_proj.weight)


def use_fast_attention(model: GroundingDinoForObjectDetection) -> None:
    """Lets attention run in the forms of `rhas.ground.faster`: a training step in three quarters of
    the time. Weights keep their names."""
    for module in model.modules():
        attention = getattr(module, "attn", None)
        kind = type(attention).__name__
        if kind == "MultiScaleDeformableAttention":
            attention.forward = DeformableAttention().forward
        elif kind.endswith("BiMultiHeadAttention"):
            attention.forward = TransformersFusion(attention).forward


def add_queries(weights: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """Weights of a model with ``count`` queries from those of one with fewer: the new ones start
    as the mean of its last eight, which few boxes have trained to differ."""
    name = "model.query_position_embeddings.weight"
    known = weights[name]
    new = known[-8:].mean(0, keepdim=True).expand(count - len(known), -1)
    return {**weights, name: torch.cat([known, new])}


def save_checkpoint(
    model: GroundingDinoForObjectDetection, weights: dict[str, Tensor],
    processor: GroundingDinoProcessor, folder: Path,
) -> None:  # fmt: skip
    """Writes model, configuration, image processor, tokenizer and vocabulary; weights in half
    precision."""
    copy = GroundingDinoForObjectDetection(model.config)
    copy.load_state_dict(weights)
    copy.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(list_vocabulary()) + "\n", "utf-8")
