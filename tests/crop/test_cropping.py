"""The crop stage on small drawn films: coloured bodies whose place is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from damage import edit_hdf5
from factory import make_boxes, write_boxes, write_frames
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rhas.base.errors import RhasError
from rhas.config.crop import CropConfig
from rhas.crop.cropping import CropInput, crop_film, cut_out
from rhas.data.drawn_table import make_drawn_track
from rhas.stores.boxes import FilmBoxes
from rhas.stores.drawn import DrawnKind
from rhas.stores.tracks import BoxSource, FilmTracks, PersonTrack, TrackInfo, open_tracks

WIDTH, HEIGHT, STRIDE = 160, 96, 5
RED, GREEN = (220, 30, 30), (30, 200, 30)
Box = tuple[float, float, float, float]


@dataclass
class Drawn:
    """A film of ``length`` frames; ``backgrounds`` by first frame; bodies as (colour, box of a
    frame); candidates by person as {sampled frame: [(box, score)]}."""

    length: int
    candidates: Sequence[dict[int, list[tuple[Box, float]]]]
    bodies: Sequence[tuple[tuple[int, int, int], dict[int, Box]]] = ()
    backgrounds: dict[int, int] = field(default_factory=lambda: {0: 0})
    truth: bool = False

    def picture(self, frame: int) -> np.ndarray:
        seed = self.backgrounds[max(f for f in self.backgrounds if f <= frame)]
        blocks = np.random.default_rng(seed).integers(40, 140, (6, 10, 3), np.uint8)
        picture = np.kron(blocks, np.ones((16, 16, 1), np.uint8))
        for colour, boxes in self.bodies:
            if frame in boxes:
                x1, y1, x2, y2 = (round(v) for v in boxes[frame])
                picture[y1:y2, x1:x2] = colour
        return picture

    def write(self, folder: Path) -> dict[str, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        inputs = {"frames": folder / "frames.h5", "boxes": folder / "boxes.h5"}
        images = [self.picture(frame) for frame in range(self.length)]
        write_frames(inputs["frames"], images, quality=92)
        grounded = range(0, self.length, STRIDE)
        persons = []
        for person, found in enumerate(self.candidates):
            rows = [found.get(frame, []) for frame in grounded]
            boxes = [[box for box, _ in row] for row in rows]
            scores = [score for row in rows for _, score in row]
            persons.append(make_boxes(boxes, scores, f"person {person}"))
        write_boxes(inputs["boxes"], grounded, persons, stride=STRIDE, truth=self.truth)
        return inputs


def walking(start: float, speed: float, length: int) -> dict[int, Box]:
    return {n: (start + speed * n, 20, start + speed * n + 20, 70) for n in range(length)}


def seen(boxes: dict[int, Box], score: float) -> dict[int, list[tuple[Box, float]]]:
    return {n: [(box, score)] for n, box in boxes.items() if n % STRIDE == 0}


def two_persons(length: int = 23) -> Drawn:
    red, green = walking(10, 1, length), walking(110, -0.5, length)
    return Drawn(length, [seen(red, 0.6), seen(green, 0.8)], [(RED, red), (GREEN, green)])


def crop(inputs: dict[str, Path], out: Path, **config: object) -> tuple[dict, int]:
    told: list[int] = []
    report = crop_film(
        CropInput("m", **inputs), CropConfig(**{"size": 32, **config}), out, told.append
    )
    return asdict(report), sum(told)


def test_the_store_and_the_report(tmp_path: Path) -> None:
    inputs = two_persons().write(tmp_path)
    report, told = crop(inputs, tmp_path / "out.h5")
    assert told == 23
    counts = {"detected": 5, "interpolated": 18, "missing": 0}
    assert report == {
        "frames": 23,
        "cuts": [],
        "persons": [
            {"person": p, "reference": f"person {p}", **counts}
            for p in range(2)
        ],
        "candidates": 10,
        "candidates_without_area": 0,
        "detections": 10,
        "detections_dropped": 0,
        "tracklets": 2,
        "tracklets_dropped": 0,
    }  # fmt: skip
    with open_tracks(tmp_path / "out.h5") as store:
        assert store.tracks.info == TrackInfo("m", 32, 0.1, False)
        assert store.tracks.references == ["person 0", "person 1"]
        assert len(store.tracks) == 23
        for crops, colour in zip(store.crops, (RED, GREEN), strict=True):
            assert len(crops) == 23
            for picture in (crops[n] for n in range(23)):
                assert picture is not None
                assert picture.shape == (32, 32, 3)
                assert np.abs(picture[12:20, 14:18].astype(int) - colour).mean() < 12


def test_boxes_between_sampled_frames_follow_the_motion(tmp_path: Path) -> None:
    inputs = two_persons().write(tmp_path)
    crop(inputs, tmp_path / "out.h5")
    track = FilmTracks.read(tmp_path / "out.h5").persons[0]
    expected = np.asarray(list(walking(10, 1, 21).values()))
    assert track.boxes[:21] == pytest.approx(expected, abs=1e-3)
    assert track.source[:21:STRIDE].tolist() == [BoxSource.DETECTED] * 5
    assert set(np.delete(track.source, np.s_[::STRIDE])) == {BoxSource.INTERPOLATED}
    assert track.scores == pytest.approx(0.6)


def test_missing_stays_missing(tmp_path: Path) -> None:
    """Person 0 leaves after frame 10 and is gone for longer than max_gap; nobody is person 1."""
    length = 60
    there = {n: b for n, b in walking(40, 0.2, length).items() if n <= 10 or n >= 50}
    film = Drawn(length, [seen(there, 0.8), {}])
    report, _ = crop(film.write(tmp_path), tmp_path / "out.h5", max_gap=30)
    absent = np.arange(13, 48)
    assert report["persons"][0] == {
        "person": 0, "reference": "person 0", "detected": 5, "interpolated": 20, "missing": 35,
    }  # fmt: skip
    assert report["persons"][1]["missing"] == length
    with open_tracks(tmp_path / "out.h5") as store:
        for person, gone in enumerate((absent, np.arange(length))):
            track, crops = store.tracks.persons[person], store.crops[person]
            missing = track.source == BoxSource.MISSING
            assert missing.nonzero()[0].tolist() == gone.tolist()
            assert np.isnan(track.boxes).all(1).tolist() == missing.tolist()
            assert [crops.read_bytes(n) == b"" for n in range(length)] == missing.tolist()


def test_nothing_crosses_a_cut(tmp_path: Path) -> None:
    """A new scene from frame 22 on, the person elsewhere; the detections of frames 20 and 25
    are near enough to be joined."""
    before = dict.fromkeys(range(22), (20.0, 20.0, 40.0, 70.0))
    after = dict.fromkeys(range(22, 45), (36.0, 20.0, 56.0, 70.0))
    film = Drawn(
        45, [seen(before | after, 0.8)], [(RED, before), (RED, after)], backgrounds={0: 0, 22: 1}
    )
    report, _ = crop(film.write(tmp_path), tmp_path / "out.h5")
    assert report["cuts"] == [22]
    tracks = FilmTracks.read(tmp_path / "out.h5")
    assert tracks.cuts.tolist() == [22]
    assert tracks.boxes[:, 0, 0].tolist() == [20] * 22 + [36] * 23


def test_who_is_who_behind_a_cut_is_told_by_their_colours(tmp_path: Path) -> None:
    """They change places at frame 50, where each reference scores the other's person higher."""
    left, right = (20.0, 20.0, 40.0, 70.0), (100.0, 20.0, 120.0, 70.0)
    before, after = range(50), range(50, 100)
    red = dict.fromkeys(before, left) | dict.fromkeys(after, right)
    green = dict.fromkeys(before, right) | dict.fromkeys(after, left)
    candidates: list[dict[int, list[tuple[Box, float]]]] = [{}, {}]
    for n in range(0, 100, STRIDE):
        own, other = (0.8, 0.3) if n < 50 else (0.75, 0.8)
        candidates[0][n] = [(red[n], own), (green[n], other)]
        candidates[1][n] = [(green[n], own), (red[n], other)]

    def places(bodies: Sequence[tuple[tuple[int, int, int], dict[int, Box]]]) -> list[list[float]]:
        film = Drawn(100, candidates, bodies, backgrounds={0: 0, 50: 1})
        report, _ = crop(film.write(tmp_path), tmp_path / "out.h5")
        assert report["cuts"] == [50]
        boxes = FilmTracks.read(tmp_path / "out.h5").boxes  # (T, P, 4)
        return boxes[[10, 90], :, 0].T.tolist()

    assert places([(RED, red), (GREEN, green)]) == [[20, 100], [100, 20]]
    assert places([(RED, red), (RED, green)]) == [[20, 20], [100, 100]]


def test_a_film_of_one_frame(tmp_path: Path) -> None:
    film = Drawn(1, [{0: [((10, 20, 30, 70), 0.9)]}, {}], [(RED, walking(10, 0, 1))])
    report, told = crop(film.write(tmp_path), tmp_path / "out.h5")
    assert told == 1
    assert [p["detected"] for p in report["persons"]] == [1, 0]


def test_candidates_without_area_are_counted_and_dropped(tmp_path: Path) -> None:
    film = two_persons()
    film.candidates[0][5].append(((50, 20, 50, 70), 0.9))
    film.candidates[0][10].append(((float("nan"), 20, 50, 70), 0.9))
    report, _ = crop(film.write(tmp_path), tmp_path / "out.h5")
    assert report["candidates"] == 12
    assert report["candidates_without_area"] == 2
    assert report["detections"] == 10


def test_unused_detections_are_counted(tmp_path: Path) -> None:
    film = two_persons()
    for n in (5, 10):
        film.candidates[0][n].append(((60, 60, 80, 90), 0.1))
    report, _ = crop(film.write(tmp_path), tmp_path / "out.h5")
    assert report["detections"] == 12
    assert report["detections_dropped"] == 2


def test_what_people_drew_is_the_track_and_stays_between_sampled_frames(tmp_path: Path) -> None:
    """Person 0 from frame 2 to 12 and, after a gap shorter than max_gap, from 14 to 17; person 1
    where nobody looked, up to frame 7."""
    film = two_persons()
    inputs = film.write(tmp_path)
    plain = read_tracks(inputs, tmp_path / "plain.h5")
    fps = 15
    rows = [
        (0.0, DrawnKind.ABSENT, None),
        (2 / fps, DrawnKind.BOX, (0.0, 5.0, 30.0, 60.0)),
        (12 / fps, DrawnKind.BOX, (50.0, 5.0, 80.0, 60.0)),
        (13 / fps, DrawnKind.ABSENT, None),
        (14 / fps, DrawnKind.BOX, (9.0, 9.0, 40.0, 60.0)),
        (18 / fps, DrawnKind.ABSENT, None),
    ]
    late = [(8 / fps, DrawnKind.ABSENT, None)]
    store = FilmBoxes.read(inputs["boxes"])
    drawn = [
        replace(person, drawn=make_drawn_track(r))
        for person, r in zip(store.persons, (rows, late), strict=True)
    ]
    inputs["boxes"].unlink()
    replace(store, persons=tuple(drawn)).write(inputs["boxes"])
    first, second = read_tracks(inputs, tmp_path / "drawn.h5")
    assert np.flatnonzero(first.source).tolist() == [*range(2, 13), *range(14, 18)]
    lefts = [5.0 * n for n in range(11)]
    np.testing.assert_allclose(first.boxes[2:13, 0], lefts, atol=1e-3)
    assert first.source[[2, 7, 12, 14, 15]].tolist() == [1, 2, 1, 1, 2]
    assert first.scores[2:13].tolist() == [1] * 11
    np.testing.assert_array_equal(second.boxes[:8], plain[1].boxes[:8])
    assert not second.source[8:].any()


def read_tracks(inputs: dict[str, Path], out: Path) -> tuple[PersonTrack, ...]:
    crop(inputs, out)
    return FilmTracks.read(out).persons


def test_true_boxes_mark_the_tracks(tmp_path: Path) -> None:
    film = two_persons()
    film.truth = True
    crop(film.write(tmp_path), tmp_path / "out.h5")
    assert FilmTracks.read(tmp_path / "out.h5").info.truth


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        crop(two_persons().write(tmp_path / name), tmp_path / name / "out.h5")
    first, second = ((tmp_path / name / "out.h5").read_bytes() for name in ("a", "b"))
    assert first == second


# --- the square -----------------------------------------------------------------------------------


def plain_square(picture: np.ndarray, box: Box, margin: float) -> np.ndarray:
    """Pixel by pixel, black outside."""
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1) * (1 + 2 * margin)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    rows = range(round(y - side / 2), max(round(y + side / 2), round(y - side / 2) + 1))
    columns = range(round(x - side / 2), max(round(x + side / 2), round(x - side / 2) + 1))
    height, width = picture.shape[:2]
    black = np.zeros(3, np.uint8)
    return np.asarray(
        [
            [picture[r, c] if 0 <= r < height and 0 <= c < width else black for c in columns]
            for r in rows
        ]
    )


side = st.floats(0.1, 30)
place = st.floats(-10, 50)


@given(place, place, side, side, st.floats(0, 1), st.integers(8, 40))
@settings(max_examples=60, deadline=None)
def test_the_square_around_the_box(
    x: float, y: float, width: float, height: float, margin: float, size: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    box = (x, y, x + width, y + height)
    expected = Image.fromarray(plain_square(picture, box, margin))
    got = cut_out(Image.fromarray(picture), box, margin, size)
    resized = expected.resize((size, size), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(got, np.asarray(resized))


def test_it_is_black_outside_the_frame() -> None:
    white = Image.fromarray(np.full((40, 40, 3), 255, np.uint8))
    got = cut_out(white, (-10, 0, 10, 20), 0.0, 20)
    assert not got[:, :8].any()
    assert (got[:, 12:] == 255).all()


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 0), ("margin", -0.1), ("quality", 96), ("min_score", 0.0), ("max_gap", 0),
        ("cut_threshold", 0.0),
    ],
)  # fmt: skip
def test_parameters_out_of_range(name: str, value: float) -> None:
    with pytest.raises(RhasError, match=rf"crop\.{name}: parameter out of range"):
        CropConfig(**{name: value})


def test_a_stride_that_no_track_can_bridge(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"crop\.max_gap.*\n.*at least ground\.stride, 5"):
        crop(two_persons().write(tmp_path), tmp_path / "out.h5", max_gap=4)


def test_boxes_of_another_film(tmp_path: Path) -> None:
    frames = two_persons(23).write(tmp_path / "a")["frames"]
    boxes = two_persons(30).write(tmp_path / "b")["boxes"]
    with pytest.raises(RhasError, match=r"do not belong together: the sampled frames") as error:
        crop({"frames": frames, "boxes": boxes}, tmp_path / "out.h5")
    assert "boxes.h5" in str(error.value)
    with edit_hdf5(boxes) as file:
        file.attrs["movie"] = "other"
    with pytest.raises(RhasError, match=r"the boxes' movie\n.*expected: m\n.*got: other"):
        crop({"frames": frames, "boxes": boxes}, tmp_path / "out.h5")


def test_boxes_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="boxes of no reference"):
        crop(Drawn(10, []).write(tmp_path), tmp_path / "out.h5")


def test_a_damaged_frame_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    inputs = two_persons().write(tmp_path)
    with edit_hdf5(inputs["frames"]) as file:
        start, stop = file["offsets"][7], file["offsets"][8]
        file["jpeg"][start:stop] = 0
    with pytest.raises(RhasError, match=r"frames\.h5, frame 7: .*absent or damaged"):
        crop(inputs, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    inputs = two_persons().write(tmp_path)
    out = tmp_path / "out.h5"

    def stop_when_writing(count: int) -> None:
        if out.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crop_film(CropInput("m", **inputs), CropConfig(), out, stop_when_writing)
    assert not out.exists()
