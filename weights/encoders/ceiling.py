"""How far pose, held thing and mouth tell what people do: a bound for probes on features.

A network that is told what the drawing is made from, instead of a picture, names the actions of one
moment. What it cannot tell apart no encoder of stills can: standing and waiting, or walking in and
walking out.

Legend: N persons, K inputs, C actions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from encoders.stills import CLASS, HELD, Stills
from rhas.evaluate.probe import frame_map
from rhas.mini.story import PAIR_CLASSES

OTHERS = 2  # people of the picture who are told of, the nearest first
_TEST = 1 / 8  # share of the stills, the last ones
_WIDTH, _BATCH, _RATE = 512, 256, 1.5e-3


def describe_persons(rows: np.ndarray) -> np.ndarray:
    """Joints in the crop, direction, mouth, whether hidden, and the held thing, float32 (N, K)."""
    corner, side = rows["square"][:, None, :2], rows["square"][:, 2][:, None, None]
    joints = rows["joints"].copy()
    joints[..., :2] = (joints[..., :2] - corner) / side
    joints[..., 2] = (joints[..., 2] - joints[:, :1, 2]) / side[:, 0]
    parts = [
        joints.reshape(len(rows), -1), np.eye(len(HELD))[rows["held"]],
        *(f(rows["facing"])[:, None] for f in (np.sin, np.cos)),
        rows["mouth"][:, None], rows["hidden"][:, None],
    ]  # fmt: skip
    return np.concatenate(parts, axis=1).astype(np.float32)


def describe_others(rows: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Of the `OTHERS` nearest people of the same picture: what ``own`` says, place and size
    relative to the person; zeros where there are fewer. float32 (N, K)."""
    x0, y0, x1, y1 = rows["box"].T
    middle, height = np.stack([x0 + x1, y0 + y1], 1) / 2, (y1 - y0)[:, None]
    out = np.zeros((len(rows), OTHERS, own.shape[1] + 4), np.float32)
    first = np.flatnonzero(np.diff(rows["still"], prepend=-1))
    for start, stop in zip(first, [*first[1:], len(rows)], strict=True):
        for n in range(start, stop):
            gap = np.abs(middle[start:stop, 0] - middle[n, 0])
            for place, other in enumerate(start + np.argsort(gap, kind="stable")[1 : OTHERS + 1]):
                where = (middle[other] - middle[n]) / height[n]
                out[n, place] = [*own[other], *where, *(height[other] / height[n]), 1]
    return out.reshape(len(rows), -1)


def measure_ceiling(stills: Stills, epochs: int, seed: int) -> None:
    """Prints the frame mAP of a network on persons of stills it was not fitted on.

    Args:
        stills: the last eighth is for testing.
        epochs: passes over the others.
        seed: of the weights and the order.
    """
    rows, labels = stills.rows, stills.rows["actions"].astype(np.float32)
    test = rows["still"] >= (1 - _TEST) * len(stills)
    own = describe_persons(rows)
    inputs = {"the person": own}
    inputs["and the two nearest"] = np.concatenate([own, describe_others(rows, own)], axis=1)
    pairs = np.isin(list(CLASS), PAIR_CLASSES)
    classes = int(labels[test].any(0).sum())
    print(f"{(~test).sum()} persons to fit, {test.sum()} to test, {classes} classes")
    for name, x in inputs.items():
        scores = _fit_network(x[~test], labels[~test], epochs, seed, x[test])
        everything, among = (
            frame_map(scores[:, chosen], labels[test][:, chosen])
            for chosen in (pairs | True, pairs)
        )
        print(f"  {name:20s} frame mAP {everything:.1f}, of classes between people {among:.1f}")


def _fit_network(
    x: np.ndarray, y: np.ndarray, epochs: int, seed: int, test: np.ndarray
) -> np.ndarray:
    """Logits of ``test`` by a network of three layers, fitted to (N, K) and labels (N, C)."""
    mean, spread = x.mean(0), x.std(0) + 1e-3
    known, unknown = (torch.from_numpy((values - mean) / spread) for values in (x, test))
    truth = torch.from_numpy(y)
    torch.manual_seed(seed)
    hidden = [
        layer
        for width in (x.shape[1], _WIDTH)
        for layer in (nn.Linear(width, _WIDTH), nn.GELU(), nn.Dropout(0.1))
    ]
    network = nn.Sequential(*hidden, nn.Linear(_WIDTH, y.shape[1]))
    optimiser = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=0.02)
    updates = max(1, len(x) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=epochs * updates)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x))[: updates * _BATCH].split(_BATCH):
            loss = F.binary_cross_entropy_with_logits(network(known[chosen]), truth[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        return network(unknown).numpy()
