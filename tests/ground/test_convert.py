"""The two formats into each other, and a checkpoint that has no counterpart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import toy_models as models
from conftest import REFERENCES, Pair
from test_models import check_same, grounder

from rhas.base.errors import RhasError
from rhas.ground import huggingface, official
from rhas.ground.convert import convert_checkpoint, to_official_config, to_transformers_config
from rhas.ground.official import OfficialGrounder, read_config


def test_there_and_back(tmp_path: Path, pair: Pair, frames: list[np.ndarray]) -> None:
    """Weights bit for bit; and each format, converted, finds the same boxes."""
    there, back = tmp_path / "there", tmp_path / "back"
    convert_checkpoint(Path(pair.official), there)
    convert_checkpoint(there, back)
    before = official.read_checkpoint(pair.official)
    after = official.read_checkpoint(str(back))
    state = after.model.state_dict()
    for name, value in before.model.state_dict().items():
        assert torch.equal(value, state[name]), name
    idle = {"use_checkpoint", "use_transformer_ckpt"}  # of training
    assert {k: v for k, v in after.values.items() if k not in idle} == {
        k: v for k, v in before.values.items() if k not in idle
    }
    own = huggingface.read_checkpoint(pair.transformers).model.state_dict()
    for name, value in huggingface.read_checkpoint(str(there)).model.state_dict().items():
        if "swin.layernorm" not in name:  # unused by the detector
            assert torch.equal(value, own[name]), name
    expected = grounder(pair.official, OfficialGrounder).find_boxes(frames[:2], REFERENCES)
    check_same(grounder(str(there)).find_boxes(frames[:2], REFERENCES), expected, 1e-5)


@pytest.mark.parametrize("name", ["GroundingDINO_SwinT_OGC", "GroundingDINO_SwinB_cfg"])
def test_the_published_configs(name: str) -> None:
    import groundingdino.config

    path = Path(next(iter(groundingdino.config.__path__))) / f"{name}.py"
    values = read_config(path)
    config = to_transformers_config(values, models.text_config())
    assert to_official_config(config) == values
    assert config.encoder_ffn_dim == 2048
    assert config.backbone_config.embed_dim == (96 if "SwinT" in name else 128)


def test_what_has_no_counterpart(tmp_path: Path, pair: Pair, tiny: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)backbone_config.*swin_T_224_1k.*ground\.backend"):
        convert_checkpoint(Path(tiny), tmp_path / "new")
    values = official.read_checkpoint(pair.official).values
    with pytest.raises(RhasError, match=r"(?s)sub_sentence_present.*True.*False"):
        to_transformers_config(values | {"sub_sentence_present": False}, models.text_config())
    with pytest.raises(RhasError, match="the target exists"):
        convert_checkpoint(Path(tiny), tmp_path)
    with pytest.raises(RhasError, match=r"0 \.pth"):
        convert_checkpoint(tmp_path, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
