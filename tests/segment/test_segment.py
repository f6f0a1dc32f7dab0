from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.base.progress import ignore_progress
from rhas.base.threads import torch_threads
from rhas.chunk import Samples, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.crop import CropConfig
from rhas.config.params import FilmParams, parse_params, read_yaml
from rhas.data.annotations import TimedAction
from rhas.decode.container import inspect_film
from rhas.engine import leases
from rhas.engine.steps import FilmFiles, FilmStep
from rhas.evaluate.fitted import Provenance, hash_model
from rhas.evaluate.scoring import score_samples
from rhas.metrics.readout import make_prediction
from rhas.metrics.segments import find_intervals
from rhas.pipeline.steps import FILM_STEPS
from rhas.report.overlay import OverlayInput, draw_overlay
from rhas.segment import run
from rhas.segment.chunks import count_chunk_frames
from rhas.segment.models import check_models, find_readout, make_default_readout
from rhas.segment.request import WORK
from rhas.segment.run import segment_film
from rhas.segment.windows import find_window_starts
from rhas.stores.compare import compare_paths
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import Film
from rhas.stores.scores import read_person_scores
from rhas.stores.tracks import FilmTracks
from rhas.train import load_method

from .asking import LENGTH, PART, READOUT, origin, readout, request


@pytest.fixture(scope="session")
def stages(
    rendered: tuple[Path, tuple[str, ...]],
    params: FilmParams,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What the stages' own functions make of the whole film: frames, boxes, tracks, features."""
    film, references = rendered
    out = tmp_path_factory.mktemp("stages")

    files = FilmFiles(film.stem, references, film=film)
    for step in FILM_STEPS:
        job = step.make_job(files, params.get_section(step.config))
        path = out / f"{film.stem if step.output == 'features' else step.output}{step.suffix}"
        with torch_threads(1):  # as the stages
            job.run(path, ignore_progress)
        files = files.add(step.output, path)
    return out


def test_parts_give_the_boxes_tracks_and_features_of_the_stages(
    segmented: Path, stages: Path, rendered: tuple[Path, tuple[str, ...]]
) -> None:
    work = segmented / WORK
    assert compare_paths(stages / "boxes.h5", work / "boxes.h5") == []
    assert compare_paths(stages / "tracks.h5", segmented / "tracks.h5") == []
    parts = sorted((work / "extract").glob("*/result"), key=lambda p: p.stat().st_mtime_ns)
    frames = frames_of(stages)
    assert len(parts) == -(-frames // PART) > 1
    whole = stages / f"{rendered[0].stem}.zarr"
    for person in range(2):
        expected = FeatureStore(whole).read_window(person, 0, frames)
        read = [FeatureStore(part).read_window(person) for part in parts]
        for name in ("holistic", "partial", "present"):
            joined = np.concatenate([getattr(r, name) for r in read])
            assert np.array_equal(joined, getattr(expected, name)), name
        assert all(np.array_equal(r.text, expected.text) for r in read)


def frames_of(stages: Path) -> int:
    return len(FilmTracks.read(stages / "tracks.h5"))


def test_the_first_window_has_the_scores_of_chunk_and_evaluate(
    segmented: Path,
    stages: Path,
    rendered: tuple[Path, tuple[str, ...]],
    model: Path,
    params: FilmParams,
    tmp_path: Path,
) -> None:
    """Up to where the second window begins; from there on they are cross-faded."""
    film, references = rendered
    config = ChunkConfig(
        fps=params.fps,
        frame_len=LENGTH,
        split="cross_movie",
        seed=params.seed,
        fractions=(0, 0, 1),
        min_frames=10,
        boundary_sigma=4.0,
    )
    movies = [Film(film.stem, film.name, "0", references, "test")]
    actions = [TimedAction(film.stem, person, "walking", 0.0, 1.0) for person in range(2)]
    write_samples(movies, actions, stages, config, tmp_path)
    samples = Samples(tmp_path, "test")
    scored = score_samples(load_method(model), samples, params.seed, len(CLASSES))
    second = find_window_starts(frames_of(stages), LENGTH, LENGTH // 8)[1]
    stored = read_person_scores(segmented / "scores.zarr")
    for item in scored:
        if item.window.start == 0:
            made = stored[item.window.person].scores[:second]
            np.testing.assert_allclose(made, item.stored[:second], atol=1e-3)
    assert sum(item.window.start == 0 for item in scored) == 2


def test_outputs_agree_with_each_other_and_with_the_read_out(
    segmented: Path, rendered: tuple[Path, tuple[str, ...]]
) -> None:
    record = json.loads((segmented / "intervals.json").read_text("utf-8"))
    stored = read_person_scores(segmented / "scores.zarr")
    with (segmented / "intervals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert record["film"] == rendered[0].name
    for person in record["persons"]:
        found = stored[person["person"]]
        assert found.reference == person["reference"] == rendered[1][person["person"]]
        scores = found.scores.astype(np.float32)
        assert scores.shape == (record["frames"], len(CLASSES))
        expected = find_intervals(
            make_prediction(scores, np.full(len(CLASSES), 0.5), READOUT).active
        )
        wanted = set(zip(expected.label, expected.start, expected.stop, strict=True))
        told = {(i["class_id"], i["start_frame"], i["end_frame"]) for i in person["intervals"]}
        assert told == (wanted if person["found"] else set())
        mine = [row for row in rows if row["person"] == str(person["person"])]
        assert len(mine) == len(person["intervals"])
        for row, interval in zip(mine, person["intervals"], strict=True):
            span = slice(interval["start_frame"], interval["end_frame"])
            score = scores[span, interval["class_id"]].mean(dtype=np.float64)
            assert float(row["score"]) == interval["score"] == pytest.approx(score, abs=1e-4)
            assert float(row["start_s"]) == pytest.approx(span.start / record["fps"], abs=1e-3)
        assert sum(person["frames"].values()) == record["frames"]
        lost = sum(gap["end_frame"] - gap["start_frame"] for gap in person["not_found"])
        assert lost == person["frames"]["missing"]
    assert any(person["intervals"] for person in record["persons"])
    assert (segmented / "actions.vtt").read_text().startswith("WEBVTT\n")
    assert not list(segmented.glob(".new-*"))


def test_a_killed_run_goes_on_and_a_changed_reference_starts_behind_decode(
    rendered: tuple[Path, tuple[str, ...]],
    model: Path,
    params: FilmParams,
    segmented: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []

    def counted(step: FilmStep, most: int = 100) -> FilmStep:
        name, function = step.name, step.function

        def call(*arguments: Any) -> Any:
            calls.append(name)
            if calls.count(name) > most:
                arguments[2].mkdir()  # half-written
                raise KeyboardInterrupt
            return function(*arguments)

        call.__module__, call.__wrapped__ = function.__module__, function  # type: ignore[attr-defined]
        return replace(step, function=call)

    steps = [counted(step, most=1 if step.name == "extract" else 100) for step in FILM_STEPS]
    monkeypatch.setattr(run, "FILM_STEPS", steps)
    monkeypatch.setattr("rhas.engine.workcache.code_hash", lambda function: function.__module__)
    out = tmp_path / "out"
    asked = request(rendered, model, params, out)
    with pytest.raises(KeyboardInterrupt):
        segment_film(asked, lambda line: None)
    assert [p.name for p in out.iterdir()] == [WORK]
    parts = calls.count("ground")
    monkeypatch.setattr(run, "FILM_STEPS", [*steps[:-1], counted(FILM_STEPS[-1])])
    calls.clear()
    segment_film(asked, lambda line: None)
    assert calls == ["extract"] * (parts - 1)
    assert not list((out / WORK).glob("*/.tmp-*"))
    for name in ("intervals.json", "intervals.csv", "actions.vtt"):
        assert (out / name).read_bytes() == (segmented / name).read_bytes()

    calls.clear()
    other = request(rendered, model, params, out, references=(rendered[1][0], "the man in black"))
    segment_film(other, lambda line: None)
    assert calls.count("decode") == 0
    assert calls.count("ground") == calls.count("extract") == parts
    assert len(list((out / WORK / "ground").iterdir())) == parts  # the former ones are gone
    persons = json.loads((out / "intervals.json").read_text("utf-8"))["persons"]
    assert [person["reference"] for person in persons] == list(other.references)
    with (out / "intervals.csv").open(newline="") as file:
        told = [(int(row["person"]), row["reference"]) for row in csv.DictReader(file)]
    assert told == [(p["person"], p["reference"]) for p in persons for _ in p["intervals"]]
    assert told


def test_stopping_a_run_that_waits_leaves_the_one_at_work_alone(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked = request(rendered, model, params, tmp_path / "out")

    def stopped(path: Path) -> leases.Lease:
        if (lease := take_lease(path)) is None:
            raise KeyboardInterrupt("the second")
        return lease

    take_lease = leases.take_lease

    def decode(source: Any, config: Any, out: Path, progress: Any) -> None:
        out.write_bytes(b"half")
        with pytest.raises(KeyboardInterrupt, match="the second"):
            segment_film(asked, lambda line: None)
        assert out.read_bytes() == b"half"
        raise KeyboardInterrupt("the first")

    monkeypatch.setattr(leases, "take_lease", stopped)
    first = replace(FILM_STEPS[0], function=decode)
    monkeypatch.setattr(run, "FILM_STEPS", [first, *FILM_STEPS[1:]])
    with pytest.raises(KeyboardInterrupt, match="the first"):
        segment_film(asked, lambda line: None)
    assert not (tmp_path / "out").exists()


def test_an_overlay_drawn_twice_has_the_same_bytes(
    stages: Path, rendered: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    walking = tuple(((0, 5, ("walking",)),) for _ in rendered[1])
    source = OverlayInput(stages / "frames.h5", stages / "tracks.h5", walking)
    drawn = [tmp_path / f"{number}.webm" for number in range(2)]
    for out in drawn:
        draw_overlay(source, out, ignore_progress)
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_references_and_folders_that_cannot_be_are_refused(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams, tmp_path: Path
) -> None:
    for references, what in (
        ((), "no reference"),
        (("  ",), "without words"),
        (("a", "a"), "twice"),
    ):
        with pytest.raises(RhasError, match=what):
            request(rendered, model, params, tmp_path, references=references)
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(RhasError, match="would replace"):
        request(rendered, model, params, tmp_path)
    with pytest.raises(RhasError, match="not a folder"):
        request(rendered, model, params, tmp_path / "index.html")
    (tmp_path / "intervals.json").write_text('{"model_hash": "0"}')  # an earlier run's
    request(rendered, model, params, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("mine")
    request(rendered, model, params, elsewhere)  # what others put there stays


def test_a_model_of_other_features_and_unknown_words_are_told_before_the_film_is_read(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams, tmp_path: Path
) -> None:
    known = origin(model, params)
    for changed, what in (
        ({"encoder": "clip"}, "encoder"),
        ({"encoder_hash": "0" * 64}, "encoder's checkpoint"),
        ({"fps": 25.0}, "rate"),
    ):
        other = readout(replace(known, **changed))
        asked = request(rendered, model, params, tmp_path / "out", readout=other)
        with pytest.raises(RhasError, match=f"other features: their {what}"):
            segment_film(asked, lambda line: None)
    asked = request(rendered, model, params, tmp_path / "out", references=("женщина",))
    with pytest.raises(RhasError, match="no word of a reference"):
        segment_film(asked, lambda line: None)
    asked = request(rendered, model, params, tmp_path / "out", references=("the man", "The  man."))
    with pytest.raises(RhasError, match=r"same words.*\n.*got: person 0: 'the man', person 1"):
        segment_film(asked, lambda line: None)
    assert not (tmp_path / "out").exists()


def test_a_model_that_reads_tokens_is_refused(
    model: Path, params: FilmParams, tmp_path: Path
) -> None:
    folder = tmp_path / "refatomnet"
    shutil.copytree(model, folder)
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**known, "method": "refatomnet"}))
    with pytest.raises(RhasError, match="query tokens"):
        check_models(folder, None, ("the man",), params)


def test_checkpoints_that_know_drawn_figures_alone_are_told(
    model: Path, params: FilmParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rhas.config.params.is_built_in", lambda name: False)
    assert check_models(model, None, ("the man",), params) == []
    monkeypatch.setattr("rhas.config.params.is_built_in", lambda name: "grounding" in name)
    (line,) = check_models(model, None, ("the man",), params)
    assert line.startswith(f"{params.ground.checkpoint}: trained on drawn figures only")


def test_parameters_that_are_left_out_have_their_defaults(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams, tmp_path: Path
) -> None:
    ground = {n: getattr(params.ground, n) for n in ("backend", "checkpoint", "stride")}
    values = read_yaml(Path(__file__).resolve().parents[2] / "params.yaml")
    extract = {"checkpoints": params.extract.checkpoints}
    values |= {"decode": {}, "ground": ground, "crop": {}, "extract": extract}
    short = parse_params(FilmParams, values)
    assert count_chunk_frames(parse_params(FilmParams, values | {"ground": {}})) == 9600
    asked = request(rendered, model, short, tmp_path / "out", chunk_frames=None)
    segment_film(asked, lambda line: None)
    record = json.loads((tmp_path / "out" / "intervals.json").read_text("utf-8"))
    assert record["min_score"] == CropConfig().min_score


def test_a_film_that_fails_leaves_nothing(
    shared: Path, model: Path, params: FilmParams, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """One that decode refuses, as it does where damage shows in the pictures alone."""
    monkeypatch.setattr(run, "identify_film", lambda film, config: (film.stem, inspect_film(film)))
    broken = shared / "clips" / "broken" / "derived_truncated55.mkv"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    for out in (tmp_path / "out", tmp_path / "new"):
        with pytest.raises(RhasError, match="damaged or truncated"):
            segment_film(request((broken, ("the man",)), model, params, out), lambda line: None)
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == [
        "out", "out/notes.txt"
    ]  # fmt: skip


def test_the_read_out_beside_a_model_or_in_results_is_used_where_it_is_the_models(
    model: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "model"
    shutil.copytree(model, mine)
    results = tmp_path / "results"
    results.mkdir()
    fitted = readout(Provenance(hash_model(mine), "blip2", "", 15.0), 0.25)
    other = readout(Provenance("f" * 64, "blip2", "", 15.0), 0.75)
    assert find_readout(mine, results) is None
    other.write(results / "readout.json")
    assert find_readout(mine, results) is None
    fitted.write(results / "readout.json")
    assert find_readout(mine, results) == fitted
    shutil.move(results / "readout.json", mine / "readout.json")
    assert find_readout(mine, results) == fitted
    other.write(mine / "readout.json")
    with pytest.raises(RhasError, match="another model"):
        find_readout(mine, results)
    assert set(make_default_readout(("a", "b")).thresholds) == {0.5}
