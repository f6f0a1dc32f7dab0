"""Truth and tracks of hand-made films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damage import edit_hdf5
from film_stores import NAN, TRUE, write_stores, write_tracks

from rhas.base.errors import RhasError
from rhas.evaluate.tracked import read_tracked_film
from rhas.stores.tracks import FilmTracks


def test_cuts_and_boxes_are_those_of_the_working_frames(tmp_path: Path) -> None:
    """Source at 30 a second and twice as large: frame n shows source picture 2n."""
    stores = write_stores(tmp_path, {"one": "test"})
    with edit_hdf5(stores.truth_path("one")) as file:
        for name in ("boxes", "visible"):
            doubled = np.repeat(file[name][:], 2, axis=0)
            del file[name]
            file[name] = doubled * (2 if name == "boxes" else 1)
        del file["time"], file["cuts"]
        file["time"], file["cuts"] = np.arange(12) / 30, np.array([3, 8], np.int32)
        file.attrs["width"], file.attrs["height"] = 240, 180
    film = read_tracked_film(stores, "one")
    assert film.cuts.tolist() == [2, 4]  # source 3 is passed by frame 2 = source 4
    there = np.array(TRUE).swapaxes(0, 1)
    np.testing.assert_array_equal(film.right, there)
    np.testing.assert_array_equal(film.visible, np.isfinite(there).all(2))


def test_stores_that_do_not_belong_together(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "val"})
    tracks = stores.tracks / "one.h5"
    tracks.unlink()
    with pytest.raises(RhasError, match=r"one\.h5: no such store"):
        read_tracked_film(stores, "one")
    write_tracks(tracks, [[NAN] * 5] * 2, [[0] * 5] * 2)
    with pytest.raises(RhasError, match=r"(?s)6 frames of 2 persons.*5 frames of 2 persons"):
        read_tracked_film(stores, "one")
    tracks.unlink()
    write_tracks(tracks, [[NAN] * 6] * 2, [[0] * 6] * 2)
    with edit_hdf5(tracks) as file:
        for name in ("boxes", "scores", "source"):
            values = file["person_001"][name][:5]
            del file["person_001"][name]
            file["person_001"][name] = values
    with pytest.raises(RhasError, match=r"(?s)not the tracks of one film.*2 persons with \[5, 6\]"):
        FilmTracks.read(tracks)
    tracks.unlink()
    write_tracks(tracks)
    with edit_hdf5(stores.truth_path("one")) as file:
        del file["lookalike"]
    with pytest.raises(RhasError, match=r"(?s)another version.*dvc repro prepare"):
        read_tracked_film(stores, "one")
