from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.stores.frames import count_frames
from rhas.stores.hdf5 import create_hdf5
from rhas.stores.jpeg import JpegReader, JpegWriter, decode_jpeg, encode_jpeg


def picture(seed: int, size: int = 32) -> np.ndarray:
    ramp = np.linspace(0, 200, size)[:, None, None] + np.linspace(0, 50, size)[None, :, None]
    return (ramp + np.array([0, seed % 6, 5])).astype(np.uint8)


def write(path: Path, frames: list[bytes]) -> None:
    with create_hdf5(path) as file, JpegWriter(file) as writer:
        for data in frames:
            writer.append(data)


def test_pictures_come_back_in_order(tmp_path: Path) -> None:
    pictures = [picture(n) for n in range(40)]
    encoded = [encode_jpeg(p, 95) for p in pictures]
    write(tmp_path / "a.h5", [encoded[0], b"", *encoded[1:]])
    assert count_frames(tmp_path / "a.h5") == 41
    with h5py.File(tmp_path / "a.h5") as file:
        reader = JpegReader(file)
        assert reader[1] is None
        assert reader.read_bytes(5) == encoded[4]
        assert np.abs(reader[40].astype(int) - pictures[39]).max() <= 6
        blocks = list(reader.read_blocks(range(0, 41, 2), 8))
    assert [len(block) for block in blocks] == [8, 8, 5]
    assert [frame for block in blocks for frame, _ in block] == list(range(0, 41, 2))


def test_more_than_one_flush(tmp_path: Path) -> None:
    noise = [np.random.default_rng(n).bytes(3_000_000) for n in range(5)]
    write(tmp_path / "a.h5", noise)
    with h5py.File(tmp_path / "a.h5") as file:
        reader = JpegReader(file)
        assert all(reader.read_bytes(n) == data for n, data in enumerate(noise))


def test_same_input_same_bytes(tmp_path: Path) -> None:
    frames = [encode_jpeg(picture(n), 90) for n in range(5)]
    write(tmp_path / "a.h5", frames)
    write(tmp_path / "b.h5", frames)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_damage_names_file_and_frame(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [encode_jpeg(picture(0), 90), b"no picture"])
    with (
        h5py.File(tmp_path / "a.h5") as file,
        pytest.raises(RhasError, match=r"a\.h5.*frame 1"),
    ):
        JpegReader(file)[1]


def test_grey_pictures_are_read_as_rgb() -> None:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (4, 4), 100).save(buffer, "JPEG")
    assert decode_jpeg(buffer.getvalue()).shape == (4, 4, 3)
