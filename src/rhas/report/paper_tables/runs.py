"""Runs: what was set, and the figures that came of it, from DVC's experiments or from a file.

A run's settings are those of ``dvc.lock``, which says what its figures were made with; params.yaml
may have been changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Required, TypedDict, cast

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import
from rhas.base.files import replace_file
from rhas.base.yaml_files import parse_lock

EVALUATION, METRICS = "results/evaluation.json", "results/metrics.json"
Entry = Mapping[str, Any]  # of a stage in dvc.lock
BASELINES = "results/baselines.json"
_NAMED = ("method", "split", "frame_len", "vlm", "seed")
_NO_EFFECT = frozenset(
    {"train.save_minutes", "train.memory_gb", "train.threads", "evaluate.sheet_frames"}
)
"""Settings that change no figure, or rounding alone."""
_FORMS: tuple[tuple[str, type, str], ...] = (
    ("method", str, "text"), ("seed", int, "a whole number"), ("overrides", Mapping, "an object"),
    ("others", Mapping, "an object"),
)  # fmt: skip


class Settings(TypedDict, total=False):
    """What a run was made with; see `Run`."""

    method: Required[str]
    seed: Required[int]
    preset: str
    split: str
    frame_len: int
    vlm: str
    overrides: Mapping[str, object]
    others: Mapping[str, object]


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
        RhasError: settings, metrics or baselines that are no mapping, or overrides or others among
            the settings; no method or seed, or metrics without a test side.
    """

    settings: Settings
    metrics: Mapping[str, object]
    name: str
    baselines: Mapping[str, object] = field(default_factory=dict)

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
        for key, kind, form in _FORMS:
            value = self.settings.get(key)
            if key in self.settings and (not isinstance(value, kind) or isinstance(value, bool)):
                raise RhasError(
                    "not a run", where=self.name, expected=f"{key} of the settings as {form}",
                    got=repr(value)[:80],
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
        for name, read in _list_places(repo, root, all_commits):
            try:
                runs.append(_read_run(name, read, Path(repo.cache.local_cache_dir)))
            except RhasError as error:
                skipped(str(error))
    return _keep_distinct(runs, skipped)


def read_runs(path: Path) -> list[Run]:
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
    for where, entry in _parse_entries(text, str(path)):
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


def write_runs(runs: Iterable[Run], path: Path) -> None:
    """JSON lines for `read_runs`; equal runs give equal bytes."""
    lines = [json.dumps(asdict(run), sort_keys=True, ensure_ascii=False) for run in runs]
    with replace_file(path) as new:
        new.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def select_settings(params: Mapping[str, object]) -> Settings:
    """The settings of a `Run` from the parameters of its stages, as params.yaml lists them.

    Of what is listed by method or by VLM, the run's own is taken.
    """
    named = {name: params[name] for name in _NAMED}
    train = _section(params["train"])
    overrides = _section(train.pop("overrides", None))
    if all(values is None or isinstance(values, Mapping) for values in overrides.values()):
        overrides = _section(overrides.get(str(params["method"])))  # once they were not by method
    sections = {**{k: v for k, v in params.items() if k not in _NAMED}, "train": train}
    preset = train.pop("preset")
    extract = _section(sections.get("extract"))
    if "checkpoints" in extract:
        checkpoints = _section(extract.pop("checkpoints"))
        sections["extract"] = {**extract, "checkpoint": checkpoints.get(str(params["vlm"]))}
    others = {k: v for k, v in sorted(_flatten(sections)) if k not in _NO_EFFECT}
    return cast(Settings, {**named, "preset": preset, "overrides": overrides, "others": others})


def find_figure(metrics: Mapping[str, object], *path: str) -> float | None:
    """A number in nested mappings, such as the content of evaluation.json; None if absent."""
    found: object = metrics
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _section(value: object) -> dict[str, object]:
    """A copy of a section; an absent or empty one has no parameters."""
    return dict(value) if isinstance(value, Mapping) else {}


def _list_places(
    repo: Any, root: Path, all_commits: bool
) -> Iterable[tuple[str, Callable[[str], bytes | None]]]:
    """(name, reader of a file by its path in the project) of the workspace, HEAD, experiments."""
    folder = Path(repo.root_dir)
    yield "workspace", lambda path: _read_bytes(folder / path)
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


def _read_bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _read_run(name: str, read: Callable[[str], bytes | None], cache: Path) -> Run:
    lock = read("dvc.lock")
    stages = parse_lock(lock, f"{name}, dvc.lock") if lock else {}
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
    params = _collect_params("evaluate", stages)
    missing = {*_NAMED, "train"} - set(params)
    if missing:
        raise RhasError(
            "its stages do not belong together", where=name,
            expected="evaluate of what train made of what chunk made",
            got=f"no {', '.join(sorted(missing))} for these figures", do="run `dvc repro`",
        )  # fmt: skip
    baselines = read(BASELINES)
    if baselines is None and (md5 := outs.get(BASELINES)):
        baselines = _read_bytes(cache / "files" / "md5" / md5[:2] / md5[2:])
    return Run(
        settings=select_settings(params),
        metrics=json.loads(metrics),
        name=name,
        baselines=json.loads(baselines) if baselines else {},
    )


def _collect_params(stage: str, stages: Mapping[str, Entry]) -> dict[str, object]:
    """Parameters of a stage and of all stages that made what it read, as far as that is so."""
    entry = stages[stage]
    made_by = {(o["path"], o.get("md5")): s for s in stages for o in stages[s].get("outs", [])}
    params: dict[str, object] = {}
    for dep in entry.get("deps", []):
        if source := made_by.get((dep["path"], dep.get("md5"))):
            params.update(_collect_params(source, stages))
    return {**params, **entry.get("params", {}).get("params.yaml", {})}


def _keep_distinct(runs: Iterable[Run], skipped: Callable[[str], None]) -> list[Run]:
    first: dict[str, Run] = {}
    for run in runs:
        key = json.dumps(run.settings, sort_keys=True)
        if key not in first:
            first[key] = run
        elif run.metrics != first[key].metrics:
            skipped(f"{run.name}: other figures with the settings of {first[key].name}")
    return list(first.values())


def _parse_entries(text: str, path: str) -> Iterable[tuple[str, Any]]:
    try:
        if text.lstrip().startswith("["):
            for number, entry in enumerate(json.loads(text)):
                yield f"{path}, entry {number}", entry
        else:
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RhasError(
            "no JSON", where=path, expected="a list, or an object per line", got=str(error)
        ) from error


def _flatten(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
