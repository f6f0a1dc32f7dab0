"""Film functions for the tests of the runner; a module of their own, since workers import them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rhas.base.errors import RhasError
from rhas.base.parts import FilmPart, Span, split_at_batches
from rhas.base.progress import Progress, ignore_progress
from rhas.config.section import Section
from rhas.engine.steps import Cutting, FilmFiles, FilmStep, Job
from rhas.engine.workcache import Entry, WorkCache


class ShoutConfig(Section):
    """Parameters of `shout`."""

    section: ClassVar[str] = "shout"

    tail: str = "!"
    """What follows the text."""


@dataclass(frozen=True)
class ShoutInput:
    """A text, and the file that notes each call."""

    movie: str
    film: Path
    calls: str
    span: Span | None = None


@dataclass(frozen=True)
class ShoutReport:
    """Letters; ``note`` stands for a field that is left out."""

    frames: int
    note: str | None = None


def shout(source: ShoutInput, config: ShoutConfig, out: Path, progress: Progress) -> ShoutReport:
    """Upper case of a text; notes each call in ``source.calls``, fails where told to."""
    text = source.film.read_text()
    place = ""
    if source.span is not None:
        text, place = text[source.span.start : source.span.stop], f":{source.span.start}"
    with Path(source.calls).open("a") as calls:
        calls.write(f"{source.movie}{place}\n")
    if text == "broken":
        raise RhasError("this film is broken", where=source.movie)
    if text == "bug":
        raise ZeroDivisionError("a bug")
    if text == "slow":
        out.write_text("half")
        time.sleep(30)
    if text == "patient":
        time.sleep(1)
    if text == "killed" or (text == "frail" and (source.film.parent / "storm").exists()):
        os._exit(9)
    progress(len(text))
    out.write_text(text.upper() + config.tail)
    return ShoutReport(len(text))


def write_device(
    source: ShoutInput, config: ShoutConfig, out: Path, progress: Progress
) -> ShoutReport:
    """The GPUs that films a and b see, each in a process of its own: one waits for the other."""
    (source.film.parent / f"{source.movie}.begun").touch()
    while len(list(source.film.parent.glob("[ab].begun"))) < 2:
        time.sleep(0.01)
    out.write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    return ShoutReport(1)


def tell_place(
    source: ShoutInput, config: ShoutConfig, out: Path, progress: Progress
) -> ShoutReport:
    """A folder: upper case of the text, and where the film and the process are."""
    text = source.film.read_text()
    if text == "broken":
        raise RhasError("this film is broken", where=source.movie)
    if text == "killed":
        os._exit(9)
    out.mkdir()
    (out / "text").write_text(text.upper())
    (out / "place").write_text(f"{source.film.resolve()}\n{Path.cwd()}")
    progress(1)
    return ShoutReport(1)


def note_process(
    source: ShoutInput, config: ShoutConfig, out: Path, progress: Progress
) -> ShoutReport:
    """The number of the process that computes it."""
    time.sleep(0.3)
    progress(1)
    out.write_text(str(os.getpid()))
    return ShoutReport(1)


def split_shout(source: ShoutInput, config: ShoutConfig, longest: int) -> list[Span]:
    """In batches of one letter."""
    frames = len(source.film.read_text())
    return split_at_batches(range(frames), frames, 1, longest)


def merge_shouts(
    parts: Sequence[FilmPart[ShoutReport]], config: ShoutConfig, out: Path
) -> ShoutReport:
    """One tail for all."""
    texts = [part.path.read_text().removesuffix(config.tail) for part in parts]
    out.write_text("".join(texts) + config.tail)
    return ShoutReport(sum(part.report.frames for part in parts))


def _make_input(files: FilmFiles, config: ShoutConfig) -> ShoutInput:
    film = files.get_path("film")
    return ShoutInput(files.movie, film, str(film.parent / "calls"))


SHOUT = FilmStep(
    name="decode",
    output="frames",
    suffix=".out",
    config=ShoutConfig,
    function=shout,
    make_input=_make_input,
    measure=lambda source, config: len(source.film.read_text()),
    cutting=Cutting(split_shout, merge_shouts, ShoutReport),
)


def make_job(folder: Path, text: str = "hello", tail: str = "!", movie: str = "a") -> Job:
    film = folder / f"{movie}.txt"
    film.write_text(text)
    return SHOUT.make_job(FilmFiles(movie, film=film), ShoutConfig(tail=tail))


def in_this_process(
    cache: WorkCache, step: str, jobs: Sequence[Job]
) -> tuple[dict[str, Entry], dict[str, BaseException]]:
    """As `try_jobs`, whose workers take seconds to start."""
    return {
        job.name: cache.compute_entry(cache.make_key(job), job, ignore_progress) for job in jobs
    }, {}
