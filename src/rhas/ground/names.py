"""The names of GroundingDINO's weights: transformers' into those of the authors' code.

As transformers' own conversion script has them (convert_grounding_dino_to_hf.py), from right to
left.
"""

from __future__ import annotations

import re

_SWIN = "model.backbone.conv_encoder.model."
_NAMES = [
    (rf"^{_SWIN}swin\.embeddings\.patch_embeddings\.projection", "backbone.0.patch_embed.proj"),
    (rf"^{_SWIN}swin\.embeddings\.norm", "backbone.0.patch_embed.norm"),
    (rf"^{_SWIN}swin\.encoder\.layers", "backbone.0.layers"),
    (r"layernorm_before", "norm1"),
    (r"layernorm_after", "norm2"),
    (r"attention\.o_proj", "attn.proj"),
    (r"attention\.relative_position_bias\.relative_position", "attn.relative_position"),
    (r"^model\.text_backbone", "bert"),
    (r"^model\.text_projection", "feat_map"),
    (r"^model\.input_proj_vision", "input_proj"),
    (r"^model\.level_embed", "transformer.level_embed"),
    (r"^model\.query_position_embeddings", "transformer.tgt_embed"),
    (r"^model\.enc_output", "transformer.enc_output"),
    (r"^model\.encoder_output_bbox_embed", "transformer.enc_out_bbox_embed"),
    (r"^model\.decoder\.layer_norm", "transformer.decoder.norm"),
    (r"^model\.decoder\.reference_points_head", "transformer.decoder.ref_point_head"),
    (r"^model\.decoder\.bbox_embed", "transformer.decoder.bbox_embed"),
    (r"^model\.encoder\.layers\.(\d+)\.deformable_layer", r"transformer.encoder.layers.\1"),
    (r"^model\.encoder\.layers\.(\d+)\.text_enhancer_layer", r"transformer.encoder.text_layers.\1"),
    (r"^model\.encoder\.layers\.(\d+)\.fusion_layer", r"transformer.encoder.fusion_layers.\1"),
    (r"^model\.decoder\.layers", "transformer.decoder.layers"),
]
_IN_LAYERS = {
    "transformer.encoder.layers": [
        (r"self_attn_layer_norm", "norm1"), (r"final_layer_norm", "norm2"), (r"\.fc", ".linear"),
    ],
    "transformer.encoder.text_layers": [
        (r"layer_norm_before", "norm1"), (r"layer_norm_after", "norm2"), (r"\.fc", ".linear"),
    ],
    "transformer.encoder.fusion_layers": [
        (r"vision_param", "gamma_v"), (r"text_param", "gamma_l"),
        (r"vision_proj", "v_proj"), (r"text_proj", "l_proj"),
        (r"layer_norm_vision", "layer_norm_v"), (r"layer_norm_text", "layer_norm_l"),
    ],
    "transformer.decoder.layers": [
        (r"encoder_attn_text_layer_norm", "catext_norm"), (r"encoder_attn_layer_norm", "norm1"),
        (r"self_attn_layer_norm", "norm2"), (r"final_layer_norm", "norm3"),
        (r"encoder_attn_text", "ca_text"), (r"encoder_attn", "cross_attn"), (r"\.fc", ".linear"),
    ],
}  # fmt: skip


def official_name(name: str) -> tuple[str, str] | None:
    """The official name of a weight of ``GroundingDinoForObjectDetection``, and which part of it
    the weight is: ``q``, ``k`` or ``v`` where they lie in one tensor, ``""`` where it is all.
    None of a normalisation that the detector does not use."""
    if name.startswith(f"{_SWIN}swin.layernorm"):
        return None
    stage = re.match(rf"^{re.escape(_SWIN)}hidden_states_norms\.stage(\d)\.(.*)", name)
    if stage:
        return f"backbone.0.norm{int(stage[1]) - 1}.{stage[2]}", ""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    for layer, pairs in _IN_LAYERS.items():
        if name.startswith(layer):
            for pattern, replacement in pairs:
                name = re.sub(pattern, replacement, name)
    part = re.match(r"^(backbone\..*)\.attention\.([qkv])_proj\.(weight|bias)$", name)
    if part:
        return f"{part[1]}.attn.qkv.{part[3]}", part[2]
    part = re.match(r"^(transformer\..*)\.(query|key|value)\.(weight|bias)$", name)
    if part:
        return f"{part[1]}.in_proj_{part[3]}", part[2][0]
    return name, ""
