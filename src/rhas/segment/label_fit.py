"""A model of actions in words is fitted to a few labelled intervals of the film it is used on.

T frames of the film, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rhas.base.units import seconds_to_frame
from rhas.config.train import TrainConfig
from rhas.methods.zero_shot import ZeroShot
from rhas.methods.zero_shot.fitting import LabelledFrames, fit_labels, read_frames
from rhas.segment.chunks import FilmChunk
from rhas.segment.labels import Label
from rhas.segment.records import LabelsRecord
from rhas.segment.windows import FilmWindow
from rhas.stores.samples import Sample
from rhas.train.saved import SavedConfig, load_method, save_method


@dataclass(frozen=True)
class LabelFit:
    """What labels were used for.

    Args:
        intervals: labelled ones.
        unseen: of these, those in which the person was found in no frame; they were of no use.
        fitted: whether they sufficed.
        actions: names of the labelled actions, in order.
    """

    intervals: int
    unseen: int
    fitted: bool
    actions: tuple[str, ...]

    def make_record(self) -> LabelsRecord:
        """As intervals.json has it."""
        return {
            "intervals": self.intervals, "unseen": self.unseen, "fitted": self.fitted,
            "actions": list(self.actions),
        }  # fmt: skip


def fit_model(
    model: Path, labels: Sequence[Label], chunks: Sequence[FilmChunk], fps: float, out: Path
) -> LabelFit:
    """Writes a copy of ``model`` into ``out`` that is fitted to the labels.

    Args:
        model: folder of a model of the method ``zero_shot``.
        labels: of the film's persons.
        chunks: the film's feature stores.
        fps: frames per second.
        out: folder to write.
    """
    method, saved = load_method(model), SavedConfig.read(model)
    assert isinstance(method, ZeroShot)
    frames, dims, unseen = chunks[-1].stop, saved.dims, 0
    parts: list[LabelledFrames] = []
    for person in sorted({label.person for label in labels}):
        own = [label for label in labels if label.person == person]
        truth, known = mark_frames(own, (frames, dims.C), fps)
        present = np.zeros(frames, bool)
        for start in range(0, frames, dims.L):
            span = slice(start, min(start + dims.L, frames))
            if known[span].any():
                window = Sample("", "", person, start, span.stop, "film")
                sample = FilmWindow(chunks, window, dims.L, dims.C)[0]
                present[span] = sample["present"][: span.stop - start].numpy()
                sample["labels"] = _pad(truth[span].astype(np.float32), dims.L)
                parts.append(read_frames(method, sample, _pad(known[span], dims.L)))
        unseen += sum(not present[find_span(label, frames, fps)].any() for label in own)
    fitted = fit_labels(method, parts)
    save_method(method, TrainConfig(**saved.train), dims, out, saved.class_names)
    numbers = sorted({label.action for label in labels if label.action is not None})
    return LabelFit(len(labels), unseen, fitted, tuple(saved.class_names[n] for n in numbers))


def describe_fit(fit: LabelFit) -> str:
    """A line for people."""
    lost = f", {fit.unseen} of them where the person was not found" if fit.unseen else ""
    if not fit.fitted:
        return (
            f"labels: {fit.intervals} intervals{lost}: too few to fit, scores are not calibrated; "
            "label two actions, or an action and time without it"
        )
    return f"labels: scores were fitted on {fit.intervals} labelled intervals{lost}"


def mark_frames(
    labels: Sequence[Label], shape: tuple[int, int], fps: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where each action of a person happens, bool (T, C), and which frames are labelled, (T,).

    Args:
        labels: of the person.
        shape: T, C.
        fps: frames per second.
    """
    truth, known = np.zeros(shape, bool), np.zeros(shape[0], bool)
    for label in labels:
        span = find_span(label, shape[0], fps)
        known[span] = True
        if label.action is not None:
            truth[span, label.action] = True
    return truth, known


def find_span(label: Label, frames: int, fps: float) -> slice:
    """A label's frames, at least one."""
    start = min(seconds_to_frame(label.start_s, fps), frames - 1)
    return slice(start, max(min(seconds_to_frame(label.end_s, fps), frames), start + 1))


def _pad(values: NDArray, length: int) -> torch.Tensor:
    rest = [(0, length - len(values))] + [(0, 0)] * (values.ndim - 1)
    return torch.from_numpy(np.pad(values, rest))
