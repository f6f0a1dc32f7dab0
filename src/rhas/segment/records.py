"""What `rhas segment` says about a film: intervals.json, and the summary on the screen."""

from __future__ import annotations

from typing import TypedDict


class SpanRecord(TypedDict):
    """Where something is in the film; ends are exclusive."""

    start_s: float
    end_s: float
    start_frame: int
    end_frame: int


class IntervalRecord(SpanRecord):
    """An action of a person.

    See `rhas.segment.people.Action` for ``score``, ``confidence`` and ``seen``.
    """

    action: str
    class_id: int
    score: float
    confidence: float | None
    seen: float


class GapRecord(SpanRecord):
    """Frames without the person; ``best_score`` is the highest of a candidate there."""

    reason: str
    best_score: float | None


class LookalikeRecord(SpanRecord):
    """Frames in which somebody else fits the sentence about as well.

    The other entries are those of `rhas.segment.lookalikes.Lookalike`.
    """

    frame: int
    box: list[float]
    score: float
    own_score: float


class PersonRecord(TypedDict):
    """A person; ``frames`` are counted by source of the box."""

    person: int
    reference: str
    found: bool
    frames: dict[str, int]
    intervals: list[IntervalRecord]
    not_found: list[GapRecord]
    lookalikes: list[LookalikeRecord]


class ReadoutRecord(TypedDict):
    """How scores became intervals (`rhas.config.evaluate.ReadoutConfig`)."""

    fitted: bool
    calibrated: bool
    median: int
    min_frames: int
    objective: str
    default_threshold: float


class LabelsRecord(TypedDict):
    """What ``--labels`` was used for (`rhas.segment.label_fit.LabelFit`)."""

    intervals: int
    unseen: int
    fitted: bool
    actions: list[str]


class FilmRecord(TypedDict):
    """intervals.json."""

    film: str
    seconds: float
    frames: int
    fps: float
    frame_size: list[int]
    lost_frames: int
    cuts: list[int]
    min_score: float
    model: str
    model_hash: str
    built_in_checkpoints: list[str]
    readout: ReadoutRecord
    labels: LabelsRecord | None
    windows: list[int]
    persons: list[PersonRecord]


class PersonSummary(TypedDict):
    """A person in few words; ``seen`` is the share of frames, ``lookalike_share`` that of
    frames in which somebody else fits about as well, ``actions`` the most frequent first,
    ``intervals`` their number."""

    person: int
    reference: str
    found: bool
    seen: float
    lookalike_share: float
    intervals: int
    actions: list[str]


class FilmSummary(TypedDict):
    """What `rhas segment` prints."""

    film: str
    seconds: float
    frames: int
    fps: float
    readout: ReadoutRecord
    labels: LabelsRecord | None
    out: str
    files: list[str]
    persons: list[PersonSummary]
    stage_seconds: dict[str, float]
