"""A film's boxes in parts: the bytes and the report of the film that is grounded as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REFERENCES
from factory import write_frames, write_truth

from rhas.base.parts import FilmPart, Span
from rhas.base.progress import ignore_progress
from rhas.config.ground import GroundConfig
from rhas.data.drawn_table import make_drawn_track
from rhas.ground.grounding import GroundInput, ground_film, merge_film, split_film
from rhas.stores.drawn import DrawnBoxes, DrawnKind

BOX = (10.0, 20.0, 50.0, 80.0)
FRAMES = 29


@pytest.fixture
def film(tmp_path: Path, frames: list[np.ndarray]) -> Path:
    """Frames 9 to 13 have no picture: at a stride of 2, a run across the parts' edge."""
    pictures: list[np.ndarray | bytes] = [frames[n % 5] for n in range(FRAMES)]
    pictures[9:14] = [b""] * 5
    return write_frames(tmp_path / "frames.h5", pictures)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """One person throughout, one not before frame 6 and not from frame 18 on, nobody else."""
    tracks = (
        make_drawn_track([(0.0, DrawnKind.BOX, BOX), (0.5, DrawnKind.ABSENT, None)]),
        make_drawn_track([(0.4, DrawnKind.BOX, BOX), (1.2, DrawnKind.UNKNOWN, None)]),
        make_drawn_track([(0.2, DrawnKind.BOX, BOX), (1.4, DrawnKind.UNKNOWN, None)]),
    )
    DrawnBoxes(120, 90, tracks).write(tmp_path / "drawn.h5")
    return tmp_path / "drawn.h5"


def ground_in_parts(
    source: GroundInput, config: GroundConfig, longest: int, folder: Path
) -> list[Span]:
    """Compares both ways; returns the spans."""
    report = ground_film(source, config, folder / "whole.h5", ignore_progress)
    spans, parts, told = split_film(source, config, longest), [], []
    for span in spans:
        path = folder / f"{span}.h5"
        piece = ground_film(replace(source, span=span), config, path, told.append)
        parts.append(FilmPart(path, piece))
    assert merge_film(parts, config, folder / "merged.h5") == report
    assert (folder / "merged.h5").read_bytes() == (folder / "whole.h5").read_bytes()
    assert sum(told) == report.sampled_frames
    return spans


@pytest.mark.parametrize(
    ("changes", "longest", "edges"),
    [
        ({}, 8, [0, 6, 12, 18, 29]),  # batches of 3 grounded frames; the last has 3 of 15 alone
        ({}, 1, [0, 6, 12, 18, 24, 29]),
        ({"min_score": 1.0}, 15, [0, 12, 29]),  # nobody is found
        ({"prompting": "separate", "policy": "max"}, 15, [0, 12, 29]),
        ({}, 29, [0, 29]),
        ({"stride": 7}, 15, [0, 21, 29]),
        ({"batch_size": 64}, 8, [0, 29]),  # fewer frames than a batch
    ],
)
def test_parts_of_a_film(
    tmp_path: Path, tiny: str, film: Path, changes: dict[str, Any], longest: int, edges: list[int]
) -> None:
    config = GroundConfig(**{"stride": 2, "batch_size": 3, "top_k": 3, **changes})
    source = GroundInput("m", tuple(REFERENCES), film, Path(tiny))
    spans = ground_in_parts(source, config, longest, tmp_path)
    assert [span.start for span in spans] + [FRAMES] == edges


def test_batches_of_drawn_films_are_of_what_is_not_drawn(
    tmp_path: Path, tiny: str, film: Path, drawn: Path
) -> None:
    config = GroundConfig(backend="tracks", stride=2, batch_size=2)
    source = GroundInput("m", tuple(REFERENCES), film, Path(tiny), drawn=drawn)
    spans = ground_in_parts(source, config, 10, tmp_path)
    assert [span.start for span in spans] == [0, 4, 24]


def test_what_no_model_looks_at_is_not_cut(
    tmp_path: Path, film: Path, drawn: Path, frames: list[np.ndarray]
) -> None:
    boxes = np.full((FRAMES, 3, 4), BOX, np.float32)
    truth = write_truth(tmp_path / "truth.h5", boxes, size=(120, 90))
    source = GroundInput("m", tuple(REFERENCES), film, truth=truth)
    assert split_film(source, GroundConfig(backend="truth"), 1) == [Span(0, FRAMES)]
    track = make_drawn_track([(0.0, DrawnKind.BOX, BOX)])
    DrawnBoxes(120, 90, (track,) * 3).write(drawn)
    source = GroundInput("m", tuple(REFERENCES), film, drawn=drawn)
    assert split_film(source, GroundConfig(backend="tracks"), 1) == [Span(0, FRAMES)]
