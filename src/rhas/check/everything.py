"""All checks in the order in which a run would stumble over them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.check.data import check_data
from rhas.check.parameters import check_parameters
from rhas.check.room import check_folders, check_room, needed_bytes
from rhas.check.samples import check_samples
from rhas.check.trial import check_trial, count_written, run_trial
from rhas.check.weights import check_gpu, check_weights
from rhas.config.params import Params, parse_params, read_yaml
from rhas.config.profiles import read_profile


def check_everything(
    params: Path,
    trial_seconds: float | None,
    load: bool,
    tell: Callable[[int, int], None] = lambda done, of: None,
    profile: str | None = None,
) -> list[Check]:
    """Parameters, films and tables, weights, GPU, disk and, with a trial, time.

    Where the parameters are wrong, nothing that depends on them is looked at.

    Args:
        params: params.yaml; its folder is the project's, and checkpoints are relative to the
            current one.
        trial_seconds: of film to try; None: no trial.
        load: build the models.
        tell: told how many films are looked at, of how many.
        profile: whose parameters take the place of those in ``params``; None: none's.
    """
    root = params.parent
    chosen = None if profile is None else read_profile(profile)
    try:
        values = read_yaml(params)
    except RhasError as error:
        return [Check("params.yaml", "fail", f"{error.what}: {error.got}", "mend it")]
    values = values if chosen is None else chosen.apply(values)
    checks = check_parameters(values)
    if any(check.level == "fail" for check in checks):
        return [*checks, Check("everything else", "warn", "not looked at", "mend the above first")]
    found = parse_params(Params, values)
    data = check_data(found, root, tell)
    checks += data.checks
    if (root / "dvc.yaml").is_file():
        checks += check_folders(root)
    checks += check_samples(root / "data" / "samples")
    if data.features_alone:
        return checks + check_gpu(found, ("train",))
    checks += check_weights(found, load)
    checks += check_gpu(found)
    measured: dict[str, float] = {}
    if trial_seconds is not None and data.films and not _has_failed(checks, "checkpoint"):
        try:
            with tempfile.TemporaryDirectory() as folder:
                trials, excerpt = run_trial(data, found, trial_seconds, Path(folder))
        except RhasError as error:
            checks.append(Check("trial", "fail", str(error).replace("\n", ";"), error.do))
        else:
            checks += check_trial(trials, excerpt, data, found)
            measured = {
                stage: trial.bytes / count_written(excerpt, stage, found)
                for stage, trial in trials.items()
            }
    if data.films:
        checks.append(check_room(needed_bytes(data.films, found, measured), root, found.vlm))
    return checks


def _has_failed(checks: list[Check], name: str) -> bool:
    return any(check.level == "fail" and name in check.name for check in checks)
