"""How much of what people do a linear probe reads from an encoder's features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from encoders.stills import MARGIN, SIZE, VISIBLE, decode_frame
from rhas.crop.cropping import cut_out
from rhas.extract.encoders import Encoder, load_encoder
from rhas.evaluate.probe import fit_probe, frame_map
from rhas.mini import MINI_CLASSES, sample_scenes
from rhas.mini.story import PAIR_CLASSES


def probe_encoder(vlm: str, folder: Path, scenes: int, seed: int) -> None:
    """Print the frame mAP of a linear probe on stills, fitted on half of the stories.

    Args:
        vlm: ``blip2`` or ``clip``.
        folder: the checkpoint.
        scenes: how many stills.
        seed: of the stills.
    """
    encoder = load_encoder(vlm, folder)
    rows: dict[str, list[np.ndarray]] = {"partial": [], "right": [], "other": [], "none": []}
    labels, situations = [], []
    rng = np.random.default_rng(seed)
    for scene in sample_scenes(seed, scenes, moments=6, step=1.3):
        seen = [p for p in scene.persons if p.visible >= VISIBLE]
        if len(seen) < 2:
            continue  # with one person there is no wrong reference
        image = decode_frame(scene.frame)
        scale = image.height / scene.frame.shape[0]
        crops = [cut_out(image, [v * scale for v in p.box], MARGIN, SIZE) for p in seen]
        references = [p.reference for p in seen]
        features = _encode_scene(encoder, np.asarray(image), crops, references, rng)
        for name, values in features.items():
            rows[name].append(values)
        labels += [[float(name in p.actions) for name in MINI_CLASSES] for p in seen]
        situations += [scene.situation] * len(seen)
    y, half = np.array(labels), np.array(situations) % 2 == 0
    print(f"{vlm}: {half.sum()} persons to fit, {(~half).sum()} to test, "
          f"{int(y[~half].any(axis=0).sum())} classes")  # fmt: skip
    features = {name: np.concatenate(values) for name, values in rows.items()}
    for name in ("right", "other"):
        features[f"partial, {name}"] = np.concatenate([features["partial"], features[name]], 1)
    pairs = np.isin(MINI_CLASSES, PAIR_CLASSES)
    for name, x in features.items():
        scores = fit_probe(x[half], y[half], l2=1e-3)(x[~half])
        score, among = (
            frame_map(scores[:, chosen], y[~half][:, chosen]) for chosen in (pairs | True, pairs)
        )
        print(f"  {name:14s} frame mAP {score:.1f}, of classes between people {among:.1f}")
    share = 100 * y[~half].mean(axis=0)
    print(f"  chance         frame mAP {share[share > 0].mean():.1f}")


def _encode_scene(
    encoder: Encoder, frame: np.ndarray, crops: list[np.ndarray], references: list[str],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Features (persons, D): ``partial`` of the crops; of the frame with the person's sentence
    (``right``), with another person's (``other``) and with "the person" (``none``)."""
    *texts, neutral = encoder.encode_text([*references, "the person"])
    whole = encoder.vision(frame[None])
    near = encoder.vision(np.stack(crops))
    right = np.concatenate([encoder.fuse(whole, text) for text in texts])
    shift = int(rng.integers(1, len(texts)))
    return {
        "partial": np.concatenate(
            [encoder.fuse(near[i : i + 1], text) for i, text in enumerate(texts)]
        ),
        "right": right,
        "other": np.roll(right, shift, axis=0),
        "none": np.repeat(encoder.fuse(whole, neutral), len(texts), axis=0),
    }
