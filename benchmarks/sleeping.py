"""A film step that sleeps in place of work, and the stage that runs it; `scale.py` measures both.

    python benchmarks/sleeping.py FROM TO SECONDS

A module of its own, since every worker process imports it: without torch.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rhas.base.progress import Progress
from rhas.config.section import Section
from rhas.engine.stage import run_step
from rhas.engine.steps import FilmFiles, FilmStep

MEMORY = 64 << 20  # of a worker


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

    def length(self) -> float:
        """Relative to the mean; fixed by the film's number."""
        return 0.5 + int(self.movie) * 7919 % 1000 / 999


@dataclass(frozen=True)
class SleepReport:
    """What the step did."""

    frames: int


def sleep_film(
    source: SleepInput, config: SleepConfig, out: Path, progress: Progress
) -> SleepReport:
    """Sleeps, and writes a small file."""
    time.sleep(config.seconds * source.length())
    progress(1)
    out.write_text(f"{source.movie} {source.film.parent.name}")
    return SleepReport(1)


SLEEP = FilmStep(
    name="sleep",
    output="frames",
    suffix=".out",
    config=SleepConfig,
    function=sleep_film,
    make_input=lambda files, config: SleepInput(files.movie, files.get_path("film")),
    measure=lambda source, config: source.length(),
    estimate_memory=lambda source, config: MEMORY,
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
