"""Recall of hand-made boxes against hand-made truth."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import write_boxes, write_frames, write_tracks, write_truth

from rhas.base.errors import RhasError
from rhas.ground.recall import Recall, film_recall, folder_recall, iou
from rhas.stores.manifest import Film, Manifest

ROOT = Path(__file__).resolve().parents[2]
A, B, FAR = [0, 0, 40, 80], [60, 0, 100, 80], [110, 0, 119, 9]
NEAR_A = [10, 0, 50, 80]  # IoU with A 30 / 50
HALF_A = [20, 0, 60, 80]  # IoU with A 20 / 60

FOUND = [[[FAR, NEAR_A], [A], []], [[A, FAR], [NEAR_A], [B]]]  # by person and sampled frame


def film(folder: Path, movie: str) -> dict[str, Path]:
    """Two people in six frames, sampled 0, 2, 4, the working frame as large as the source.

    Frames 0 and 1: both. 2 and 3: both on the same spot. 4: A and B a fifth visible. 5: nobody.
    """
    boxes = np.full((6, 2, 4), np.nan, np.float32)
    boxes[:5, 0], boxes[:2, 1], boxes[2:4, 1], boxes[4, 1] = A, B, A, B
    visible = np.array([[1, 1]] * 4 + [[0.25, 0.2], [0, 0]])
    for name in ("truth", "frames", "boxes", "tracks"):
        (folder / name).mkdir(exist_ok=True)
    name = f"{movie}.h5"
    tracks = np.full((2, 6, 4), np.nan)
    tracks[0, :2], tracks[0, 4:] = NEAR_A, HALF_A
    tracks[1] = A
    return {
        "truth": write_truth(folder / "truth" / name, boxes, visible, 15, (120, 90)),
        "frames": write_frames(folder / "frames" / name, [b""] * 6, 15, (120, 90)),
        "boxes": write_boxes(folder / "boxes" / name, [0, 2, 4], FOUND),
        "tracks": write_tracks(folder / "tracks" / name, tracks),
    }


# Pairs: both in frames 0 and 2, A in 4. Person 0: second candidate in 0, first in 2, none in 4.
# Person 1: none in 0, first in 2. Chance: 1/2 each in frame 0, 1 each in 2, 1 in 4.
# Tracks: person 0 in 0 to 4, 1 in 0 to 3; right in 0 and 1 for person 0, in 2 and 3 for person 1.
EXPECTED = Recall(pairs=5, top=2, any=3, chance=4.0, track_pairs=9, track=4)


def test_by_hand(tmp_path: Path) -> None:
    assert film_recall(**film(tmp_path, "m")) == EXPECTED
    assert EXPECTED.rates() == {"top": 0.4, "any": 0.6, "chance": 0.8, "track": 4 / 9}


def test_without_tracks(tmp_path: Path) -> None:
    paths = film(tmp_path, "m")
    del paths["tracks"]
    found = film_recall(**paths)
    assert (found.pairs, found.top, found.track_pairs) == (5, 2, 0)
    assert found.rates()["track"] is None


def test_boxes_are_compared_in_pixels_of_the_working_frame(tmp_path: Path) -> None:
    paths = film(tmp_path, "m")
    paths["frames"].unlink()
    write_frames(paths["frames"], [b""] * 6, 15, (60, 90))  # half as wide as the source
    halved = [
        [[[x1 / 2, y1, x2 / 2, y2]] for x1, y1, x2, y2 in row] for row in ([A, A, A], [B, A, B])
    ]
    paths["boxes"].unlink()
    write_boxes(paths["boxes"], [0, 2, 4], halved)
    del paths["tracks"]
    assert film_recall(**paths).top == 5


def test_films_add_up_and_the_script_prints_them_by_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for movie in ("one", "two", "three"):
        film(tmp_path, movie)
    subsets = {"one": "train", "two": "val", "three": "train"}
    films = tuple(Film(m, f"films/{m}.mp4", "", ("a", "b"), s) for m, s in subsets.items())
    Manifest("mini", films, truth=True).write(tmp_path)
    places = {name: tmp_path / name for name in ("frames", "boxes", "tracks")}
    found = folder_recall(tmp_path, **places)
    assert found == dict.fromkeys(subsets, EXPECTED)
    assert sum(found.values(), Recall()).pairs == 15

    printed = script(tmp_path, places, monkeypatch, capsys)
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines()}
    rates = ["40.0", "60.0", "80.0", "44.4"]
    assert lines["two"] == lines["val"] == ["5", *rates, "9"]
    assert lines["train"] == ["10", *rates, "18"]
    assert lines["all"] == ["15", *rates, "27"]
    assert "test" not in lines

    (tmp_path / "boxes" / "two.h5").unlink()
    with pytest.raises(SystemExit, match="1"):
        script(tmp_path, places, monkeypatch, capsys)
    assert "two.h5: no such store" in capsys.readouterr().err


def script(
    raw: Path,
    places: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """What benchmarks/grounding.py prints."""
    options = [text for name, place in places.items() for text in (f"--{name}", str(place))]
    monkeypatch.setattr(sys, "argv", ["grounding.py", "--raw", str(raw), *options])
    runpy.run_path(str(ROOT / "benchmarks" / "grounding.py"), run_name="__main__")
    return capsys.readouterr().out


def test_stores_that_do_not_belong_together(tmp_path: Path) -> None:
    paths = film(tmp_path, "m")
    paths["boxes"].unlink()
    write_boxes(paths["boxes"], [0, 6], [[[A], [A]], [[A], [A]]])
    with pytest.raises(RhasError, match="does not have"):
        film_recall(**paths)
    paths["boxes"].unlink()
    write_boxes(paths["boxes"], [0], [[[A]]])
    with pytest.raises(RhasError, match=r"(?s)another number of persons.*expected: 2.*got: 1"):
        film_recall(**paths)


def test_a_track_of_another_length(tmp_path: Path) -> None:
    paths = film(tmp_path, "m")
    paths["tracks"].unlink()
    write_tracks(paths["tracks"], np.zeros((2, 5, 4)))
    with pytest.raises(RhasError, match=r"(?s)person 0: a track of another length.*6 frames.*5"):
        film_recall(**paths)


def test_a_manifest_of_films_without_truth(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(
        json.dumps({"dataset": "own", "films": [], "truth": False}), "utf-8"
    )
    assert folder_recall(tmp_path, tmp_path, tmp_path) == {}


BOX = st.tuples(*[st.integers(0, 12)] * 4)


@settings(max_examples=80, deadline=None)
@given(BOX, BOX)
def test_iou_counts_shared_pixels(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    masks = []
    for x1, y1, x2, y2 in (one, other):
        mask = np.zeros((12, 12), bool)
        mask[y1:y2, x1:x2] = True
        masks.append(mask)
    both, either = (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()
    found = iou(np.array(one, np.float32), np.array(other, np.float32))
    assert found == pytest.approx(both / either if either else 0.0)


def test_iou_with_nan_is_none() -> None:
    assert iou(np.full((2, 4), np.nan), np.array([0, 0, 1, 1.0])).tolist() == [0, 0]
