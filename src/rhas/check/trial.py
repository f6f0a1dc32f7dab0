"""How long the stages take, from a short excerpt that really runs through them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.progress import ignore_progress
from rhas.base.threads import torch_threads
from rhas.check.data import CheckedFilm, Data
from rhas.config.params import Params
from rhas.engine.stage import count_workers
from rhas.engine.steps import FilmFiles
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
    """The work of a film in a stage, in what its time grows with: source pictures for decode,
    sampled frames for ground, and pictures (frames and every person's crops) for the others."""
    frames = film.seconds * params.fps
    if stage == "decode":
        return float(film.source_frames)
    if stage == "ground":
        return frames / params.ground.stride
    return frames * (1 + film.persons)


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
    path = place / f"excerpt{longest.path.suffix if longest.path.suffix != '.avi' else '.mkv'}"
    begin = 0.0
    if params.ground.backend != "truth":
        begin = min(_AHEAD_SECONDS, max(0.0, (longest.seconds - seconds) / 2))
    count, length = cut(longest.path, path, begin, seconds)
    sentences = longest.references or _WITHOUT_REFERENCE
    film = replace(longest, path=path, seconds=length, source_frames=count, references=sentences,
                   persons=len(sentences))  # fmt: skip
    return film, (data.truth or place) / f"{longest.movie}.h5"


def cut(source: Path, out: Path, begin: float, seconds: float) -> tuple[int, float]:
    """Copies packets of the first video stream from the key picture at or before ``begin``.

    Returns:
        How many pictures, and their length in seconds.

    Raises:
        RhasError: the container does not take a copy.
    """
    try:
        with av.open(str(source)) as reader, av.open(str(out), "w") as writer:
            stream = reader.streams.video[0]
            base = stream.time_base or Fraction(1, 90_000)
            first = stream.start_time or 0
            copy = writer.add_stream_from_template(stream)
            reader.seek(first + round(Fraction(begin) / base), stream=stream)
            origin: int | None = None
            count, last = 0, 0
            for packet in reader.demux(stream):
                if packet.dts is None:
                    continue
                moment = packet.dts if packet.pts is None else packet.pts
                origin = min(packet.dts, moment) if origin is None else origin
                if (moment - origin) * base >= seconds:
                    break
                packet.pts, packet.dts = moment - origin, packet.dts - origin
                last = max(last, moment - origin + (packet.duration or 0))
                packet.stream = copy
                writer.mux(packet)
                count += 1
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RhasError(
            "no excerpt can be cut", where=str(source), got=str(error),
            do="give no --trial",
        ) from error  # fmt: skip
    return count, float(last * base)


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
