"""The report of the run in the workspace, with the spread over seeds of its siblings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.yaml_files import parse_lock
from rhas.report.inputs import RunInputs
from rhas.report.paper_tables.runs import Run, read_experiments
from rhas.report.run import write_report
from rhas.stores.dataset import DatasetPaths


def find_siblings(run: Run, runs: Sequence[Run]) -> dict[int, Run]:
    """The run and those that differ from it in their seed alone, by seed; the first of each."""
    alike = {run.settings["seed"]: run}
    for other in runs:
        if {**other.settings, "seed": None} == {**run.settings, "seed": None}:
            alike.setdefault(other.settings["seed"], other)
    return dict(sorted(alike.items()))


def write_page_with_seeds(
    out: Path,
    further: Sequence[Run] = (),
    all_commits: bool = False,
    skipped: Callable[[str], None] = lambda reason: None,
) -> list[int]:
    """Writes the page of the workspace's run; the current folder is the project's.

    Args:
        out: the page.
        further: runs beside those of the project.
        all_commits: see `read_experiments`.
        skipped: likewise.

    Returns:
        The seeds whose figures are in it.

    Raises:
        RhasError: the workspace is not evaluated, or files of its run are absent.
    """
    runs = read_experiments(Path(), all_commits, skipped)
    own = next((run for run in runs if run.name == "workspace"), None)
    if own is None:
        raise RhasError("not evaluated", where=str(Path.cwd()), do="run `dvc repro`")
    lock = Path("dvc.lock")
    evaluate = parse_lock(lock.read_bytes(), str(lock))["evaluate"]
    settings = evaluate["params"]["params.yaml"]
    data = Path("data")
    origin = RunInputs(
        DatasetPaths(data / "raw", data / "frames", data / "boxes", data / "tracks"),
        data / "samples", Path("models") / settings["method"], settings, lock,
    )  # fmt: skip
    alike = find_siblings(own, [*runs, *further])
    seeds = {seed: run.metrics for seed, run in alike.items()}
    write_report(origin, Path("results"), out=out, seeds=seeds)
    return list(seeds)
