"""Drawn boxes as candidates; a model for whom and where nobody has drawn."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCES
from factory import write_frames

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.data.drawn_table import make_drawn_track
from rhas.engine.steps import FilmFiles
from rhas.ground.grounding import GroundInput, ground_film
from rhas.ground.step import GROUND
from rhas.stores.boxes import FilmBoxes
from rhas.stores.drawn import DrawnBoxes, DrawnKind, DrawnTrack

BOX = (10.0, 20.0, 50.0, 80.0)
WHOLE = make_drawn_track([(0.0, DrawnKind.BOX, BOX), (0.5, DrawnKind.ABSENT, None)])
PART = make_drawn_track([(0.4, DrawnKind.BOX, BOX)])


@pytest.fixture
def film(tmp_path: Path, frames: list[np.ndarray]) -> Path:
    """Eleven frames of 120 × 90, 15 a second."""
    return write_frames(tmp_path / "frames.h5", [frames[n % 5] for n in range(11)])


def write_drawn(path: Path, *tracks: DrawnTrack) -> Path:
    """In pixels of a film of twice the size."""
    DrawnBoxes(240, 180, tuple(t.scale(np.full(4, 2.0)) for t in tracks)).write(path)
    return path


def ground(source: GroundInput, out: Path, **config: object) -> tuple[FilmBoxes, dict, int]:
    told: list[int] = []
    settings = GroundConfig(**{"backend": "tracks", "stride": 2, **config})
    report = asdict(ground_film(source, settings, out, told.append))
    return FilmBoxes.read(out), report, sum(told)


def test_no_model_where_everybody_is_drawn(tmp_path: Path, film: Path) -> None:
    persons = len(REFERENCES)
    drawn = write_drawn(tmp_path / "drawn.h5", *[WHOLE] * persons)
    files = FilmFiles("m", tuple(REFERENCES), frames=film, drawn=drawn)
    config = GroundConfig(backend="tracks", checkpoint="/nowhere", stride=2)
    source = GROUND.make_input(files, config)
    assert source.checkpoint is None
    store, report, told = ground(source, tmp_path / "boxes.h5", checkpoint="/nowhere")
    assert (store.info.backend, store.info.checkpoint, store.info.truth) == ("tracks", "", False)
    assert told == len(store.frames) == 6
    assert report["drawn_persons"] == list(range(persons))
    assert report["prompts"] is None
    for person in store.persons:
        assert person.counts.tolist() == [1, 1, 1, 1, 0, 0]  # frame 8 is after 0.5 s
        np.testing.assert_allclose(person.boxes, [BOX] * 4)
        assert person.drawn is not None
        np.testing.assert_allclose(person.drawn.boxes[0], BOX)


def test_a_model_finds_the_others_and_the_rest_of_the_film(
    tmp_path: Path, tiny: str, film: Path
) -> None:
    """Person 0 is drawn, person 1 from 0.4 s (frame 6) on, the others nowhere."""
    others = [DrawnTrack.make_empty()] * (len(REFERENCES) - 2)
    drawn = write_drawn(tmp_path / "drawn.h5", WHOLE, PART, *others)
    source = GroundInput("m", tuple(REFERENCES), film, Path(tiny), drawn=drawn)
    store, report, told = ground(source, tmp_path / "boxes.h5", min_score=0.0)
    assert told == 6
    assert report["drawn_persons"] == [0, 1]
    assert len(report["prompts"]) == 1
    first, second = store.persons[:2]
    assert first.counts.tolist() == [1, 1, 1, 1, 0, 0]
    assert (second.counts[:3] > 1).all()
    assert second.counts[3:].tolist() == [1, 1, 1]
    assert all(person.drawn is None for person in store.persons[2:])
    alone = GroundInput("m", tuple(REFERENCES[1:]), film, Path(tiny))
    expected, _, _ = ground(alone, tmp_path / "alone.h5", backend="transformers", min_score=0.0)
    for person, same in zip(store.persons[2:], expected.persons[1:], strict=True):
        np.testing.assert_array_equal(person.boxes, same.boxes)


def test_without_a_file_everybody_is_grounded(tmp_path: Path, tiny: str, film: Path) -> None:
    source = GroundInput("m", tuple(REFERENCES), film, Path(tiny))
    found, _, _ = ground(source, tmp_path / "a.h5")
    expected, _, _ = ground(source, tmp_path / "b.h5", backend="transformers")
    for person, same in zip(found.persons, expected.persons, strict=True):
        np.testing.assert_array_equal(person.boxes, same.boxes)


def test_the_work_cache_sees_the_boxes_by_content(tmp_path: Path, film: Path) -> None:
    """The file is a path of the input, which counts by content, and none without a file."""
    config = GroundConfig(backend="tracks")
    drawn = write_drawn(tmp_path / "drawn.h5", *[WHOLE] * len(REFERENCES))
    files = FilmFiles("m", tuple(REFERENCES), frames=film, drawn=drawn)
    assert GROUND.make_input(files, config).drawn == drawn
    absent = FilmFiles("m", tuple(REFERENCES), frames=film, drawn=tmp_path / "none.h5")
    assert GROUND.make_input(absent, config).drawn is None
    plain = config.replace(backend="transformers")
    assert GROUND.make_input(files, plain).drawn is None


def test_boxes_of_other_persons_are_refused(tmp_path: Path, film: Path) -> None:
    drawn = write_drawn(tmp_path / "drawn.h5", WHOLE)
    source = GroundInput("m", ("the man", "the woman"), film, drawn=drawn)
    with pytest.raises(RhasError, match=r"(?s)another number of persons.*2, one per reference"):
        ground(source, tmp_path / "boxes.h5")
