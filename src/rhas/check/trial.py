"""How long the stages take, from a short excerpt that really runs through them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.progress import ignore_progress
from rhas.base.system_errors import is_disk_full
from rhas.base.threads import torch_threads
from rhas.check.data import CheckedFilm, Data
from rhas.config.params import Params
from rhas.decode.container import FilmInfo, inspect_film, inspect_once
from rhas.engine.steps import FilmFiles
from rhas.engine.workers import count_workers
from rhas.pipeline.steps import FILM_STEPS

_WARM_SECONDS = 2.0
_WITHOUT_REFERENCE = ("a person",)
_BUSY = 1.5  # times as long as the stages would take alone: worth a word
_AHEAD_SECONDS = 120.0  # how far the excerpt of a long film lies from its start


@dataclass(frozen=True)
class StageTrial:
    """What one stage took for the excerpt.

    Args:
        seconds: of one process with one thread.
        cpu: seconds of these in which it had a core.
        units: work done, see `units`.
        bytes: written.
    """

    seconds: float
    cpu: float
    units: float
    bytes: int


def units(film: CheckedFilm, stage: str, params: Params) -> float:
    """The work of a film in a stage, in what its time grows with: source pictures or, where there
    are more, frames for decode, sampled frames for ground, and pictures (frames and every person's
    crops) for the others."""
    frames = film.seconds * params.fps
    if stage == "decode":
        return max(float(film.source_frames), frames)
    if stage == "ground":
        return frames / params.ground.stride
    return frames * (1 + film.persons)


def count_written(film: CheckedFilm, stage: str, params: Params) -> float:
    """What the bytes of a stage grow with: frames for decode, else `units`."""
    return film.seconds * params.fps if stage == "decode" else units(film, stage, params)


def run_trial(
    data: Data, params: Params, seconds: float, folder: Path
) -> tuple[dict[str, StageTrial], CheckedFilm]:
    """Cuts an excerpt and runs it through decode, ground, crop and extract, after a warm-up.

    Args:
        seconds: of film.
        folder: exists, empty; everything is written there.

    Returns:
        Trials by stage, and the excerpt as a film.

    Raises:
        RhasError: no film to cut from, or what a stage raises.
    """
    with torch_threads(1):
        for name, length in (("warm", min(seconds, _WARM_SECONDS)), ("excerpt", seconds)):
            place = folder / name
            place.mkdir()
            film, truth = _make_excerpt(data, params, length, place)
            trials = _run_steps(film, truth, params, place)
    return trials, film


def _make_excerpt(
    data: Data, params: Params, seconds: float, place: Path
) -> tuple[CheckedFilm, Path]:
    """A piece of the longest film; drawn where RHAS-mini does not exist yet."""
    if not data.films:
        raise RhasError("no film to try", where="rhas check --trial")
    longest = max(data.films, key=lambda film: film.seconds)
    if longest.path is None:
        from rhas.mini import film_specs, write_film  # draws: needs rhas[mini]

        spec = film_specs(params.mini)[0]
        spec = replace(spec, seconds=max(seconds, 1.0))
        truth = write_film(spec, place)
        path = place / spec.file_name
        sentences = tuple(truth.references)
        size = (spec.width, spec.height)
        return (CheckedFilm(spec.movie, path, float(spec.seconds), len(truth.boxes), size,
                            sentences, len(sentences)), place / "none")  # fmt: skip
    begin = 0.0
    if params.ground.backend != "truth":
        begin = min(_AHEAD_SECONDS, max(0.0, (longest.seconds - seconds) / 2))
    excerpt = cut_excerpt(longest.path, place, begin, seconds)
    sentences = longest.references or _WITHOUT_REFERENCE
    film = replace(
        longest,
        path=excerpt.path,
        seconds=excerpt.seconds,
        source_frames=len(excerpt.ticks),
        references=sentences,
        persons=len(sentences),
    )
    return film, (data.truth or place) / f"{longest.movie}.h5"


def cut_excerpt(source: Path, folder: Path, begin: float, seconds: float) -> FilmInfo:
    """Copies packets of the film that decode reads, from the key picture at or before ``begin``.

    Returns:
        The excerpt; the film itself where no container takes its pictures as they are.

    Raises:
        RhasError: not a film.
    """
    film = inspect_once(source)
    for suffix in (".avi",) if film.by_order else (".mkv", ".nut"):
        out = folder / f"excerpt{suffix}"
        try:
            _copy_packets(film, out, begin, seconds)
            return inspect_film(out)
        except (av.FFmpegError, ValueError, RhasError) as error:
            if is_disk_full(error):
                raise
    return film


def _copy_packets(film: FilmInfo, out: Path, begin: float, seconds: float) -> None:
    source = str(film.path.absolute())
    with av.open(source) as reader, av.open(str(out), "w") as writer:
        stream = reader.streams[film.stream]
        # opaque: a codec that FFmpeg decodes here is copied though it is not encoded here (AV1)
        copy = writer.add_stream_from_template(stream, opaque=True)
        for packet in _retime_packets(_select_packets(reader, stream, film, begin, seconds)):
            packet.stream = copy
            writer.mux(packet)


def _select_packets(
    reader: Any, stream: Any, film: FilmInfo, begin: float, seconds: float
) -> list[Any]:
    """Packets from the last key picture at or before ``begin``; of at least one picture."""
    chosen: list[Any] = []
    origin = float(film.start * film.time_base)
    end = math.inf
    for packet in reader.demux(stream):
        moment = packet.dts if packet.pts is None else packet.pts
        if moment is None or not packet.size:
            continue
        at = float(moment * stream.time_base) - origin
        if packet.is_keyframe and at <= begin:
            chosen, end = [], at + seconds
        if chosen and at >= end:
            break
        chosen.append(packet)
    return chosen


def _retime_packets(packets: Sequence[Any]) -> Iterator[Any]:
    """Packets whose times begin at 0; decoding times, which some containers lack, from the order
    of the presentation times."""
    shown = [packet.dts if packet.pts is None else packet.pts for packet in packets]
    rising = sorted(shown)
    delay = max(
        (decoded - moment for decoded, moment in zip(rising, shown, strict=True)), default=0
    )
    for packet, moment, decoded in zip(packets, shown, rising, strict=True):
        packet.pts, packet.dts = moment - rising[0] + delay, decoded - rising[0]
        yield packet


def _run_steps(
    film: CheckedFilm, truth: Path, params: Params, place: Path
) -> dict[str, StageTrial]:
    assert film.path is not None
    params = params.replace(decode=params.decode.replace(damaged="keep"))
    trials: dict[str, StageTrial] = {}
    files = FilmFiles(film.movie, film.references, film=film.path, truth=truth)
    for step in FILM_STEPS:
        job = step.make_job(files, params.get_section(step.config))
        out = place / f"{step.name}{step.suffix}"
        began, cpu = time.perf_counter(), time.process_time()
        job.run(out, ignore_progress)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        size = sum(p.stat().st_size for p in ([out] if out.is_file() else out.rglob("*")))
        trials[step.name] = StageTrial(took, cpu, units(film, step.name, params), size)
        files = files.add(step.output, out)
    return trials


def estimate(
    trials: Mapping[str, StageTrial],
    films: Sequence[CheckedFilm],
    params: Params,
    busy: bool = False,
) -> dict[str, float]:
    """Seconds of every stage for all films, with the workers there are: no less than the longest
    film takes one of them.

    Args:
        busy: with the machine as busy as in the trial; else as if the stages had it to themselves
            (a GPU's time is always the clock's).
    """
    hands = count_workers()
    found = {}
    for stage, trial in trials.items():
        on_gpu = getattr(getattr(params, stage), "device", "cpu") == "cuda"
        by_clock = busy or on_gpu
        rate = (trial.seconds if by_clock else trial.cpu) / trial.units
        each = [rate * units(film, stage, params) for film in films]
        found[stage] = max(sum(each) / min(hands, len(each)), max(each))
    return found


def check_trial(
    trials: Mapping[str, StageTrial], excerpt: CheckedFilm, data: Data, params: Params
) -> list[Check]:
    """A row per stage, and one for all."""
    expected = estimate(trials, data.films, params)
    checks = []
    for stage, trial in trials.items():
        found = (
            f"about {_format_time(expected[stage])}; the excerpt of {excerpt.seconds:.0f} s took "
        )
        found += f"{trial.cpu:.1f} s of one core"
        checks.append(Check(f"time of {stage}", "ok", found))
    total = f"about {_format_time(sum(expected.values()))} for {len(data.films)} films, "
    total += f"{count_workers()} processes (RHAS_WORKERS); training is not in it"
    busy = sum(estimate(trials, data.films, params, busy=True).values())
    if busy <= _BUSY * sum(expected.values()):
        return [*checks, Check("time of all four", "ok", total)]
    total += f". With the machine or its disk as busy as in the trial: {_format_time(busy)}"
    return [*checks, Check("time of all four", "warn", total, "let other work end first")]


def _format_time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
