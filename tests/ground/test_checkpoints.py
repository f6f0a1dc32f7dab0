"""Checkpoints that are absent, damaged, hostile, or of another model."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_models as models
from conftest import Pair

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.ground import huggingface, make_grounder, official
from rhas.ground.official import read_config, read_weights


def make(backend: str, folder: Path | str) -> None:
    make_grounder(GroundConfig(backend=backend, checkpoint=str(folder)))  # type: ignore[arg-type]


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["no/such/checkpoint", "nobody/has-this-model"])
def test_transformers_without_a_checkpoint(name: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)checkpoint not found.*hf download"):
        make("transformers", name)


def test_transformers_in_an_official_folder(pair: Pair) -> None:
    with pytest.raises(RhasError, match=r"(?s)config\.json.*config\.py.*backend: official"):
        make("transformers", pair.official)


def test_transformers_with_a_pickle_that_holds_code(tmp_path: Path, tiny: str) -> None:
    folder = tmp_path / "c"
    shutil.copytree(tiny, folder)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "made"), 2))
    with pytest.raises(RhasError, match="cannot be loaded"):
        make("transformers", folder)
    assert not (tmp_path / "made").exists()


def write_code(folder: Path, marker: Path) -> None:
    """Every file of a checkpoint names code that lies beside it."""
    text = f"open({str(marker)!r}, 'w')\nclass Bad: ...\n"
    (folder / "bad.py").write_text(text, "utf-8")
    classes = ("Config", "Model", "ModelForZeroShotObjectDetection", "Processor",
               "ImageProcessor", "Tokenizer")  # fmt: skip
    auto_map = {f"Auto{name}": "bad.Bad" for name in classes}
    auto_map["AutoTokenizer"] = ["bad.Bad", "bad.Bad"]  # type: ignore[assignment]
    for file in folder.glob("*config.json"):
        values = json.loads(file.read_text("utf-8")) | {"auto_map": auto_map}
        if file.name == "config.json":
            for part in (values, values.get("text_config", {}), values.get("backbone_config", {})):
                part |= {"attn_implementation": "someone/kernel", "auto_map": auto_map}
        file.write_text(json.dumps(values), "utf-8")


@pytest.mark.parametrize("answer", ["y\n", ""])
def test_transformers_with_code_beside_it(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Nothing runs, nobody is asked, and no kernel that the configuration names is fetched."""
    folder = tmp_path / "c"
    shutil.copytree(tiny, folder)
    write_code(folder, tmp_path / "ran")
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    found = huggingface.read_checkpoint(str(folder))
    plain = huggingface.read_checkpoint(tiny)
    kinds = [
        {
            module.config._attn_implementation
            for module in model.modules()
            if hasattr(module, "config")
        }
        for model in (found.model, plain.model)
    ]
    assert kinds[0] == kinds[1] == {"eager", "sdpa"}
    assert not (tmp_path / "ran").exists()


def test_transformers_of_an_unknown_kind_with_code_beside_it(tmp_path: Path, tiny: str) -> None:
    folder = tmp_path / "c"
    shutil.copytree(tiny, folder)
    write_code(folder, tmp_path / "ran")
    for file in folder.glob("*config.json"):
        values = json.loads(file.read_text("utf-8")) | {"model_type": "bad"}
        values |= {"processor_class": "Bad", "tokenizer_class": "Bad"}
        file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(RhasError, match="cannot be loaded"):
        make("transformers", folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore")  # of the package, while it is imported
def test_the_official_one_with_code_in_its_text_encoder(tmp_path: Path, pair: Pair) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(Path(pair.official) / "bert-base-uncased", folder)
    write_code(folder, tmp_path / "ran")
    with official._adapt_groundingdino(str(folder), "bert"):
        from groundingdino.util import get_tokenlizer

        assert get_tokenlizer.get_tokenlizer("")("red").input_ids
        model = get_tokenlizer.get_pretrained_language_model("")
    assert model.config._attn_implementation == "sdpa"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"num_queries": "many"}, {"text_config": 3}, {"backbone_config": {"model_type": "no"}},
        {"d_model": -1}, {"model_type": 5}, {"encoder_attention_heads": 0}, [1], None,
    ],
)  # fmt: skip
def test_transformers_with_another_configuration(tmp_path: Path, tiny: str, values: Any) -> None:
    folder = tmp_path / "c"
    shutil.copytree(tiny, folder)
    file = folder / "config.json"
    if isinstance(values, dict):
        values = json.loads(file.read_text("utf-8")) | values
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(RhasError, match="cannot be loaded"):
        make("transformers", folder)


def test_transformers_with_weights_cut_short(tmp_path: Path, tiny: str) -> None:
    folder = tmp_path / "c"
    shutil.copytree(tiny, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:10_000])
    with pytest.raises(RhasError, match="cannot be loaded"):
        make("transformers", folder)


def test_transformers_with_a_layer_too_few(tmp_path: Path) -> None:
    config = models.tiny_config()
    folder = models.save_transformers(tmp_path / "c", models.random_model(config), (64, 96))
    config.encoder_layers = 2
    config.save_pretrained(folder)
    with pytest.raises(RhasError, match=r"(?s)missing: model\.encoder\.layers\.1.* more"):
        make("transformers", folder)


def test_transformers_with_a_layer_of_another_width(tmp_path: Path) -> None:
    config = models.tiny_config()
    folder = models.save_transformers(tmp_path / "c", models.random_model(config), (64, 96))
    config.decoder_ffn_dim = 64
    config.save_pretrained(folder)
    with pytest.raises(RhasError, match=r"of another shape: \S*layers\.0\.fc1\.bias \(48,\) for"):
        make("transformers", folder)


def test_the_official_one_with_part_of_its_weights(tmp_path: Path, pair: Pair) -> None:
    official = Path(pair.official)
    for name in ("bert-base-uncased", "config.py"):
        (tmp_path / name).symlink_to(official / name)
    state = torch.load(official / "model.pth", weights_only=True)["model"]
    state["module.new"] = state.pop("module.feat_map.bias")
    torch.save({"model": state}, tmp_path / "m.pth")
    with pytest.raises(RhasError, match=r"missing: feat_map\.bias; unexpected: new\n"):
        make("official", tmp_path)


def test_the_official_one_without_its_files(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RhasError, match=r"0 \.pth and 0 \.py"):
            make("official", folder)


def test_the_official_one_with_a_pickle_that_holds_code(tmp_path: Path) -> None:
    torch.save({"model": Hostile(tmp_path / "made")}, tmp_path / "m.pth")
    (tmp_path / "config.py").write_text(models.OFFICIAL_CONFIG, "utf-8")
    with pytest.raises(RhasError, match=r"(?s)m\.pth: .*cannot be read.*UnpicklingError"):
        make("official", tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("saved", [{"weights": {}}, torch.zeros(2), {"model": 3}])
def test_weights_in_another_form(tmp_path: Path, saved: object) -> None:
    torch.save(saved, tmp_path / "m.pth")
    with pytest.raises(RhasError, match="cannot be read"):
        read_weights(tmp_path / "m.pth")


def test_weights_cut_short(tmp_path: Path) -> None:
    torch.save({"model": {"w": torch.zeros(1000)}}, tmp_path / "m.pth")
    (tmp_path / "m.pth").write_bytes((tmp_path / "m.pth").read_bytes()[:900])
    with pytest.raises(RhasError, match="cannot be read"):
        read_weights(tmp_path / "m.pth")


def test_a_config_is_read_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text('"""Doc."""\na = [1, 2]\nb = "x"\nc = -0.5\n', "utf-8")
    assert read_config(path) == {"a": [1, 2], "b": "x", "c": -0.5}
    made = tmp_path / "made"
    for line in (
        f"import os\nos.mkdir({str(made)!r})",
        f"a = __import__('os').mkdir({str(made)!r})",
    ):
        path.write_text(f"b = 1\n{line}\n", "utf-8")
        with pytest.raises(RhasError, match=r"(?s)config\.py:2: .*not run"):
            read_config(path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"swin_T_224_1k"', '"resnet50"', "not Swin"),
        ("hidden_dim = 256\n", "", r"(?s)does not describe a GroundingDINO.*hidden_dim"),
        (
            "dim_feedforward = 96",
            "dim_feedforward = 80",
            r"(?s)of another shape: \S*layers\.0\.linear1\.bias \(96,\) for \(80,\)",
        ),
        ('"bert-base-uncased"', '"bert-nowhere"', r"(?s)text encoder.*bert-nowhere"),
        ("= 20", "= (", "not Python"),
    ],
)
def test_the_official_one_with_another_config(
    tmp_path: Path, pair: Pair, old: str, new: str, told: str
) -> None:
    official = Path(pair.official)
    (tmp_path / "bert-base-uncased").symlink_to(official / "bert-base-uncased")
    (tmp_path / "model.pth").symlink_to(official / "model.pth")
    assert old in models.OFFICIAL_CONFIG
    (tmp_path / "config.py").write_text(models.OFFICIAL_CONFIG.replace(old, new, 1), "utf-8")
    with pytest.raises(RhasError, match=told):
        make("official", tmp_path)
