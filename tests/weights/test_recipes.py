"""The recipes of the built-in checkpoints run from nothing to a checkpoint that loads."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.extract.encoders import load_encoder
from rhas.ground import make_grounder

RECIPES = Path(__file__).resolve().parents[2] / "weights"


@pytest.fixture(scope="module")
def encoders() -> ModuleType:
    sys.path.insert(0, str(RECIPES))
    import train_encoders

    return train_encoders


@pytest.fixture(scope="module")
def stills(encoders: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of 32 stills."""
    cache = tmp_path_factory.mktemp("encoders") / "stills"
    encoders.render_stills(cache, 32)
    return cache


def test_encoders_are_drawn_taught_and_load(encoders: ModuleType, tmp_path: Path) -> None:
    cache = tmp_path / "stills"
    encoders.blip2(scenes=64, tower_steps=2, steps=2, size=4, cache=cache, out=tmp_path / "blip2")
    encoders.blip2(
        scenes=64,
        steps=1,
        size=4,
        seed=1,
        cache=cache,
        out=tmp_path / "on",
        start=tmp_path / "blip2",
    )
    encoders.clip(steps=2, size=4, cache=cache, start=tmp_path / "blip2", out=tmp_path / "clip")
    picture = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 3), np.uint8)
    features = {}
    for name, vlm in (("blip2", "blip2"), ("on", "blip2"), ("clip", "clip")):
        encoder = load_encoder(vlm, tmp_path / name)
        text = encoder.encode_text(["the woman in the red coat"])[0]
        features[name] = encoder.fuse(encoder.vision(picture), text)
        assert np.isfinite(features[name]).all()
    assert not np.array_equal(features["blip2"], features["on"])
    untrained = json.loads((tmp_path / "clip" / "config.json").read_text())["untrained_actions"]
    assert len(untrained) == 8
    words = json.loads((tmp_path / "clip" / "tokenizer.json").read_text())["model"]["vocab"]
    assert "waving</w>" in words
    assert not {f"{word}</w>" for word in untrained} & {*words}


def test_encoders_go_on_from_the_checkpoint_that_they_replace(
    encoders: ModuleType, stills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, on = tmp_path / "blip2", tmp_path / "on"

    def train(**options: Any) -> None:
        encoders.blip2(scenes=32, steps=1, size=4, cache=stills, **options)

    train(tower_steps=1, out=out)
    (out / "NOTES").write_text("mine")
    before = content(out)
    train(start=out, out=on, seed=1)
    with monkeypatch.context() as changed:
        changed.setattr(encoders.Trainer, "update", die)
        for name in (out, tmp_path / "another"):
            with pytest.raises(KeyboardInterrupt):
                train(start=out, out=name, seed=1)
    assert content(out) == before
    train(start=out, out=out, seed=1)
    assert content(out) == {**content(on), "NOTES": b"mine"} != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blip2", "on"]
    with pytest.raises(RhasError, match="not a folder"):
        train(out=out / "NOTES")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def die(*_: object) -> None:
    raise KeyboardInterrupt


def test_encoders_killed_after_every_step_are_the_same(
    encoders: ModuleType, stills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    monkeypatch.setattr("training.trainer.SAVE_EVERY", 1)

    def train(out: Path) -> None:
        encoders.blip2(scenes=32, tower_steps=3, steps=2, size=4, cache=stills, out=out / "blip2")
        encoders.clip(steps=2, size=4, cache=stills, start=out / "blip2", out=out / "clip")

    train(whole)
    (stills / "tower.pt").unlink()
    update = encoders.Trainer.update
    killed = []

    def die_at_the_next(trainer: Any, *losses: Any) -> None:
        if hasattr(trainer, "died_after"):
            killed.append(trainer.path.name)
            raise KeyboardInterrupt
        update(trainer, *losses)
        trainer.died_after = trainer.number

    with monkeypatch.context() as changed:
        changed.setattr(encoders.Trainer, "update", die_at_the_next)
        for done in ([], [], [], ["blip2"]):
            with pytest.raises(KeyboardInterrupt):
                train(cut)
            assert [folder.name for folder in cut.iterdir()] == done
    train(cut)
    assert killed == ["tower.pt", "tower.pt", "blip2.pt", "clip.pt"]
    for name in ("blip2", "clip"):
        made, expected = (load_file(f / name / "model.safetensors") for f in (cut, whole))
        assert made.keys() == expected.keys()
        assert all(torch.equal(made[name], expected[name]) for name in expected)


def test_pictures_made_with_other_options_are_refused(encoders: ModuleType, tmp_path: Path) -> None:
    encoders.render_stills(tmp_path / "stills", 16)
    part = tmp_path / "stills" / "03" / "frames"
    made = part.read_bytes(), part.stat().st_mtime_ns
    shutil.rmtree(tmp_path / "stills" / "04")  # a run that was cut
    encoders.render_stills(tmp_path / "stills", 16)
    assert (part.read_bytes(), part.stat().st_mtime_ns) == made
    with pytest.raises(RhasError, match="other options") as raised:
        encoders.render_stills(tmp_path / "stills", 32)
    assert "'scenes': 16" in raised.value.got
    assert "'scenes': 32" in raised.value.expected


def test_cells_of_people_are_those_of_the_plain_form(encoders: ModuleType, stills: Path) -> None:
    """Cell by cell: a cell is the last person's of whom a point is in reach."""
    batch = encoders.Stills(stills).draw_batch(12, 0)
    from encoders.tower import find_body_points, find_crop_cells, find_frame_cells

    grid = 8
    centres = [((n % grid + 0.5) / grid, (n // grid + 0.5) / grid) for n in range(grid * grid)]

    def near(points: torch.Tensor, centre: tuple[float, float], x: float, y: float) -> bool:
        away = ((points[:, 0] - centre[0]) / x) ** 2 + ((points[:, 1] - centre[1]) / y) ** 2
        return bool((away < 1).any())

    reach = 0.055 + 0.25 / grid
    inside = [[near(p, c, reach, reach) for c in centres] for p in find_body_points(batch.joints)]
    assert find_crop_cells(batch, grid).tolist() == inside
    whose = torch.full((len(batch.frames), grid * grid), -1)
    for person, points in enumerate(find_body_points(batch.frame_joints)):
        still = int(batch.still[person])
        box = batch.box[person]
        tall = 0.055 * float((box[2:] - box[:2]).max())
        wide = tall * float(batch.aspect[still])
        for cell, centre in enumerate(centres):
            if near(points, centre, wide + 0.3 / grid, tall + 0.3 / grid):
                whose[still, cell] = person
    assert find_frame_cells(batch, grid).tolist() == whose.tolist()


def test_a_mirrored_still_changes_sides(encoders: ModuleType, stills: Path) -> None:
    drawn = encoders.Stills(stills)
    from encoders.stills import SIDE

    left, right, checked = 0, 1, 0
    for seed in range(8):
        batch = drawn.draw_batch(8, seed)
        middle = (batch.box[:, 0] + batch.box[:, 2]) / 2
        assert (batch.facts[middle < 0.45, SIDE] == left).all()
        assert (batch.facts[middle > 0.55, SIDE] == right).all()
        checked += int(((middle - 0.5).abs() > 0.05).sum())
    assert checked > 50


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where scenes are drawn once, and what training leaves is beside them."""
    return tmp_path_factory.mktemp("grounding") / "scenes"


@pytest.fixture
def grounding(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Callable[..., None]:
    """Runs the recipe of grounding for three steps of the backbone and two of the whole, with
    further options."""
    cache.with_suffix(".backbone.pt").unlink(missing_ok=True)
    monkeypatch.syspath_prepend(str(RECIPES))
    import train_grounding

    monkeypatch.setattr(train_grounding, "HELD_OUT", 2)
    monkeypatch.setattr(train_grounding, "TABLE_STEPS", 2)

    def run(out: Path, *further: object) -> None:
        options = {
            "--scenes": 48, "--backbone-steps": 3, "--steps": 2, "--decay": 1, "--batch": 2,
            "--cache": cache, "--out": out,
        }  # fmt: skip
        arguments = [str(word) for pair in (*options.items(), further) for word in pair]
        monkeypatch.setattr(sys, "argv", ["train_grounding.py", *arguments])
        train_grounding.main()

    return run


def test_grounding_is_drawn_taught_and_loads(
    grounding: Callable[..., None], cache: Path, tmp_path: Path
) -> None:
    grounding(tmp_path / "out")
    grounder = make_grounder(GroundConfig(checkpoint=str(tmp_path / "out"), min_score=0.0))
    picture = np.zeros((180, 320, 3), np.uint8)
    found = grounder.find_boxes([picture], ["the woman in the red coat"])[0][0]
    assert len(found.boxes)
    assert np.isfinite(found.boxes).all()
    assert sorted(p.name for p in cache.parent.iterdir()) == ["scenes", "scenes.backbone.pt"]
    grounding(tmp_path / "anew", "--steps", 0, "--start", tmp_path / "out")
    weights = "model.safetensors"
    assert content(tmp_path / "anew")[weights] == content(tmp_path / "out")[weights]
    with pytest.raises(SystemExit):
        grounding(tmp_path / "none", "--steps", 0)
    assert not (tmp_path / "none").exists()


def test_grounding_killed_after_every_step_is_the_same(
    grounding: Callable[..., None], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.trainer import Log

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    monkeypatch.setattr("training.trainer.SAVE_EVERY", 1)
    grounding(whole)
    cache.with_suffix(".backbone.pt").unlink()
    killed = []

    def die_at_the_next(log: Log, *values: Any) -> None:
        if steps := getattr(log, "_died_after", 0):
            killed.append(steps)
            raise KeyboardInterrupt
        log._died_after = 1  # type: ignore[attr-defined]

    with monkeypatch.context() as changed:
        changed.setattr(Log, "add_values", die_at_the_next)
        for _ in range(3):  # in the second and third step of the backbone, in the second of all
            with pytest.raises(KeyboardInterrupt):
                grounding(cut)
            assert not list(cut.glob("*"))
    grounding(cut)
    assert len(killed) == 3
    made, expected = (load_file(f / "model.safetensors") for f in (cut, whole))
    assert made.keys() == expected.keys()
    assert all(torch.equal(made[name], expected[name]) for name in expected)
    before = content(whole)
    with monkeypatch.context() as changed:
        changed.setattr(Log, "add_values", die_at_the_next)
        with pytest.raises(KeyboardInterrupt):
            grounding(whole, "--start", whole)
    assert content(whole) == before
    grounding(whole, "--start", whole)
    grounding(tmp_path / "on", "--start", cut)
    assert content(whole) == content(tmp_path / "on") != before


def test_a_backbone_is_that_of_the_same_options(
    grounding: Callable[..., None], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = []

    def learn(model: torch.nn.Module, *_: object) -> None:
        torch.nn.init.constant_(model.model.enc_output.bias, len(learned) + 1)
        learned.append(model)

    taken = []

    def train(model: torch.nn.Module, *_: object) -> None:
        taken.append(model.model.enc_output.bias[0].item())

    monkeypatch.setattr("train_grounding.train_backbone", learn)
    monkeypatch.setattr("train_grounding.train", train)
    path, out = cache.with_suffix(".backbone.pt"), tmp_path / "out"
    grounding(out)
    grounding(out)
    grounding(out, "--steps", 5, "--rate", 0.1, "--decay", 3, "--workers", 1)
    assert taken == [1, 1, 1]
    kept = path.read_bytes()
    for option in ("--backbone-steps", "--scenes", "--batch", "--seed", "--threads"):
        with pytest.raises(RhasError, match="learned with other options") as raised:
            grounding(out, option, 7)
        assert f'"{option[2:].replace("-", "_")}": 7' in raised.value.expected
        assert "delete it" in raised.value.do
    assert (path.read_bytes(), len(learned)) == (kept, 1)
    state = torch.load(path, weights_only=True)
    torch.save((state["model"], state["table"]), path)  # as it once was
    with pytest.raises(RhasError, match="learned with unknown options"):
        grounding(out)
    path.unlink()
    grounding(out)
    assert taken == [1, 1, 1, 2]


def test_quick_training_has_the_librarys_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from where bilinear samples have none: fresh offsets are whole places."""
    monkeypatch.syspath_prepend(str(RECIPES))
    from grounding_training.model import make_model, use_fast_attention

    gradients = []
    for quick in (False, True):
        torch.manual_seed(0)
        model = make_model(1200).eval()
        for name, weights in model.named_parameters():
            if "sampling_offsets.bias" in name:
                torch.nn.init.uniform_(weights.data, 0.1, 0.9)
        if quick:
            use_fast_attention(model)
        pixels = torch.randn(2, 3, 96, 160)
        words = torch.tensor([[101, 1100, 1101, 1012, 102], [101, 1102, 1012, 102, 0]])
        out = model(pixel_values=pixels, input_ids=words, attention_mask=(words > 0).long())
        told = out.logits[..., :5].sigmoid().square().sum() + out.pred_boxes.square().sum()
        vision = out.encoder_last_hidden_state_vision.square().mean()
        (told + vision + out.encoder_last_hidden_state_text.square().mean()).backward()
        gradients.append({n: p.grad for n, p in model.named_parameters()})
    plain, quickly = gradients
    assert plain.keys() == quickly.keys()
    reached = {n for n, g in plain.items() if g is not None}
    assert any("sampling_offsets" in n for n in reached)
    assert any("values_vision_proj" in n for n in reached)
    for name in reached:
        scale = float(plain[name].abs().max())
        assert torch.allclose(quickly[name], plain[name], atol=1e-4 * scale + 1e-7), name
