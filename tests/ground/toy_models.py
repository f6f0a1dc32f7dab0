"""Small random GroundingDINO models, as folders that both implementations load."""

from __future__ import annotations

from pathlib import Path

import torch
from random_weights import randomise_weights
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SwinConfig,
)

from rhas.ground.convert import to_official_weights

WORDS = [
    "a", "the", "man", "woman", "person", "child", "in", "with", "and", "red", "blue", "green",
    "coat", "shirt", "hat", "bag", "tall", "short", "long", "hair", "beard", "wearing", "carrying",
]  # fmt: skip

OFFICIAL_CONFIG = '''"""As GroundingDINO_SwinT_OGC.py, narrower."""
batch_size = 1
modelname = "groundingdino"
backbone = "swin_T_224_1k"
position_embedding = "sine"
pe_temperatureH = 20
pe_temperatureW = 20
return_interm_indices = [1, 2, 3]
backbone_freeze_keywords = None
enc_layers = 2
dec_layers = 2
pre_norm = False
dim_feedforward = 96
hidden_dim = 256
dropout = 0.0
nheads = 4
num_queries = 30
query_dim = 4
num_patterns = 0
num_feature_levels = 4
enc_n_points = 4
dec_n_points = 4
two_stage_type = "standard"
two_stage_bbox_embed_share = False
two_stage_class_embed_share = False
transformer_activation = "relu"
dec_pred_bbox_embed_share = True
dn_box_noise_scale = 1.0
dn_label_noise_ratio = 0.5
dn_label_coef = 1.0
dn_bbox_coef = 1.0
embed_init_tgt = True
dn_labelbook_size = 2000
max_text_len = 256
text_encoder_type = "bert-base-uncased"
use_text_enhancer = True
use_fusion_layer = True
use_checkpoint = True
use_transformer_ckpt = True
use_text_cross_attention = True
text_dropout = 0.0
fusion_dropout = 0.0
fusion_droppath = 0.1
sub_sentence_present = True
'''


def tokenizer() -> BertTokenizerFast:
    """A few words; special tokens and punctuation have BERT's ids, which transformers fixes."""
    tokens = [f"[unused{n}]" for n in range(1100)]
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    fixed |= {1010: ",", 1011: "-", 1012: ".", 1029: "?"}
    fixed |= {1030 + n: word for n, word in enumerate(WORDS)}
    fixed |= {1080: "##s", 1081: "##er"}
    for number, token in fixed.items():
        tokens[number] = token
    return BertTokenizerFast(vocab={t: n for n, t in enumerate(tokens)}, do_lower_case=True)


def text_config(positions: int = 64) -> BertConfig:
    return BertConfig(
        vocab_size=1100, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=positions,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


def tiny_config(queries: int = 20, positions: int = 64) -> GroundingDinoConfig:
    """Two levels at strides 16 and 32, width 32; far from any published size, and quick."""
    return GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=16, depths=[1, 1, 1], num_heads=[2, 2, 4], window_size=4,
            mlp_ratio=2.0, out_features=["stage3"],
        ),
        text_config=text_config(positions), d_model=32, num_queries=queries, num_feature_levels=2,
        encoder_layers=1, decoder_layers=2, encoder_ffn_dim=48, decoder_ffn_dim=48,
        encoder_attention_heads=4, decoder_attention_heads=4,
        dropout=0.0, fusion_droppath=0.0,
    )  # fmt: skip


def swin_t_config() -> GroundingDinoConfig:
    """What `OFFICIAL_CONFIG` describes: the image backbone as published, the rest narrow."""
    return GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=224, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
            window_size=7, out_indices=[2, 3, 4],
        ),
        text_config=text_config(), d_model=256, num_queries=30,
        encoder_layers=2, decoder_layers=2, encoder_ffn_dim=96, decoder_ffn_dim=96,
        encoder_attention_heads=4, decoder_attention_heads=4, dropout=0.0, fusion_dropout=0.0,
    )  # fmt: skip


def random_model(config: GroundingDinoConfig, seed: int = 0) -> GroundingDinoForObjectDetection:
    torch.manual_seed(seed)
    return randomise_weights(GroundingDinoForObjectDetection(config), seed + 1)


def save_transformers(
    folder: Path, model: GroundingDinoForObjectDetection, size: tuple[int, int]
) -> Path:
    """``size``: shortest edge, longest edge of the model's picture."""
    model.save_pretrained(folder)
    images = GroundingDinoImageProcessor(size={"shortest_edge": size[0], "longest_edge": size[1]})
    GroundingDinoProcessor(images, tokenizer()).save_pretrained(folder)
    return folder


def save_official(
    folder: Path, model: GroundingDinoForObjectDetection, size: tuple[int, int]
) -> Path:
    """A ``.pth``, a config, the text encoder's files beside them."""
    bert = folder / "bert-base-uncased"
    bert.mkdir(parents=True)
    (folder / "config.py").write_text(OFFICIAL_CONFIG, "utf-8")
    model.config.text_config.save_pretrained(bert)
    tokenizer().save_pretrained(bert)
    images = GroundingDinoImageProcessor(size={"shortest_edge": size[0], "longest_edge": size[1]})
    images.save_pretrained(folder)
    weights = to_official_weights(model.state_dict())
    weights["label_enc.weight"] = torch.zeros(2, 2)  # published files hold it, and this prefix:
    torch.save({"model": {f"module.{n}": w for n, w in weights.items()}}, folder / "model.pth")
    return folder
