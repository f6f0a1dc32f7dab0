"""The name of an experiment: a hash of what its train and evaluate stages depend on, by content.

Three parts go into it:

- code: the modules that ``stages/train.py`` and ``stages/evaluate.py`` import, and the package of
  the method. Comments and docstrings do not count, nor does ``rhas.report``: it makes pages and
  no figures.
- parameters: those of train and evaluate that no earlier stage reads, and of ``train.overrides``
  the section of the method alone.
- inputs: what the earlier stages made and train or evaluate read, such as ``data/samples``. Where
  dvc.lock is of this code and these parameters, the hash of the output counts. Elsewhere, as for
  another ``vlm`` than that of params.yaml, nobody knows the output before it has been made; then
  the stage's code, parameters and inputs count.

So a change of decode's code that changes no frame changes no name, once `dvc repro` has renewed
dvc.lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.engine.code import canonical_source, import_closure
from rhas.engine.workcache import walk_folder
from rhas.experiments.dvcfiles import hash_as_dvc, read_lock, read_stages
from rhas.experiments.listing import Experiment, Values, apply_settings

OWN_STAGES = ("train", "evaluate")
"""The stages whose code and parameters belong to an experiment; what others make are its inputs."""
_LENGTH = 10  # characters of a hash
_DATA = (".txt", ".json", ".csv", ".yaml")


@dataclass(frozen=True)
class Ingredients:
    """What an experiment is made of.

    Args:
        code: hash of the code.
        parameters: hash of the parameters.
        inputs: by path, the hash of what lies there (``content``) or of how it is made
            (``recipe``).
    """

    code: str
    parameters: str
    inputs: Mapping[str, str]

    def differences(self, other: Ingredients) -> list[str]:
        """Which parts are not the same: ``code``, ``parameters``, or paths of inputs."""
        parts = [name for name in ("code", "parameters") if vars(self)[name] != vars(other)[name]]
        paths = sorted({*self.inputs, *other.inputs})
        return [*parts, *(p for p in paths if self.inputs.get(p) != other.inputs.get(p))]


def experiment_name(experiment: Experiment, params: Values, root: Path) -> str:
    """What the experiment is called in DVC: method, seed and a hash of its `Ingredients`.

    Args:
        experiment: which one.
        params: params.yaml.
        root: of the repository.

    Raises:
        RhasError: dvc.yaml has no stage train or evaluate, or depends on an absent file.
    """
    method = apply_settings(params, experiment)["method"]
    digest = _hash_json(vars(find_ingredients(experiment, params, root)))
    return f"{method}-s{experiment.seed}-{digest}"


def find_ingredients(experiment: Experiment, params: Values, root: Path) -> Ingredients:
    """What an experiment is made of; arguments and errors as `experiment_name`."""
    seen = _Experiment(root, apply_settings(params, experiment))
    return Ingredients(seen.hash_code(), seen.hash_parameters(), seen.hash_inputs())


def find_stale_stages(params: Values, root: Path) -> list[str]:
    """Stages before train of which dvc.lock has no output of this code and these parameters."""
    seen = _Experiment(root, params)
    return [name for name in seen.earlier if not seen.is_current(name)]


class _Experiment:
    """The pipeline as one experiment sees it.

    Args:
        root: of the repository.
        values: all parameters of the experiment.
    """

    def __init__(self, root: Path, values: Values) -> None:
        self.root, self.values = root, values
        self.stages, self.locked = read_stages(root, values), read_lock(root)
        if missing := [name for name in OWN_STAGES if name not in self.stages]:
            raise RhasError("no such stage", where=str(root / "dvc.yaml"), got=", ".join(missing))
        self.earlier = {n: s for n, s in self.stages.items() if n not in OWN_STAGES}
        self.makers = {out: name for name, stage in self.stages.items() for out in stage.outs}

    def hash_code(self) -> str:
        package, method = self.root / "src" / "rhas", str(self.values["method"])
        scripts = [self.root / "stages" / f"{name}.py" for name in OWN_STAGES]
        scripts += sorted((package / "methods" / method).rglob("*.py"))
        return _hash_code(package, tuple(scripts))

    def hash_parameters(self) -> str:
        upstream = {name for stage in self.earlier.values() for name in stage.parameters}
        stages = [self.stages[name] for name in OWN_STAGES]
        read = {name: value for stage in stages for name, value in stage.parameters.items()}
        own = {name: value for name, value in read.items() if name not in upstream}
        if isinstance(train := own.get("train"), Mapping):
            overrides = train.get("overrides")
            by_method = overrides if isinstance(overrides, Mapping) else {}
            own["train"] = {**train, "overrides": by_method.get(self.values["method"])}
        return _hash_json([[stage.command for stage in stages], own])

    def hash_inputs(self) -> dict[str, str]:
        read = {dep for name in OWN_STAGES for dep in self.stages[name].deps}
        made_here = {dep for dep in read if self.makers.get(dep) in OWN_STAGES}
        return {dep: self.identify(dep) for dep in sorted(read - made_here) if not _is_code(dep)}

    def identify(self, path: str) -> str:
        """``content`` or ``recipe`` with a hash, of something that a stage reads."""
        maker = self.makers.get(path)
        if maker is None:
            return f"content {hash_path(self.root / path)[:_LENGTH]}"
        if self.is_current(maker):
            return f"content {self.locked[maker].outs[path][:_LENGTH]}"
        stage = self.stages[maker]
        deps = {dep: self.identify(dep) for dep in stage.deps}
        return f"recipe {_hash_json([stage.command, stage.parameters, deps])}"

    def is_current(self, name: str) -> bool:
        """Whether dvc.lock has what the stage makes of this code and these parameters."""
        stage, locked = self.stages[name], self.locked.get(name)
        return (
            locked is not None
            and (locked.command, locked.parameters) == (stage.command, stage.parameters)
            and (set(locked.deps), set(locked.outs)) == (set(stage.deps), set(stage.outs))
            and all(self._is_unchanged(dep, md5) for dep, md5 in locked.deps.items())
        )

    def _is_unchanged(self, dep: str, md5: str) -> bool:
        maker = self.makers.get(dep)
        if maker is None:
            return hash_as_dvc(self.root / dep) == md5
        return self.is_current(maker) and self.locked[maker].outs[dep] == md5


@cache
def _hash_code(package: Path, scripts: Sequence[Path]) -> str:
    """Of the modules that scripts import and of data files beside them, such as class names."""
    modules = {
        path
        for script in scripts
        for path in (script, *import_closure(script, package, without=[package / "report"]))
    }
    folders = {path.parent for path in modules if path.is_relative_to(package)}
    data = {path for folder in folders for path in folder.iterdir() if path.suffix in _DATA}
    found = {path.relative_to(package.parent.parent).as_posix(): path for path in modules | data}
    return _hash_json({name: _hash_source(found[name]) for name in sorted(found)})


@cache
def hash_path(path: Path) -> str:
    """SHA-256 of a file or a folder's files; of Python files without comments and docstrings.

    Raises:
        RhasError: there is none.
    """
    if not path.exists():
        raise RhasError("dvc.yaml depends on an absent file", where=str(path))
    if path.is_file():
        return _hash_source(path)
    files = [f for f in walk_folder(path) if f.is_file() and "__pycache__" not in f.parts]
    return _hash_json({f.relative_to(path).as_posix(): _hash_source(f) for f in files}, 64)


def _hash_source(path: Path) -> str:
    if path.suffix == ".py":
        return hashlib.sha256(canonical_source(path).encode()).hexdigest()
    return hash_file(path)


def _is_code(path: str) -> bool:
    return path.startswith(("src/", "stages/"))


def _hash_json(value: object, length: int = _LENGTH) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]
