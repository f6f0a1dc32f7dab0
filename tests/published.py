"""RHAS133's files as its authors' code reads them, made small."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

FRAMES, Q, D = 40, 3, 5


def labels(seed: int, frames: int = FRAMES) -> list[list[int]]:
    """Class 128 (walking) in the first half, 112 (standing) in the second, 17 now and then."""
    rng = np.random.default_rng(seed)
    return [
        [128 if n < frames // 2 else 112, *([17] if rng.random() < 0.3 else [])]
        for n in range(frames)
    ]


def features(seed: int, frames: int = FRAMES, tokens: int = Q) -> np.ndarray:
    shape = (frames, tokens, D) if tokens else (frames, D)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def write_published(root: Path, samples: dict[str, int], vlm: str = "blip2") -> tuple[Path, Path]:
    """Folders of pickles and of features, ``samples`` of each side."""
    pickles, folder = root / "pickles", root / "features"
    pickles.mkdir(parents=True)
    for side, count in samples.items():
        actions = [labels(i) for i in range(count)]
        (pickles / f"actions_{side}_rhas.pkl").write_bytes(pickle.dumps(actions))
        sentences = [f"the person {i} of {side}" for i in range(count)]
        (pickles / f"person_ref_{side}_rhas.pkl").write_bytes(pickle.dumps(sentences))
        ending = "" if side == "train" else f"_{side}"
        places = {
            "blip2": (f"RHAS_feature_blipv2{ending}", f"RHAS_feature_blipv2_{side}_grounding_dino"),
            "clip": (f"RHAS_1_feature_clip_{side}/RHAS_feature_clip_{side}",
                     f"RHAS_feature_clip_{side}_grounding_dino"),
        }[vlm]  # fmt: skip
        for number, place in enumerate(places):
            (folder / place).mkdir(parents=True)
            for i in range(count):
                tokens = Q if vlm == "blip2" else 0
                name = f"{i}_{'blip' if vlm == 'blip2' else 'clip'}_feat.npy"
                np.save(folder / place / name, features(10 * i + number, tokens=tokens))
    return pickles, folder
