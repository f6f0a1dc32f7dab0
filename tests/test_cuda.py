"""What runs on a GPU gives what a CPU gives; skipped where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from methods.toy import toy_samples
from train_child import TINY, Curve

from rhas.config.ground import GroundConfig
from rhas.config.train import TrainConfig
from rhas.extract.encoders import load_encoder
from rhas.ground import make_grounder
from rhas.methods import METHODS, Dims, build_method, make_config
from rhas.train import fit, load_method

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what torch.compile imports
]
GPU = "cuda"
WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
REFERENCES = ["the woman in the red coat", "a tall man with a black hat"]


def pictures(count: int, side: tuple[int, int]) -> np.ndarray:
    height, width = side
    coarse = np.random.default_rng(0).integers(
        0, 256, (count, height // 12, width // 12, 3), np.uint8
    )
    return coarse.repeat(12, 1).repeat(12, 2)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_grounding(dtype: Any, compiled: bool) -> None:
    plain = GroundConfig(checkpoint=str(WEIGHTS / "grounding"), min_score=0.0, top_k=3)
    frames = list(pictures(4, (180, 320)))
    wanted = make_grounder(plain).find_boxes(frames, REFERENCES)
    on_gpu = replace(plain, device=GPU, dtype=dtype, compile=compiled)
    found = make_grounder(on_gpu).find_boxes(frames, REFERENCES)
    tolerance = 1e-3 if dtype == "float32" else 0.15
    for frame, other in zip(wanted, found, strict=True):
        for one, two in zip(frame, other, strict=True):
            np.testing.assert_allclose(two.scores[0], one.scores[0], atol=tolerance)
            if dtype == "float32":
                np.testing.assert_allclose(two.boxes[0], one.boxes[0], atol=0.5)


@pytest.mark.parametrize("vlm", ["blip2", "clip"])
@pytest.mark.parametrize(("dtype", "compiled"), [("float32", False), ("bfloat16", True)])
def test_features(vlm: str, dtype: str, compiled: bool) -> None:
    images = pictures(8, (96, 96))
    features = []
    for encoder in (
        load_encoder(vlm, WEIGHTS / vlm),
        load_encoder(vlm, WEIGHTS / vlm, GPU, dtype, compiled),
    ):
        texts = encoder.encode_text(REFERENCES)
        tokens = encoder.vision(images)
        features.append(np.concatenate([encoder.fuse(tokens, text) for text in texts]))
    spread = features[0].std()
    near = 1e-3 if dtype == "float32" else 0.1
    assert np.abs(features[1] - features[0]).max() < near * max(spread, 1)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods(name: str) -> None:
    from torch.utils.data import default_collate

    samples = toy_samples(2, L=96)
    length = min(len(s["mask"]) for s in samples)
    batch = default_collate([{k: v[:length] for k, v in s.items()} for s in samples])
    config = make_config(name, "mini", {})
    torch.manual_seed(0)
    method = build_method(name, config, Dims(D=24, D_text=8, C=137, L=length)).eval()
    results = {}
    for device in ("cpu", GPU):
        method.to(device)
        torch.manual_seed(1)
        losses = method.compute_losses(batch)
        total = torch.stack(list(losses.values())).sum()
        method.zero_grad()
        total.backward()
        norm = torch.nn.utils.get_total_norm(
            [p.grad for p in method.parameters() if p.grad is not None]
        )
        scores = method.compute_scores(batch, torch.Generator().manual_seed(0))
        results[device] = float(total.detach()), float(norm), scores.cpu().numpy()
    for one, two in zip(*results.values(), strict=True):
        np.testing.assert_allclose(two, one, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training(precision: Any, tmp_path: Path) -> None:
    samples = [toy_samples(count, L=48, seed=seed) for count, seed in ((5, 1), (2, 2))]
    curves = {}
    for device, half in (("cpu", "float32"), (GPU, precision)):
        config = TrainConfig(
            method="hopadiff", seed=1, overrides={"hopadiff": TINY}, threads=1, warmup=2, epochs=4,
            device=device, precision=half,
        )  # fmt: skip
        curve, out = Curve(), tmp_path / device
        fit(*samples, config, out=out, resume=out, live=curve, progress=lambda *_: None)
        curves[device] = [e["train/loss"] for e in curve.epochs if "train/loss" in e]
        load_method(out, device)
    tolerance = 1e-3 if precision == "float32" else 0.05
    np.testing.assert_allclose(curves[GPU], curves["cpu"], rtol=tolerance)
