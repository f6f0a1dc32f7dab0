"""Runs: what was set, and the figures that came of it, from DVC's experiments or from a file.

A run's settings are those of ``dvc.lock``, which says what its figures were made with; params.yaml
may have been changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import

EVALUATION, METRICS = "results/evaluation.json", "results/metrics.json"
BASELINES = "results/baselines.json"
_OWN = ("method", "split", "frame_len", "vlm", "seed")
_NO_EFFECT = frozenset(
    {"train.save_minutes", "train.memory_gb", "train.threads", "evaluate.sheet_frames"}
)
"""Settings that change no figure, or rounding alone."""


@dataclass(frozen=True)
class Run:
    """One evaluated run.

    Args:
        settings: ``method``, ``preset``, ``split``, ``frame_len``, ``vlm``, ``overrides`` (of the
            method, by name), ``seed``, and ``others``: all further ones by dotted name, as
            ``ground.backend``; all but ``method`` and ``seed`` may be absent where nobody knows.
        metrics: the content of ``results/evaluation.json``; of runs from before that file existed,
            of ``results/metrics.json``, which held the same.
        name: of the experiment, for people.
        baselines: the content of ``results/baselines.json``; empty where it is not at hand.

    Raises:
        RhasError: settings, metrics or baselines that are no mapping, no method or seed, or metrics
            without a test side.
    """

    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    name: str
    baselines: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("settings", "metrics", "baselines"):
            if not isinstance(value := getattr(self, part), Mapping):
                raise RhasError(
                    "not a run", where=self.name, expected=f"{part} as an object",
                    got=type(value).__name__,
                )  # fmt: skip
        missing = {"method", "seed"} - set(self.settings)
        if missing or not isinstance(self.metrics.get("test"), Mapping):
            raise RhasError(
                "not a run", where=self.name,
                expected="settings with method and seed, metrics with test",
                got=f"settings {', '.join(self.settings)}; metrics {', '.join(self.metrics)}",
            )  # fmt: skip


def read_experiments(
    root: Path,
    all_commits: bool = False,
    skipped: Callable[[str], None] = lambda reason: None,
) -> list[Run]:
    """The workspace, the last commit, and its DVC experiments, where they have been evaluated.

    Of runs with equal settings, seed included, the first in this order is kept.

    Args:
        root: folder of the project.
        all_commits: experiments of all commits, not of the last one alone.
        skipped: is told of every run that is left out, and why.

    Raises:
        RhasError: not a DVC project.
    """
    with optional_import("pipeline"):
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo

    try:
        opened = Repo(str(root))
    except NotDvcRepoError as error:
        raise RhasError(
            "not a DVC project", where=str(root), do="run this in the project's folder"
        ) from error
    with opened as repo:
        runs = []
        for name, read in _places(repo, root, all_commits):
            try:
                runs.append(_read_run(name, read, Path(repo.cache.local_cache_dir)))
            except RhasError as error:
                skipped(str(error))
    return _distinct(runs, skipped)


def read_file(path: Path) -> list[Run]:
    """Runs from JSON lines, or a JSON list, of objects with the fields of `Run`.

    Raises:
        RhasError: no such file, no UTF-8, no JSON, or an entry that is no run, with its line or
            number.
    """
    if not path.is_file():
        raise RhasError("no such file", where=str(path))
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RhasError("not UTF-8", where=str(path), got=str(error)) from error
    runs = []
    for where, entry in _entries(text, str(path)):
        known = {"settings", "metrics", "name", "baselines"}
        if (
            not isinstance(entry, dict)
            or not {"settings", "metrics", "name"} <= set(entry) <= known
        ):
            raise RhasError(
                "not a run", where=where, expected="an object with settings, metrics, name",
                got=", ".join(entry) if isinstance(entry, dict) else type(entry).__name__,
            )  # fmt: skip
        try:
            runs.append(Run(**{**entry, "name": str(entry["name"])}))
        except RhasError as error:
            raise RhasError(
                error.what, where=f"{where}, {error.where}", expected=error.expected, got=error.got
            ) from error
    return runs


def write_file(runs: Iterable[Run], path: Path) -> None:
    """JSON lines for `read_file`; equal runs give equal bytes."""
    lines = [json.dumps(asdict(run), sort_keys=True, ensure_ascii=False) for run in runs]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def run_settings(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a `Run` from the parameters of its stages, as params.yaml lists them.

    Of what is listed by method or by VLM, the run's own is taken.
    """
    train = dict(params["train"])
    settings = {name: params[name] for name in _OWN}
    settings["preset"] = train.pop("preset")
    overrides = train.pop("overrides", None) or {}
    by_method = all(own is None or isinstance(own, Mapping) for own in overrides.values())
    if by_method:  # once they had no method above them
        overrides = overrides.get(params["method"]) or {}
    settings["overrides"] = dict(overrides)
    sections = {**{k: v for k, v in params.items() if k not in _OWN}, "train": train}
    if "checkpoints" in (extract := sections.get("extract", {})):
        own = extract["checkpoints"].get(params["vlm"])
        sections["extract"] = {k: v for k, v in extract.items() if k != "checkpoints"}
        sections["extract"]["checkpoint"] = own
    others = dict(_flat(sections))
    settings["others"] = {k: v for k, v in sorted(others.items()) if k not in _NO_EFFECT}
    return settings


def _places(
    repo: Any, root: Path, all_commits: bool
) -> Iterable[tuple[str, Callable[[str], bytes | None]]]:
    """(name, reader of a file by its path in the project) of the workspace, HEAD, experiments."""
    folder = Path(repo.root_dir)
    yield "workspace", lambda path: _bytes(folder / path)
    inside = folder.relative_to(repo.scm.root_dir)
    found = repo.experiments.ls(all_commits=all_commits)
    revs = [("HEAD", repo.scm.get_rev())]
    revs += [(name, rev) for experiments in found.values() for name, rev in experiments]
    for name, rev in revs:
        tree = repo.scm.get_fs(rev)

        def read(path: str, tree: Any = tree) -> bytes | None:
            at = (inside / path).as_posix()
            return tree.cat_file(at) if tree.exists(at) else None

        yield name, read


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _read_run(name: str, read: Callable[[str], bytes | None], cache: Path) -> Run:
    lock = read("dvc.lock")
    stages = (yaml.safe_load(lock) or {}).get("stages", {}) if lock else {}
    evaluate = stages.get("evaluate", {})
    outs = {out["path"]: out.get("md5") for out in evaluate.get("outs", [])}
    path = EVALUATION if EVALUATION in outs else METRICS
    metrics = read(path)
    if metrics is None or path not in outs:
        raise RhasError("not evaluated", where=name, do="run `dvc repro`, or `dvc exp run`")
    if hashlib.md5(metrics).hexdigest() != outs[path]:
        raise RhasError(
            f"{path} is not the one that dvc.lock names", where=name, do="run `dvc repro`"
        )
    params = _params_of("evaluate", stages)
    missing = {*_OWN, "train"} - set(params)
    if missing:
        raise RhasError(
            "its stages do not belong together", where=name,
            expected="evaluate of what train made of what chunk made",
            got=f"no {', '.join(sorted(missing))} for these figures", do="run `dvc repro`",
        )  # fmt: skip
    baselines = read(BASELINES)
    if baselines is None and (md5 := outs.get(BASELINES)):
        baselines = _bytes(cache / "files" / "md5" / md5[:2] / md5[2:])
    return Run(
        settings=run_settings(params),
        metrics=json.loads(metrics),
        name=name,
        baselines=json.loads(baselines) if baselines else {},
    )


def _params_of(stage: str, stages: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a stage and of all stages that made what it read, as far as that is so."""
    entry = stages[stage]
    made_by = {(o["path"], o.get("md5")): s for s in stages for o in stages[s].get("outs", [])}
    params: dict[str, Any] = {}
    for dep in entry.get("deps", []):
        if source := made_by.get((dep["path"], dep.get("md5"))):
            params.update(_params_of(source, stages))
    return {**params, **entry.get("params", {}).get("params.yaml", {})}


def _distinct(runs: Iterable[Run], skipped: Callable[[str], None]) -> list[Run]:
    kept: dict[str, Run] = {}
    for run in runs:
        key = json.dumps(run.settings, sort_keys=True)
        if key not in kept:
            kept[key] = run
        elif run.metrics != kept[key].metrics:
            skipped(f"{run.name}: other figures, though its settings are those of {kept[key].name}")
    return list(kept.values())


def _entries(text: str, path: str) -> Iterable[tuple[str, Any]]:
    try:
        if text.lstrip().startswith("["):
            for number, entry in enumerate(json.loads(text)):
                yield f"{path}, entry {number}", entry
        else:
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
    except json.JSONDecodeError as error:
        raise RhasError(
            "no JSON", where=path, expected="a list, or an object per line", got=str(error)
        ) from error


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
