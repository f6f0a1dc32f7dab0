"""Films that show the same are found, by packets and by pictures; others are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from films import turn, write_film

from rhas.data.leaks import (
    SharedFrames,
    SharedPictures,
    describe_sides,
    find_shared_frames,
    find_shared_pictures,
    hash_frames,
    may_differ,
)
from rhas.decode.container import inspect_film

FPS = 30
SIZE = (72, 96)


def draw(scenes: Sequence[int], seconds: float = 2.0, room: int | None = None) -> list[np.ndarray]:
    """Bodies that move before a wall; a scene per number, all in one room where it is given."""
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    pictures = []
    for scene in scenes:
        wall = np.random.default_rng(1000 + (scene if room is None else room))
        grey = np.kron(wall.integers(40, 200, (6, 8)), np.ones((12, 12)))
        rng = np.random.default_rng(scene)
        centres, speed = rng.uniform(0.2, 0.8, (3, 2)), rng.uniform(-0.2, 0.2, (3, 2))
        for n in range(round(seconds * FPS)):
            picture = grey.copy()
            for (cy, cx), (vy, vx), light in zip(centres, speed, (0, 255, 120), strict=True):
                place = np.array([cy + vy * n / FPS, cx + vx * n / FPS]) % 1
                near = (np.abs(y - place[0] * height) < 14) & (np.abs(x - place[1] * width) < 7)
                picture[near] = light
            pictures.append(np.repeat(picture[..., None], 3, 2).astype(np.uint8))
    return pictures


def write(path: Path, pictures: Sequence[np.ndarray], **settings: object) -> Path:
    options = settings.pop("options", {"crf": "18", "g": "30"})
    return write_film(path, range(len(pictures)), pictures=pictures, options=options, **settings)  # type: ignore[arg-type]


def remux(path: Path, out: Path, start_s: float = 0.0, stop_s: float = 99.0) -> Path:
    """Packets of some seconds, as `ffmpeg -c copy`."""
    with av.open(str(path)) as reader, av.open(str(out), "w") as writer:
        source = reader.streams.video[0]
        copy = writer.add_stream_from_template(source)
        for packet in reader.demux(source):
            if packet.size and start_s <= float(packet.pts * packet.time_base) < stop_s:
                packet.stream = copy
                writer.mux(packet)
    return out


def find(*films: Path) -> list[SharedPictures]:
    return find_shared_pictures(
        {path.name: inspect_film(path) for path in films}, lambda first, second: True
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 seconds in four scenes."""
    return write(tmp_path_factory.mktemp("film") / "film.mp4", draw([0, 1, 2, 3]))


@pytest.mark.parametrize("name", ["copy.mp4", "copy.mkv", "copy.ts"])
def test_the_same_film_in_any_container(film: Path, tmp_path: Path, name: str) -> None:
    (shared,) = find(film, remux(film, tmp_path / name))
    assert (shared.how, shared.whole) == ("packets", "both")
    assert shared.describe().startswith(f"film.mp4 and {name} are the same film: film.mp4 0.0 to 8")


def test_a_cut_without_encoding(film: Path, tmp_path: Path) -> None:
    (shared,) = find(film, remux(film, tmp_path / "cut.mkv", 2.0, 5.0))
    assert (shared.how, shared.whole) == ("packets", "second")
    assert shared.first_span == pytest.approx((2, 5), abs=0.2)
    assert shared.second_span == pytest.approx((0, 3), abs=0.2)
    assert "cut.mkv is a part of film.mp4" in shared.describe()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("again.mp4", {"options": {"crf": "30", "g": "250"}}),
        ("again.webm", {"codec": "libvpx-vp9", "options": {"crf": "40", "b": "0", "g": "128"}}),
        ("again.avi", {"codec": "mpeg4", "options": {"b": "1M", "g": "12"}}),
        ("again.mov", {"codec": "mjpeg", "pixels": "yuvj420p", "options": {"b": "4M"}}),
    ],
)
def test_the_same_film_encoded_anew(
    film: Path, tmp_path: Path, name: str, settings: dict[str, object]
) -> None:
    again = write(tmp_path / name, draw([0, 1, 2, 3]), **settings)
    (shared,) = find(film, again)
    assert (shared.how, shared.whole) == ("pictures", "both")


def test_smaller_and_turned_by_its_metadata(film: Path, tmp_path: Path) -> None:
    pictures = [np.rot90(picture[::2, ::2]) for picture in draw([0, 1, 2, 3])]
    turned = turn(write(tmp_path / "turned.mp4", pictures), 90)
    (shared,) = find(film, turned)
    assert (shared.how, shared.whole) == ("pictures", "both")


@pytest.mark.parametrize("start", [60, 77])
def test_a_part_encoded_anew(film: Path, tmp_path: Path, start: int) -> None:
    part = write(tmp_path / "part.mkv", draw([0, 1, 2, 3])[start : start + 120])
    (shared,) = find(film, part)
    assert (shared.how, shared.whole) == ("pictures", "second")
    assert shared.first_span == pytest.approx((start / FPS, start / FPS + 4), abs=0.15)


def test_a_part_without_a_cut_encoded_anew(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", draw([5], 8.0))
    part = write(tmp_path / "part.mkv", draw([5], 8.0)[65:190], options={"crf": "28", "g": "250"})
    (shared,) = find(whole, part)
    assert (shared.how, shared.whole) == ("pictures", "second")
    assert shared.first_span == pytest.approx((65 / FPS, 190 / FPS), abs=0.2)


def test_other_films_share_nothing(film: Path, tmp_path: Path) -> None:
    assert find(film, write(tmp_path / "other.mp4", draw([10, 11, 12, 13]))) == []


def test_another_film_of_the_same_room_shares_nothing(tmp_path: Path) -> None:
    films = [
        write(tmp_path / f"{n}.mp4", draw([scene], 8.0, room=0)) for n, scene in enumerate((20, 21))
    ]
    assert find(*films) == []


def test_pictures_of_one_colour_are_no_leak(tmp_path: Path) -> None:
    black = [np.zeros((*SIZE, 3), np.uint8)] * 60
    films = [write(tmp_path / f"{n}.mp4", black + draw([30 + n])) for n in range(2)]
    assert find(*films) == []


def test_pairs_that_do_not_matter_are_not_compared(film: Path) -> None:
    films = {name: inspect_film(film) for name in ("a", "b")}
    assert find_shared_pictures(films, lambda first, second: False) == []


def test_a_copy_with_fewer_pictures_at_their_own_times(film: Path, tmp_path: Path) -> None:
    pictures = draw([0, 1, 2, 3])
    kept = sorted(np.random.default_rng(0).choice(len(pictures), 120, replace=False).tolist())
    shown = [pictures[n] for n in kept]
    (shared,) = find(film, write_film(tmp_path / "few.mkv", kept, pictures=shown))
    assert (shared.how, shared.whole) == ("pictures", "both")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("basketball_hevc.mkv", "basketball_vp9.webm", True),
        ("basketball_3people.mp4", "pancake_kitchen.mkv", False),
    ],
)
def test_real_films(shared: Path, first: str, second: str, same: bool) -> None:
    found = find(shared / "clips" / first, shared / "clips" / second)
    assert [(one.how, one.whole) for one in found] == [("pictures", "both")] * same


def test_samples_with_the_same_features() -> None:
    rng = np.random.default_rng(0)
    one, other, third = (rng.normal(size=(40, 6)).astype(np.float16) for _ in range(3))
    other[30:] = one[:10]
    third[3:6] = one[3:6]  # too few
    third[20:] = other[0]  # one picture that stands
    one[12] = other[12] = third[12] = 0
    digests = {n: hash_frames(f) for n, f in (("a", one), ("b", other), ("c", third))}
    assert find_shared_frames(digests, lambda first, second: True) == [
        SharedFrames("a", "b", 10, (0, 9), (30, 39))
    ]
    assert find_shared_frames(digests, lambda first, second: False) == []
    assert find_shared_frames({}, lambda first, second: True) == []


@pytest.mark.parametrize(
    ("first", "second", "leaks", "said"),
    [
        ("train", "test", True, "a in train and b in test"),
        ("train", "train", False, "a in train and b in train"),
        ("train", None, True, "a in train and chance decides about b"),
        (None, None, True, "chance decides about a and chance decides about b"),
    ],
)
def test_sides(first: str | None, second: str | None, leaks: bool, said: str) -> None:
    sides = {"a": first, "b": second}
    assert may_differ(sides, "a", "b") == leaks
    assert describe_sides(sides, "a", "b") == said
