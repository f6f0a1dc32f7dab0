"""A film's features in parts: the bytes and the report of the film that is extracted as a whole."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import edit_hdf5
from factory import make_track, write_frames, write_tracks

from rhas.base.errors import RhasError
from rhas.base.parts import FilmPart, Span
from rhas.base.progress import ignore_progress
from rhas.config.extract import ExtractConfig
from rhas.engine.stage import try_jobs
from rhas.engine.steps import FilmFiles
from rhas.engine.workcache import WorkCache
from rhas.extract.encoding import ExtractInput, extract_film, merge_film, split_film
from rhas.extract.step import EXTRACT
from rhas.stores.features import FeatureInfo, Features, FeatureStoreWriter, merge_features
from rhas.stores.jpeg import encode_jpeg

T, SIZE = 11, 32
BOX = [0, 0, 8, 8]
REFERENCES = ["the woman in the red coat", "the tall man", "nobody"]
PRESENT = np.array([[True] * T, [f not in (0, 4, 5, 10) for f in range(T)], [False] * T])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> FilmFiles:
    """Three persons; the second one misses frames, the third has no track."""
    folder = tmp_path_factory.mktemp("film")
    rng = np.random.default_rng(0)

    def picture(height: int, width: int) -> bytes:
        return encode_jpeg(rng.integers(0, 256, (height, width, 3), np.uint8), 90)

    frames = write_frames(folder / "frames.h5", [picture(36, 64) for _ in range(T)])
    crops = [[picture(SIZE, SIZE) if there else b"" for there in row] for row in PRESENT]
    tracks = [
        make_track([BOX if crop else [np.nan] * 4 for crop in row], reference=reference)
        for reference, row in zip(REFERENCES, crops, strict=True)
    ]
    return FilmFiles("m", frames=frames, tracks=write_tracks(folder / "tracks.h5", tracks, crops))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("vlm", "changes", "longest", "edges"),
    [
        ("blip2", {}, 4, [0, 3, 6, 11]),
        ("blip2", {"batch_size": 2, "keep_tokens": True}, 4, [0, 4, 8, 11]),
        ("clip", {"batch_size": 1}, 2, [0, 1, 3, 5, 7, 9, 11]),
        ("clip", {"batch_size": "auto"}, 2, [0, 11]),  # fewer frames than a batch
        ("clip", {}, 11, [0, 11]),
    ],
)
def test_parts_of_a_film(
    tmp_path: Path,
    checkpoints: dict[str, Path],
    film: FilmFiles,
    vlm: str,
    changes: dict[str, Any],
    longest: int,
    edges: list[int],
) -> None:
    settings = {"vlm": vlm, "checkpoints": {vlm: f"weights/{vlm}"}, "batch_size": 3, **changes}
    config = ExtractConfig(**settings)
    source = ExtractInput("m", film.get_path("frames"), film.get_path("tracks"), checkpoints[vlm])
    report = extract_film(source, config, tmp_path / "whole.zarr", ignore_progress)
    spans, parts, told = split_film(source, config, longest), [], []
    assert [span.start for span in spans] + [T] == edges
    for span in spans:
        path = tmp_path / f"{span}.zarr"
        piece = extract_film(replace(source, span=span), config, path, told.append)
        parts.append(FilmPart(path, piece))
    assert merge_film(parts, config, tmp_path / "merged.zarr") == report
    assert files(tmp_path / "merged.zarr") == files(tmp_path / "whole.zarr")
    assert sum(told) == T


def test_two_workers_give_the_entry_of_one(
    tmp_path: Path,
    checkpoints: dict[str, Path],
    film: FilmFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = str(checkpoints["blip2"])
    config = ExtractConfig(vlm="blip2", checkpoints={"blip2": folder}, batch_size=3)
    monkeypatch.setenv("RHAS_PART_FRAMES", "4")
    records = []
    for workers in "12":
        monkeypatch.setenv("RHAS_WORKERS", workers)
        entries, failures = try_jobs(
            WorkCache(tmp_path / workers), "extract", [EXTRACT.make_job(film, config)]
        )
        assert not failures
        records.append((entries["m"].folder / "entry.json").read_bytes())  # with the digests
        assert len(os.listdir(tmp_path / workers / "extract")) == 1
    assert records[0] == records[1]


def test_errors_of_a_part_count_the_films_frames(
    tmp_path: Path, checkpoints: dict[str, Path], film: FilmFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExtractConfig(vlm="clip", checkpoints={"clip": "weights/clip"}, batch_size=2)
    broken = tmp_path / "frames.h5"
    shutil.copy(film.get_path("frames"), broken)
    with edit_hdf5(broken) as file:
        offsets = file["offsets"][:]
        file["jpeg"][offsets[7] : offsets[8]] = 0
    source = ExtractInput("m", broken, film.get_path("tracks"), checkpoints["clip"])
    extract_film(replace(source, span=Span(8, 11)), config, tmp_path / "a.zarr", ignore_progress)
    with pytest.raises(RhasError, match=r"frames\.h5.*frame 7"):
        extract_film(replace(source, span=Span(6, 8)), config, tmp_path / "b", ignore_progress)


def test_parts_larger_than_a_chunk(tmp_path: Path) -> None:
    """Chunks of arrays and of query tokens that begin in one part and end in the next."""
    rng, edges = np.random.default_rng(0), [0, 950, 2100, 2350]
    streams = rng.normal(size=(2, 2350, 6)).astype(np.float16)
    tokens = rng.normal(size=(2, 2350, 2, 6)).astype(np.float16)
    present = rng.random(2350) < 0.5
    present[1000:1200] = False
    streams[1, ~present] = tokens[1, ~present] = 0

    def write(path: Path, start: int, stop: int) -> Path:
        writer, rows = FeatureStoreWriter(path, persons=1), slice(start, stop)
        features = Features(streams[0, rows], streams[1, rows], present[rows], np.ones(3, "f4"))
        info = FeatureInfo("m", 15.0, stop - start, "blip2", "w", "0", "float16", False, ("x",),
                           (features.measure_statistics(),))  # fmt: skip
        for number, stream in enumerate(("holistic", "partial")):
            frames = np.arange(stop - start)[present[rows]] if number else np.arange(stop - start)
            with writer.create_tokens(0, stream, (stop - start, 2, 6)) as kept:
                kept.put(frames, tokens[number, rows][frames])
        writer.write([features], info)
        return path

    whole = write(tmp_path / "whole.zarr", 0, 2350)
    parts = [write(tmp_path / f"{start}.zarr", start, stop) for start, stop in pairwise(edges)]
    merge_features(parts, tmp_path / "merged.zarr")
    assert files(tmp_path / "merged.zarr") == files(whole)
