"""Each format: written, read back, in equal bytes; wrong values are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage import edit_hdf5, edit_zarr
from factory import (
    BOXES,
    FRAMES,
    TRACKS,
    make_boxes,
    make_track,
    write_boxes,
    write_frames,
    write_tracks,
    write_truth,
)

from rhas.base.errors import RhasError
from rhas.inspection.describe import describe_path
from rhas.stores.boxes import FilmBoxes, merge_boxes
from rhas.stores.frames import count_frames, create_frames, open_frames, write_frame_chunk
from rhas.stores.samples import Interval, Sample, SampleIndex, SampleInfo
from rhas.stores.scores import (
    PersonScores,
    SampleScores,
    read_person_scores,
    read_sample_scores,
    write_person_scores,
    write_sample_scores,
)
from rhas.stores.tracks import BoxSource, FilmTracks, open_tracks, write_track_chunk
from rhas.stores.truth import TrueBoxes

BOX, NAN = [1, 2, 5, 7], [np.nan] * 4
GREY = [np.full((8, 12, 3), 20 * n, np.uint8) for n in range(6)]


def frames(path: Path) -> Path:
    return write_frames(path, [GREY[0], b"", *GREY[2:]], movie="film")


def boxes(path: Path) -> Path:
    persons = [make_boxes([[BOX, BOX], [], [BOX]]), make_boxes([[], [], []])]
    return write_boxes(path, [0, 2, 4], persons, stride=2)


def tracks(path: Path) -> Path:
    rows = [make_track([BOX] * 4 + [NAN] * 2, [1, 2, 2, 1, 0, 0]), make_track([NAN] * 6)]
    return write_tracks(path, rows, cuts=[3])


def truth(path: Path) -> Path:
    return write_truth(path, [[BOX, NAN]] * 3, cuts=[2], lookalike=[1, 0])


@pytest.mark.parametrize("write", [frames, boxes, tracks, truth])
def test_equal_values_give_equal_bytes(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    first, second = (write(tmp_path / f"{name}.h5").read_bytes() for name in ("a", "b"))
    assert first == second


def test_frames_are_read_back_whole_and_in_chunks(tmp_path: Path) -> None:
    path = frames(tmp_path / "a.h5")
    write_frame_chunk(path, "a", 2, 5, tmp_path / ".parts-a" / "frames" / "b.h5")
    assert (count_frames(path), count_frames(tmp_path / ".parts-a" / "frames" / "b.h5")) == (6, 3)
    with (
        open_frames(path) as whole,
        open_frames(tmp_path / ".parts-a" / "frames" / "b.h5") as chunk,
    ):
        assert whole.info == replace(FRAMES, movie="film", width=12, height=8)
        assert whole.size == (12, 8)
        assert whole.time.tolist() == [n / 15 for n in range(6)]
        assert whole.images[1] is None
        assert chunk.info == whole.info
        for frame in range(3):
            np.testing.assert_array_equal(chunk.images[frame], whole.images[frame + 2])


def test_boxes_are_read_back_thinned_and_merged(tmp_path: Path) -> None:
    store = FilmBoxes.read(boxes(tmp_path / "a.h5"))
    assert store.info == replace(BOXES, stride=2)
    assert [person.counts.tolist() for person in store.persons] == [[2, 0, 1], [0, 0, 0]]
    best, scores = store.persons[0].select_best()
    np.testing.assert_array_equal(best, np.float32([BOX, NAN, BOX]))
    np.testing.assert_array_equal(scores, np.float32([1, np.nan, 0]))
    thin = store.thin_out(2)
    assert (thin.info.stride, thin.frames.tolist()) == (4, [0, 4])
    assert thin.persons[0].counts.tolist() == [2, 1]
    merge_boxes([(0, tmp_path / "a.h5"), (6, tmp_path / "a.h5")], tmp_path / "b.h5")
    merged = FilmBoxes.read(tmp_path / "b.h5")
    assert merged.frames.tolist() == [0, 2, 4, 6, 8, 10]
    assert merged.persons[0].counts.tolist() == [2, 0, 1, 2, 0, 1]


def test_tracks_are_read_back_whole_and_in_chunks(tmp_path: Path) -> None:
    path = tracks(tmp_path / "a.h5")
    write_track_chunk(path, "a", 2, 5, tmp_path / ".parts-a" / "tracks" / "b.h5")
    with (
        open_tracks(path) as whole,
        open_tracks(tmp_path / ".parts-a" / "tracks" / "b.h5") as chunk,
    ):
        assert whole.tracks.info == TRACKS
        first = whole.tracks.persons[0]
        assert first.count_sources() == {"detected": 2, "interpolated": 2, "missing": 2}
        assert whole.crops[0].sizes.astype(bool).tolist() == first.present.tolist()
        assert whole.tracks.source[:, 1].tolist() == [BoxSource.MISSING] * 6
        assert chunk.tracks.cuts.tolist() == [1]
        np.testing.assert_array_equal(chunk.tracks.boxes, whole.tracks.boxes[2:5])
        np.testing.assert_array_equal(chunk.crops[0][0], whole.crops[0][2])


def test_true_boxes_are_read_back(tmp_path: Path) -> None:
    found = TrueBoxes.read(truth(tmp_path / "a.h5"))
    assert (found.width, found.height, found.persons) == (120, 90, 2)
    assert found.visible.tolist() == [[1, 0]] * 3
    assert (found.cuts.tolist(), found.lookalike.tolist()) == ([2], [1, 0])


def test_samples_are_read_back(tmp_path: Path) -> None:
    info = SampleInfo(
        C=137, L=10, D=4, D_text=3, fps=15.0, features="f", split="random", boundary_sigma=1.0,
        references={'ä "b"': ["she"]}, samples={"train": 1, "val": 1, "test": 0}, dropped={},
        persons_without_annotation=[],
    )  # fmt: skip
    rows = [Sample("a", 'ä "b"', 0, 0, 10, "train"), Sample("b", 'ä "b"', 0, 10, 20, "val")]
    index = SampleIndex(info, rows, {('ä "b"', 0): [Interval(3, 0, 5), Interval(4, 8, 12)]})
    index.write(tmp_path)
    found = SampleIndex.read(tmp_path)
    assert found == index
    assert found.select_subset("val") == rows[1:]
    assert found.find_actions(rows[1]) == [Interval(4, 8, 12)]


def test_scores_are_read_back(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float16).reshape(4, 3)
    sample = SampleScores("s", "m", 1, 2, 6, values)
    write_sample_scores({"val": [], "test": [sample]}, tmp_path / "a")
    assert list(read_sample_scores(tmp_path / "a", "val")) == []
    [found] = read_sample_scores(tmp_path / "a", "test")
    assert replace(found, scores=values) == sample
    np.testing.assert_array_equal(found.scores, values)
    person = PersonScores(0, "she", 15.0, ("a", "b", "c"), values)
    write_person_scores([person], tmp_path / "b")
    [read] = read_person_scores(tmp_path / "b")
    assert replace(read, scores=values) == person
    edit_zarr(tmp_path / "b")["person_000"].attrs["classes"] = ["a"]
    with pytest.raises(RhasError, match="not a name per class"):
        read_person_scores(tmp_path / "b")


@pytest.mark.parametrize(
    ("write", "read", "name", "values"),
    [
        (boxes, FilmBoxes.read, "person_000/boxes", np.zeros((3, 5), np.float32)),
        (boxes, FilmBoxes.read, "person_000/offsets", np.array([0, 3, 1, 3])),
        (boxes, FilmBoxes.read, "frames", np.zeros(2, np.int32)),
        (tracks, FilmTracks.read, "person_001/source", np.full(6, 3, np.uint8)),
        (tracks, FilmTracks.read, "person_001/scores", np.zeros(6)),
        (tracks, FilmTracks.read, "cuts", np.zeros((1, 1), np.int32)),
        (truth, TrueBoxes.read, "lookalike", np.zeros(3, np.uint8)),
    ],
)
def test_wrong_values_are_refused_and_the_file_is_named(
    tmp_path: Path,
    write: Callable[[Path], Path],
    read: Callable[[Path], object],
    name: str,
    values: np.ndarray,
) -> None:
    path = write(tmp_path / "store.h5")
    read(path)
    with edit_hdf5(path) as file:
        del file[name]
        file[name] = values
    with pytest.raises(RhasError, match=r"store\.h5"):
        read(path)


@pytest.mark.parametrize("write", [frames, boxes, tracks])
def test_an_attribute_of_another_type_is_named(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path / "store.h5")
    with edit_hdf5(path) as file:
        file.attrs["movie"] = 7
    with pytest.raises(RhasError, match=r"(?s)store\.h5.*expected: movie str.*got: movie 7"):
        describe_path(path)


def test_a_failed_block_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="midway"), create_frames(tmp_path / "a.h5"):
        raise ValueError("midway")
    assert not (tmp_path / "a.h5").exists()
