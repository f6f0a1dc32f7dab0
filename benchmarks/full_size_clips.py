"""Real films through full-size models, end to end: seconds and memory of every stage.

    python benchmarks/full_size_clips.py CLIPS GROUNDING ENCODER [--vlm blip2] [--fps 0.5]
        [--only NAME ...] [--ref SENTENCE ...] [--json FILE]

CLIPS is a folder of films; GROUNDING and ENCODER are checkpoint folders in the hub's format: with
published weights it is a trial of them, with those of ``benchmarks/random_weights.py`` it
shows that everything fits and what it costs; the boxes and
features then mean nothing, and thresholds on scores are as low as they go so that frames have
crops. The films go one by one through ``rhas.pipeline.features.extract_features``, which is what
`rhas features` calls: one worker process with one thread per stage. Seconds are the worker's,
imports, loading and hashing of the checkpoint included; memory is its highest resident set.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import rhas.pipeline.features
from rhas.base.program import run_script
from rhas.config.params import FilmParams, parse_params, read_yaml
from rhas.engine.workcache import WorkCache

SUFFIXES = {".mp4", ".mkv", ".webm", ".avi", ".mov"}
REFERENCES = ("the person on the left", "the person in the red shirt")


class Watch:
    """Takes the place of the stage runner and notes what each stage took."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._run = rhas.pipeline.features.try_jobs

    def __call__(self, cache: WorkCache, stage: str, jobs: Sequence[Any]) -> Any:
        if not jobs:  # the film failed before
            return self._run(cache, stage, jobs)
        done = threading.Event()
        peaks: dict[int, int] = {}
        sampler = threading.Thread(target=self._sample, args=(done, peaks))
        sampler.start()
        clock, cpu = time.perf_counter(), _children_cpu()
        try:
            return self._run(cache, stage, jobs)
        finally:
            done.set()
            sampler.join()
            self.rows.append(
                {
                    "film": ", ".join(job.name for job in jobs),
                    "stage": stage,
                    "clock_s": round(time.perf_counter() - clock, 1),
                    "cpu_s": round(_children_cpu() - cpu, 1),
                    "peak_gib": round(max(peaks.values(), default=0) / 2**20, 2),
                }
            )

    @staticmethod
    def _sample(done: threading.Event, peaks: dict[int, int]) -> None:
        """The highest resident set of every child process, in KiB; the kernel keeps it."""
        while not done.wait(0.1):
            for child in _children():
                with suppress(OSError):
                    status = Path(f"/proc/{child}/status").read_text()
                    peaks.update(
                        (child, int(line.split()[1]))
                        for line in status.splitlines()
                        if line.startswith("VmHWM")
                    )


def _children() -> list[int]:
    """Processes that a thread of this one has started; a thread may end meanwhile."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def full_size_settings(grounding: Path, encoder: Path, vlm: str, fps: float) -> dict[str, Any]:
    """params.yaml with full-size models at their sizes, and no threshold on scores."""
    values = read_yaml()
    values["vlm"], values["fps"] = vlm, fps
    values["decode"]["short_side"] = 480
    values["ground"] |= {
        "backend": "transformers", "checkpoint": str(grounding), "stride": 1, "batch_size": 1,
        "min_score": 0.0, "top_k": 1,
    }  # fmt: skip
    values["crop"] |= {"size": 224, "min_score": 0.001}
    values["extract"]["checkpoints"][vlm] = str(encoder)
    values["extract"]["batch_size"] = 8
    return values


def watch_films(
    films: Sequence[Path], references: Sequence[str], values: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows by film and stage, and the films that failed with the reason."""
    watch, failed, params = Watch(), {}, parse_params(FilmParams, values)
    rhas.pipeline.features.try_jobs = watch
    with tempfile.TemporaryDirectory() as name:
        for film in films:
            out = Path(name) / film.stem
            out.mkdir()
            failures = rhas.pipeline.features.extract_features(
                [film], references, params, WorkCache(out / ".work"), out
            )
            failed |= {movie: str(error) for movie, error in failures.items()}
            report = json.loads((out / "report.json").read_text())[film.stem]
            for row in watch.rows:
                if row["film"] == film.stem:
                    row["frames"] = report["decode"].get("frames", 0)
                    missing = report.get("extract", {}).get("missing")
                    row["crops"] = sum(row["frames"] - m for m in missing) if missing else 0
    return watch.rows, failed


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("grounding", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--vlm", default="blip2")
    parser.add_argument("--fps", type=float, default=0.5)
    parser.add_argument("--only", nargs="+", help="stems of the films to take")
    parser.add_argument("--ref", action="append", help="a sentence; once per person")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    options = parser.parse_args()
    os.environ["RHAS_WORKERS"] = "1"
    films = [
        path
        for path in sorted(options.clips.iterdir())
        if path.suffix in SUFFIXES and (not options.only or path.stem in options.only)
    ]
    values = full_size_settings(options.grounding, options.encoder, options.vlm, options.fps)
    rows, failed = watch_films(films, options.ref or REFERENCES, values)
    columns = ("film", "stage", "frames", "crops", "clock_s", "cpu_s", "peak_gib")
    print("".join(f"{c:>22}" if c == "film" else f"{c:>10}" for c in columns))
    for row in rows:
        print("".join(f"{row[c]:>22}" if c == "film" else f"{row[c]:>10}" for c in columns))
    for movie, reason in failed.items():
        print(f"failed: {movie}: {reason}")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "failed": failed}, indent=1) + "\n")


if __name__ == "__main__":
    run_script(main)
