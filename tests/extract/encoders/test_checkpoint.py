"""A checkpoint loads whole, or is an error that says what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rhas.base.errors import RhasError
from rhas.extract.encoders import checkpoint_folder, checkpoint_hash, load_encoder


@pytest.fixture(params=("blip2", "clip", "siglip2"))
def copied(
    request: pytest.FixtureRequest, checkpoints: dict[str, Path], tmp_path: Path
) -> tuple[str, Path]:
    shutil.copytree(checkpoints[request.param], tmp_path / "copy")
    return request.param, tmp_path / "copy"


def test_a_missing_weight_is_named(copied: tuple[str, Path]) -> None:
    vlm, folder = copied
    state = load_file(folder / "model.safetensors")
    name = next(n for n in sorted(state) if n.endswith("weight"))
    del state[name]
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RhasError, match=f"missing: {name}"):
        load_encoder(vlm, folder)


def test_an_unexpected_weight_is_named(copied: tuple[str, Path]) -> None:
    vlm, folder = copied
    state = load_file(folder / "model.safetensors")
    state["stranger.weight"] = next(iter(state.values())).clone()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RhasError, match=r"unexpected: stranger\.weight"):
        load_encoder(vlm, folder)


def test_a_weight_of_another_shape_is_named(copied: tuple[str, Path]) -> None:
    vlm, folder = copied
    state = load_file(folder / "model.safetensors")
    name = next(n for n in sorted(state) if state[n].ndim == 2)
    state[name] = state[name][:, :-1].clone()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RhasError, match=f"of another shape: {name}"):
        load_encoder(vlm, folder)


def test_the_other_encoders_checkpoint_is_refused(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(RhasError, match=r"Blip2ForImageTextRetrieval"):
        load_encoder("blip2", checkpoints["clip"])
    with pytest.raises(RhasError, match=r"CLIPModel"):
        load_encoder("clip", checkpoints["blip2"])


@pytest.mark.parametrize("file", ["model.safetensors", "preprocessor_config.json"])
def test_an_absent_file_is_an_error(copied: tuple[str, Path], file: str) -> None:
    vlm, folder = copied
    (folder / file).unlink()
    with pytest.raises(RhasError, match="cannot load"):
        load_encoder(vlm, folder)


def test_a_damaged_file_is_an_error(copied: tuple[str, Path]) -> None:
    vlm, folder = copied
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RhasError, match="cannot load"):
        load_encoder(vlm, folder)


def test_no_checkpoint_and_unknown_encoder(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no checkpoint"):
        load_encoder("blip2", tmp_path)
    with pytest.raises(RhasError, match="blip2 or clip or siglip2"):
        load_encoder("dino", checkpoints["clip"])


class _Malice:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


def test_a_pickle_loads_as_weights_alone(copied: tuple[str, Path], tmp_path: Path) -> None:
    vlm, folder = copied
    want = load_encoder(vlm, folder).text_embedding("the man")
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    np.testing.assert_array_equal(load_encoder(vlm, folder).text_embedding("the man"), want)
    torch.save({**state, "more": _Malice(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(RhasError, match="cannot load"):
        load_encoder(vlm, folder)
    assert not (tmp_path / "ran").exists()


def test_code_and_kernels_of_a_checkpoint_are_left_alone(
    copied: tuple[str, Path], tmp_path: Path
) -> None:
    vlm, folder = copied
    want = load_encoder(vlm, folder).text_embedding("the man")
    (folder / "bad.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Bad: ...\n")
    remote = {
        "tokenizer_config.json": {"AutoTokenizer": ["bad.Bad", None]},
        "config.json": {"AutoModel": "bad.Bad", "AutoConfig": "bad.Bad"},
        "preprocessor_config.json": {"AutoImageProcessor": "bad.Bad"},
    }
    for name, auto_map in remote.items():
        values = json.loads((folder / name).read_text()) | {"auto_map": auto_map}
        if name == "config.json":
            values["attn_implementation"] = "someone/kernel"
        (folder / name).write_text(json.dumps(values))
    encoder = load_encoder(vlm, folder)
    assert encoder._model.config._attn_implementation == "sdpa"
    np.testing.assert_array_equal(encoder.text_embedding("the man"), want)
    assert not (tmp_path / "ran").exists()


def test_the_hash_follows_what_is_loaded_alone(copied: tuple[str, Path]) -> None:
    _, folder = copied
    before = checkpoint_hash(folder)
    (folder / "README.md").write_text("about")
    assert checkpoint_hash(folder) == before
    with (folder / "config.json").open("a") as file:
        file.write(" ")
    assert checkpoint_hash(folder) != before


def test_a_hub_name_is_looked_for_offline(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert checkpoint_folder(str(checkpoints["clip"])) == checkpoints["clip"]
    for name in ("someone/absent", "not//a name"):
        with pytest.raises(RhasError, match="checkpoint not found"):
            checkpoint_folder(name)
