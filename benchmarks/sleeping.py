"""A film step that sleeps in place of work, and the stage that runs it; `scale.py` measures both.

    python benchmarks/sleeping.py FROM TO SECONDS

A module of its own, since every worker process imports it: without torch.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rhas.base.parts import FilmPart, Span, split_at_batches
from rhas.base.progress import Progress
from rhas.config.section import Section
from rhas.engine.stage import run_step
from rhas.engine.steps import Cutting, FilmFiles, FilmStep

MEMORY = 64 << 20  # of a worker
FRAMES = 1000
"""Of a film of mean length."""
LONG = 100_000
"""Film 6000000 is 60 times as long as others."""


class SleepConfig(Section):
    """Parameters of `sleep_film`."""

    section: ClassVar[str] = "sleep"

    seconds: float
    """Mean over the films, whose lengths lie between half and one and a half of it."""


@dataclass(frozen=True)
class SleepInput:
    """A film, or what the stage before made of it."""

    movie: str
    film: Path
    span: Span | None = None

    def count_frames(self) -> int:
        """Fixed by the film's number."""
        if self.span is not None:
            return self.span.stop - self.span.start
        times, number = divmod(int(self.movie), LONG)
        return round(FRAMES * (times or 0.5 + number * 7919 % 1000 / 999))


@dataclass(frozen=True)
class SleepReport:
    """What the step did."""

    frames: int


def sleep_film(
    source: SleepInput, config: SleepConfig, out: Path, progress: Progress
) -> SleepReport:
    """Sleeps, and writes a small file."""
    frames = source.count_frames()
    time.sleep(config.seconds * frames / FRAMES)
    progress(frames)
    out.write_text(f"{source.movie} {source.film.parent.name}")
    return SleepReport(frames)


def split_film(source: SleepInput, config: SleepConfig, longest: int) -> list[Span]:
    """In batches of one frame."""
    frames = source.count_frames()
    return split_at_batches(range(frames), frames, 1, longest)


def merge_film(
    parts: Sequence[FilmPart[SleepReport]], config: SleepConfig, out: Path
) -> SleepReport:
    """What `sleep_film` writes."""
    out.write_text(parts[0].path.read_text())
    return SleepReport(sum(part.report.frames for part in parts))


SLEEP = FilmStep(
    name="sleep",
    output="frames",
    suffix=".out",
    config=SleepConfig,
    function=sleep_film,
    make_input=lambda files, config: SleepInput(files.movie, files.get_path("film")),
    measure=lambda source, config: source.count_frames(),
    estimate_memory=lambda source, config: MEMORY,
    cutting=Cutting(split_film, merge_film, SleepReport),
)


def main() -> None:
    """A stage: all films of a folder; adds its seconds and memory to ``figures.jsonl``."""
    source, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    began = time.perf_counter()
    films = [FilmFiles(path.stem, film=path) for path in sorted(source.glob("*[0-9].*"))]
    run_step(SLEEP, films, SleepConfig(seconds=seconds), out)
    figures = {
        "clock_s": time.perf_counter() - began,
        "cpu_s": time.process_time(),
        "driver_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    with Path("figures.jsonl").open("a") as file:
        file.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    import sleeping  # workers find the step by this name

    sleeping.main()
