"""How far scheduling, work cache and DVC keep up with many films and many workers.

    python benchmarks/scale.py simulate --films 10000 --workers 64 --seconds 0.5
    python benchmarks/scale.py noop --films 1000
    python benchmarks/scale.py real --films data/raw/films/mini_0*.mp4 --workers 1 2
    (all with --json [FILE])

simulate: `dvc repro` of four stages whose films sleep for ``--seconds`` on average, with each
number of workers on this machine; then once more, with nothing to do. ``overhead_s`` is what a film
and stage costs beyond its sleep divided by the workers: with films that take w seconds on each of n
workers, overhead_s · n / w of the time. At ``film_s_at_5_percent`` this is 5 %. Workers that share
a machine slow one another down, so both are upper bounds. With ``--long 60`` one more film is 60
times as long as others; with ``--part-frames`` it is cut into parts, others have 500 to 1,500.

noop: `dvc repro` of this project's dvc.yaml with nothing to do: as many films as told, of 1 kB a
file. Nothing reads unchanged files, so their size does not count.

real: films per hour through decode, ground, crop and extract, with the parameters of ``--params``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from measure import format_rows, make_parser, show
from sleeping import LONG

from rhas.base.program import run_script
from rhas.config.params import FilmParams, parse_params, read_yaml
from rhas.engine.stage import compute_jobs
from rhas.engine.steps import FilmFiles
from rhas.engine.workcache import WorkCache
from rhas.pipeline.steps import FILM_STEPS
from rhas.stores.features import ARRAYS, STREAMS

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("decode", "ground", "crop", "extract")
Row = dict[str, float]


def run_dvc(folder: Path, *words: str, **variables: str) -> Row:
    """Seconds of a command of DVC, and the memory of its largest process."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", **variables}
    command = [sys.executable, "-m", "dvc", *words, "--quiet"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"dvc {words[0]}: status {status}")
    return {
        "clock_s": time.perf_counter() - began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_gib": used.ru_maxrss / 2**20,
    }


def make_repository(folder: Path) -> None:
    """A folder of Git and DVC whose outputs are hard links, as in this project."""
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc/config").write_text(
        "[cache]\n type = hardlink,copy\n[core]\n autostage = false"
    )
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


# Simulated.


def write_pipeline(folder: Path, films: int, long: int, seconds: float) -> None:
    """Films, and a stage after another that sleeps."""
    make_repository(folder)
    (folder / "films").mkdir()
    for number in (*range(films), *([long * LONG] if long else [])):
        (folder / f"films/{number:05d}.film").write_text(f"film {number}")
    stages = {
        stage: {
            "cmd": f"{sys.executable} {ROOT}/benchmarks/sleeping.py {source} {stage} {seconds}",
            "deps": [source],
            "outs": [stage],
        }
        for source, stage in zip(("films", *STAGES), STAGES, strict=False)
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))


def measure_simulated(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    rows = {}
    for workers in options.workers:
        place = folder / str(workers)
        place.mkdir()
        write_pipeline(place, options.films, options.long, options.seconds)
        setting = {"RHAS_WORKERS": str(workers), "RHAS_PART_FRAMES": str(options.part_frames)}
        whole = run_dvc(place, "repro", **setting)
        lines = (place / "figures.jsonl").read_text().splitlines()
        stages = [json.loads(line) for line in lines]
        again = run_dvc(place, "repro")
        steps = (options.films + options.long) * len(STAGES)
        overhead = whole["clock_s"] / steps - options.seconds / workers
        rows[f"{workers} workers"] = {
            "clock_s": whole["clock_s"],
            "sleep_s": steps * options.seconds / workers,
            "dvc_s": whole["clock_s"] - sum(stage["clock_s"] for stage in stages),
            "driver_cpu_s": sum(stage["cpu_s"] for stage in stages),
            "overhead_s": overhead,
            "film_s_at_5_percent": overhead * workers / 0.05,
            "driver_gib": max(stage["driver_gib"] for stage in stages),
            "dvc_gib": again["peak_gib"],
            "noop_s": again["clock_s"],
        }
        print(format_rows(rows), file=sys.stderr)
        shutil.rmtree(place)
    return rows


# Nothing to do.


def write_project(folder: Path, films: int) -> None:
    """This project's working tree, and small files in the place of every film and result."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z"]
    for name in subprocess.check_output(listed, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "dvc.lock").unlink(missing_ok=True)
    make_repository(folder)
    vlm = read_yaml(folder / "params.yaml")["vlm"]
    shards = {name: ("c.0.0.0", "c.1.0.0") if name in STREAMS else ("c.0.0",) for name in ARRAYS}
    arrays = [f"{name}/{file}" for name in ARRAYS for file in ("zarr.json", *shards[name])]
    arrays += ["zarr.json"]
    for number in range(films):
        movie = f"{number:05d}"
        names = [f"data/raw/films/{movie}.mp4", f"data/raw/truth/{movie}.h5"]
        names += [f"data/{stage}/{movie}.h5" for stage in ("frames", "boxes", "tracks")]
        names += [f"data/features/{vlm}/{movie}.zarr/{array}" for array in arrays]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"{name} " * 30)
    for stage in yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind, ()):
                name = out if isinstance(out, str) else next(iter(out))
                write_output(folder / name.replace("${vlm}", vlm).replace("${method}", "hopadiff"))


def write_output(path: Path) -> None:
    """A small file in the place of an output that there is not yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def measure_noop(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    write_project(folder, options.films)
    run_dvc(folder, "commit", "--force")
    return {f"dvc repro {n}": run_dvc(folder, "repro") for n in range(1, options.repeat + 1)}


# Real.


def measure_real(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    params = parse_params(FilmParams, read_yaml(options.params))
    rows = {}
    for workers in options.workers:
        os.environ["RHAS_WORKERS"] = str(workers)
        films = [
            FilmFiles(path.stem, tuple(options.reference), film=path) for path in options.films
        ]
        cache, row = WorkCache(folder / str(workers)), Row()
        for step in FILM_STEPS:
            config = getattr(params, step.name)
            began = time.perf_counter()
            entries = compute_jobs(cache, step.name, [step.make_job(f, config) for f in films])
            row[f"{step.name}_s"] = time.perf_counter() - began
            films = [
                film.add(step.output, e.result) for film, e in zip(films, entries, strict=True)
            ]
        row["films_per_hour"] = 3600 * len(films) / sum(row.values())
        rows[f"{workers} workers"] = row
    return rows


@contextmanager
def _temporary_folder(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--folder", type=Path, help="where temporary files go")
    commands = parser.add_subparsers(dest="command", required=True)
    simulate = commands.add_parser("simulate")
    simulate.add_argument("--films", type=int, default=1000)
    simulate.add_argument("--workers", type=int, nargs="+", default=[4, 16, 64])
    simulate.add_argument("--seconds", type=float, default=0.5)
    simulate.add_argument("--long", type=int, default=0)
    simulate.add_argument("--part-frames", type=int, default=0)
    simulate.set_defaults(measure=measure_simulated)
    noop = commands.add_parser("noop")
    noop.add_argument("--films", type=int, default=1000)
    noop.add_argument("--repeat", type=int, default=3)
    noop.set_defaults(measure=measure_noop)
    real = commands.add_parser("real")
    real.add_argument("--films", type=Path, nargs="+", required=True)
    real.add_argument(
        "--reference", nargs="+", default=["The person in red.", "The person in blue."]
    )
    real.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    real.add_argument("--params", type=Path, default=ROOT / "params.yaml")
    real.set_defaults(measure=measure_real)
    options = parser.parse_args()
    with _temporary_folder(options.folder) as folder:
        rows = options.measure(options, folder)
    show(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    run_script(main)
