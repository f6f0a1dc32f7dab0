"""Contact sheets of hand-made films, looked at pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film_stores import NAN, A, B, write_frames, write_stores, write_tracks
from PIL import Image, ImageColor

from rhas.base.errors import RhasError
from rhas.evaluate.contact_sheets import read_sheet, spread_middles, write_contact_sheets
from rhas.report.sheet_image import COLOURS, WRONG, Sheet, draw_sheet

NOBODY = {"boxes": np.array([[NAN, NAN]]), "source": np.zeros((1, 2), int)}


def sheet(**changes: Any) -> Sheet:
    """One frame, 640 by 360 and grey, of two people: the first detected, the second missing."""
    made = Sheet(
        "film",
        [["the first", "said of it"], ["the second", "said of it"]],
        [False, True],
        [np.full((360, 640, 3), 128, np.uint8)],
        [75.0],
        np.array([[[50, 50, 250, 350], NAN]]),
        np.array([[1, 0]]),
        None,
        np.zeros((1, 2), bool),
        np.zeros((1, 2), bool),
    )
    return replace(made, **changes)


def pixels_of(image: Image.Image, colour: str) -> int:
    return int((np.asarray(image) == ImageColor.getrgb(colour)).all(2).sum())


def test_a_person_has_its_colour_and_a_wrong_box_a_red_number() -> None:
    plain, nobody = draw_sheet(sheet()), draw_sheet(sheet(**NOBODY))
    border = 2 * (200 + 300) * 3 * 302 / 640  # of a tile 302 pixels wide
    drawn = pixels_of(plain, COLOURS[0]) - pixels_of(nobody, COLOURS[0])
    assert drawn == pytest.approx(border, rel=0.2)  # and its number's ground
    wrong = draw_sheet(sheet(wrong=np.array([[True, False]])))
    assert pixels_of(wrong, WRONG) > pixels_of(plain, WRONG) + 100
    lost = draw_sheet(sheet(lost=np.array([[False, True]])))
    assert pixels_of(plain, WRONG) < pixels_of(lost, WRONG)


def test_interpolated_boxes_are_dashed_and_true_ones_thin() -> None:
    tags = pixels_of(draw_sheet(sheet(**NOBODY)), COLOURS[0])
    box = np.array([[[50, 50, 250, 350], NAN]])
    solid = pixels_of(draw_sheet(sheet()), COLOURS[0]) - tags
    dashed = pixels_of(draw_sheet(sheet(source=np.array([[2, 0]]))), COLOURS[0]) - tags
    thin = pixels_of(draw_sheet(sheet(right=box, **NOBODY)), COLOURS[0]) - tags
    assert 0.4 < dashed / solid < 0.8
    assert 0.2 < thin / solid < 0.45


def test_a_person_who_is_never_found_is_said_to_be_so_in_red() -> None:
    both = draw_sheet(sheet())
    neither = draw_sheet(sheet(not_found=[False, False]))
    assert pixels_of(both, WRONG) > 100
    assert pixels_of(neither, WRONG) == 0


@pytest.mark.parametrize(("shape", "columns"), [((90, 160), 6), ((160, 90), 8)])
def test_the_sheet_holds_all_frames(shape: tuple[int, int], columns: int) -> None:
    n = 9
    images = [None, *(np.full((*shape, 3), 10 * k, np.uint8) for k in range(1, n))]
    image = draw_sheet(
        sheet(
            images=images, seconds=[float(k) for k in range(n)],
            boxes=np.full((n, 2, 4), np.nan), source=np.zeros((n, 2), int),
            wrong=np.zeros((n, 2), bool), lost=np.zeros((n, 2), bool),
        )
    )  # fmt: skip
    for k in range(1, n):
        assert pixels_of(image, f"#{10 * k:02x}{10 * k:02x}{10 * k:02x}") > 10_000
    tile = (1920 - 48 - 12 * (columns - 1)) // columns
    rows = -(-n // columns)
    assert image.width == 1920
    assert 0 < image.height - rows * tile * shape[0] / shape[1] < 400


def test_many_people_and_long_references() -> None:
    n = 15
    image = draw_sheet(
        sheet(
            legend=[["a very long reference " * 20, "said"]] * n, not_found=[False] * n,
            boxes=np.array([[A] * n]), source=np.ones((1, n), int),
            wrong=np.zeros((1, n), bool), lost=np.zeros((1, n), bool),
        )
    )  # fmt: skip
    assert image.width == 1920


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(RhasError, match="1 frames, above 0, of 2 persons"):
        sheet(source=np.zeros((1, 3), int))
    with pytest.raises(RhasError, match="0 frames, above 0"):
        sheet(images=[])


def test_frames_are_spread_over_the_film() -> None:
    assert spread_middles(100, 4).tolist() == [12, 37, 62, 87]
    assert spread_middles(3, 24).tolist() == [0, 1, 2]


def test_what_is_read_of_a_film(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "test"})
    made = read_sheet(stores, "one", 3)
    assert made.title == "one: 3 of 6 frames"
    assert [round(15 * s) for s in made.seconds] == [1, 3, 5]
    assert made.source.tolist() == [[2, 0], [0, 0], [2, 2]]
    assert made.legend[0] == [
        "the woman in the red coat",
        "a box in 83 % of the frames (50 % detected, 33 % interpolated); visible in 100 %: "
        "of these 67 % right, 17 % on another person",
    ]
    assert made.right is not None
    everything = read_sheet(stores, "one", 24)
    assert everything.wrong.tolist() == [[f == 2, False] for f in range(6)]
    assert everything.lost.tolist() == [[f == 3, 1 <= f <= 3] for f in range(6)]


def test_a_film_without_truth_and_without_anybody(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": None}, truth=False)
    (stores.tracks / "one.h5").unlink()
    write_tracks(stores.tracks / "one.h5", [[NAN] * 6] * 2, [[0] * 6] * 2)
    made = read_sheet(stores, "one", 24)
    assert made.right is None
    assert made.not_found == [True, True]
    assert not made.wrong.any()
    assert not made.lost.any()
    assert made.legend[1][1] == "a box in 0 % of the frames (0 % detected, 0 % interpolated)"


def test_films_that_are_not_trained_on_get_a_sheet(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "train", "two": "val", "three": "test"})
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
        write_contact_sheets(stores, {"one"}, 24, tmp_path / folder)
    first, again = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "contact_sheets").iterdir()}
        for name in ("first", "again")
    )
    assert sorted(first) == ["three.jpg", "two.jpg"]
    assert first == again


def test_features_without_a_film_get_no_sheet(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "val", "two": "test"})
    for folder in (stores.frames, stores.tracks):
        (folder / "one.h5").unlink()
    (tmp_path / "out").mkdir()
    write_contact_sheets(stores, set(), 24, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "contact_sheets").iterdir()] == ["two.jpg"]


def test_half_a_film_is_an_error(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "test"})
    (stores.tracks / "one.h5").unlink()
    with pytest.raises(RhasError, match=r"one\.h5"):
        write_contact_sheets(stores, set(), 24, tmp_path)


def test_a_lost_frame_is_shown_as_such(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "test"})
    (stores.frames / "one.h5").unlink()
    write_frames(stores.frames / "one.h5", lost=[4])
    made = read_sheet(stores, "one", 24)
    assert [picture is None for picture in made.images] == [f == 4 for f in range(6)]
    draw_sheet(made)


def test_frames_that_do_not_belong_to_the_tracks(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": None}, truth=False)
    (stores.tracks / "one.h5").unlink()
    write_tracks(stores.tracks / "one.h5", [[A] * 5, [B] * 5], [[1] * 5] * 2)
    with pytest.raises(RhasError, match=r"(?s)do not belong together.*5 frames.*6"):
        read_sheet(stores, "one", 24)
    (stores.frames / "one.h5").unlink()
    with pytest.raises(RhasError, match="no such store"):
        read_sheet(stores, "one", 24)
