"""Rate of `rhas segment` against the stages' own functions on the same film, in the same process.

    python benchmarks/segment_rate.py [--film mini_02] [--model DIR] [--repeat 3] [--json]

Both take the film through decode, ground, crop and extract with the settings of params.yaml, on one
thread, in turn: the stages on the whole film as their workers do, the command in parts, with its
work folder, progress and resuming. The median is shown; ``rate`` is the command's in per cent of
the stages'. ``cpu`` are seconds of the processor, ``clock`` those that pass: they count on idle
cores alone. The command's decode includes its checks of model and checkpoints before. What it
does besides (sampling, page, tables) has no stage to compare with and is shown as ``rest``. Without
--film: the first test film.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from rhas.base.errors import RhasError
from rhas.base.threads import torch_threads
from rhas.config.params import FilmParams, parse_params, read_yaml
from rhas.crop import crop_film
from rhas.decode import decode_film
from rhas.engine.jobs import crop_job, decode_job, extract_job, ground_job
from rhas.engine.stage import run
from rhas.engine.workcache import FilmFunction, Job
from rhas.extract import extract_film
from rhas.ground import ground_film
from rhas.segment.models import find_readout
from rhas.segment.run import Request, segment_film
from rhas.stores.manifest import Film, Manifest

STAGES = ("decode", "ground", "crop", "extract")
Seconds = dict[str, tuple[float, float]]  # by stage: the clock's and the processor's


class Watch:
    """Notes the seconds since the last note."""

    def __init__(self) -> None:
        self.seconds: Seconds = {}
        self._last = self._now()

    def note(self, name: str) -> None:
        now = self._now()
        self.seconds[name] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def by_stages(film: Film, path: Path, params: FilmParams, folder: Path) -> Seconds:
    """The stages' functions one after the other on the whole film; ``path`` is its file."""
    watch = Watch()

    def made(stage: str, function: FilmFunction, job: Job) -> Path:
        out = folder / f"{stage}{Path(job.target).suffix}"
        function(job.inputs, job.arguments, out, lambda n: None)
        watch.note(stage)
        return out

    movie, nowhere = film.movie, folder / "no-truth"
    with torch_threads(1):
        frames = made("decode", decode_film, decode_job(movie, path, params.decode))
        job = ground_job(movie, film.references, frames, nowhere, params.ground)
        boxes = made("ground", ground_film, job)
        tracks = made("crop", crop_film, crop_job(movie, frames, boxes, params.crop))
        made("extract", extract_film, extract_job(movie, frames, tracks, params.extract))
    return watch.seconds


def by_command(request: Request) -> Seconds:
    """`rhas segment`, without the overlay."""
    watch = Watch()

    def tell(line: str) -> None:
        stage = line.partition(":")[0]
        if stage in STAGES:
            watch.note(stage)

    segment_film(request, tell)
    watch.note("rest")
    return watch.seconds


def rates(runs: list[tuple[Seconds, Seconds]]) -> dict[str, dict[str, float]]:
    """Medians of pairs of runs (stages, command), by stage and of all four.

    Returns:
        By row (`STAGES`, ``all``; ``rest`` of the command alone): ``stages_cpu_s``,
        ``segment_cpu_s``, ``rate_cpu_percent``, and the same of the ``clock``.
    """
    rows = {}
    for name in (*STAGES, "all"):
        members = STAGES if name == "all" else (name,)
        row: dict[str, float] = {}
        for place, kind in enumerate(("clock", "cpu")):
            pairs = [tuple(sum(own[m][place] for m in members) for own in pair) for pair in runs]
            row[f"stages_{kind}_s"] = median(a for a, _ in pairs)
            row[f"segment_{kind}_s"] = median(b for _, b in pairs)
            row[f"rate_{kind}_percent"] = 100 * median(a / b for a, b in pairs)
        rows[name] = row
    rows["rest"] = {
        f"segment_{kind}_s": median(command["rest"][place] for _, command in runs)
        for place, kind in enumerate(("clock", "cpu"))
    }
    return rows


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A line per row of `rates`."""
    columns = [f"{who}_{kind}_s" for kind in ("cpu", "clock") for who in ("stages", "segment")]
    columns[2:2], columns[5:5] = ["rate_cpu_percent"], ["rate_clock_percent"]
    lines = [" " * 8 + "".join(f"{c.removesuffix('_percent'):>20}" for c in columns)]
    for name, row in rows.items():
        cells = [f"{row[c]:.1f}" if c in row else "" for c in columns]
        lines.append(f"{name:<8}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def repeated(
    times: int, once: Callable[[Path], tuple[Seconds, Seconds]]
) -> list[tuple[Seconds, Seconds]]:
    """Each time in a folder of its own that goes again."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as name:
            found.append(once(Path(name)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", type=Path, default=Path("data/raw"))
    parser.add_argument("--film", help="a movie of the manifest")
    parser.add_argument("--model", type=Path, default=Path("models/hopadiff"))
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    params = parse_params(FilmParams, read_yaml(options.params))
    films = Manifest.read(options.raw).films
    wanted = [f for f in films if (f.movie == options.film if options.film else f.subset == "test")]
    if not wanted:
        raise RhasError("no such film", where="--film", got=options.film or "no test film")
    film = wanted[0]
    path, readout = options.raw / film.file, find_readout(options.model, Path("results"))

    def once(folder: Path) -> tuple[Seconds, Seconds]:
        (folder / "stages").mkdir()
        stages = by_stages(film, path, params, folder / "stages")
        out = folder / "segment"
        request = Request(path, film.references, out, options.model, readout, params, overlay=False)
        return stages, by_command(request)

    rows = rates(repeated(options.repeat, once))
    print(json.dumps(rows, indent=1) if options.json else table(rows))


if __name__ == "__main__":
    run(main)
