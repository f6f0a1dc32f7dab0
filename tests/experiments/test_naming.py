"""What changes the name of an experiment, on a pipeline of four quick stages run by DVC."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rhas.config.params import read_yaml
from rhas.engine.code import import_closure
from rhas.experiments import Experiment, experiment_name, find_stale_stages
from rhas.experiments.listing import Listing, Values
from rhas.experiments.naming import OWN_STAGES, Ingredients, find_ingredients
from rhas.experiments.records import Results, RunRecord, read_results, write_results

ROOT = Path(__file__).resolve().parents[2]
PARAMS: dict[str, Any] = {
    "fps": 15, "vlm": "clip", "method": "one", "seed": 0, "decode": {"quality": 90},
    "train": {"epochs": 1, "overrides": {"one": {"x": 1}}},
}  # fmt: skip
STAGE = """
import os, pathlib, yaml
from rhas.{module} import WORD
params = yaml.safe_load(open("params.yaml"))
out = pathlib.Path("{out}".format(**params))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(WORD)
"""
OUTS = {
    "decode": "data/frames", "extract": "data/features/{vlm}", "train": "models/{method}",
    "evaluate": "results/metrics.json",
}  # fmt: skip
MODULES = {"decode": "decode", "extract": "extract", "train": "methods", "evaluate": "metrics"}
STAGES = {
    "decode": {"params": ["fps", "decode"], "deps": ["src/rhas/decode", "data/own"]},
    "extract": {"params": ["vlm"], "deps": ["src/rhas/extract", "weights/${vlm}", "data/frames"]},
    "train": {
        "params": ["method", "seed", "train"],
        "deps": ["src/rhas/methods", "data/features/${vlm}"],
    },
    "evaluate": {
        "params": ["fps", "vlm", "method", "seed", "decode", "train"],
        "deps": ["src/rhas/metrics", "src/rhas/report", "data/frames", "models/${method}"],
    },
}  # fmt: skip


def write_project(root: Path) -> None:
    files = {
        "data/own/film": "a film", "weights/clip": "c", "weights/blip2": "b",
        "params.yaml": yaml.safe_dump(PARAMS), ".dvc/config": "[core]\n    no_scm = true\n",
        "src/rhas/__init__.py": "", "src/rhas/report/__init__.py": "PAGE = 'white'\n",
        "src/rhas/methods/one/__init__.py": "X = 1\n",
        "src/rhas/methods/two/__init__.py": "X = 2\n",
    }  # fmt: skip
    pipeline = {}
    for name, out in OUTS.items():
        module, script = MODULES[name], f"stages/{name}.py"
        files[script] = STAGE.format(module=module, out=out)
        files[f"src/rhas/{module}/__init__.py"] = f"WORD = '{module}'\n"
        stage = STAGES[name]
        path = out.replace("{", "${")
        pipeline[name] = {
            "cmd": f"python {script}", "params": stage["params"],
            "deps": [script, *stage["deps"]], "outs": [path],
        }  # fmt: skip
    files["src/rhas/metrics/__init__.py"] += "from rhas.report import PAGE\n"
    files["dvc.yaml"] = yaml.safe_dump({"stages": pipeline})
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)


def reproduce(root: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        **os.environ, "PATH": path, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    subprocess.run(command, cwd=root, env=environment, check=True)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reproduced")
    write_project(root)
    reproduce(root)
    return root


@pytest.fixture
def root(reproduced: Path, tmp_path: Path) -> Path:
    """A copy of a project whose dvc.lock is of its code."""
    shutil.copytree(reproduced, tmp_path / "project")
    return tmp_path / "project"


def name(root: Path, params: Values = PARAMS, **settings: Any) -> str:
    return experiment_name(Experiment("table", "row", 0, settings), params, root)


def edit(root: Path, module: str, text: str) -> None:
    (root / "src" / "rhas" / module / "__init__.py").write_text(text)


def test_dvc_lock_is_of_this_code(root: Path) -> None:
    assert find_stale_stages(PARAMS, root) == []
    inputs = find_ingredients(Experiment("t", "r", 0, {}), PARAMS, root).inputs
    assert list(inputs) == ["data/features/clip", "data/frames"]
    assert all(value.startswith("content ") for value in inputs.values())


def test_code_of_decode_that_changes_no_frame_keeps_the_name(reproduced: Path, root: Path) -> None:
    clip, blip2 = name(reproduced), name(reproduced, vlm="blip2")
    edit(root, "decode", "WORD = 'dec' + 'ode'\n")
    assert find_stale_stages(PARAMS, root) == ["decode", "extract"], "dvc.lock is older"
    reproduce(root)
    assert find_stale_stages(PARAMS, root) == []
    assert (name(root), name(root, vlm="blip2")) == (clip, blip2)


def test_other_frames_change_the_name(reproduced: Path, root: Path) -> None:
    edit(root, "decode", "WORD = 'sharper'\n")
    reproduce(root)
    assert name(root) != name(reproduced)


def test_other_features_change_the_name(reproduced: Path, root: Path) -> None:
    (root / "dvc.lock").write_text((reproduced / "dvc.lock").read_text())
    edit(root, "extract", "WORD = 'deeper'\n")
    reproduce(root)
    assert name(root) != name(reproduced)


def test_features_not_made_yet_are_known_by_their_recipe(reproduced: Path, root: Path) -> None:
    blip2 = Experiment("t", "r", 0, {"vlm": "blip2"})
    inputs = find_ingredients(blip2, PARAMS, reproduced).inputs
    assert inputs["data/features/blip2"].startswith("recipe ")
    assert inputs["data/frames"].startswith("content ")
    (root / "weights" / "blip2").write_text("other weights")
    assert name(root, vlm="blip2") != name(reproduced, vlm="blip2")
    assert name(root) == name(reproduced)


@pytest.mark.parametrize(
    ("module", "text", "changes"),
    [
        ("methods", "WORD = 'other'\n", True),
        ("methods", '"""A docstring."""\n\nWORD = "methods"  # a comment\n', False),
        ("methods/one", "X = 7\n", True),
        ("methods/two", "X = 7\n", False),
        ("metrics", "WORD = 'other'\nfrom rhas.report import PAGE\n", True),
        ("report", "PAGE = 'black'\n", False),
    ],
)
def test_code_from_train_on(
    reproduced: Path, root: Path, module: str, text: str, changes: bool
) -> None:
    edit(root, module, text)
    assert (name(root) != name(reproduced)) == changes


def test_parameters(reproduced: Path) -> None:
    usual = name(reproduced)
    assert name(reproduced, **{"train.epochs": 2}) != usual
    assert name(reproduced, **{"train.overrides.one.x": 2}) != usual
    assert name(reproduced, **{"train.overrides.two.x": 2}) == usual, "of another method"
    assert name(reproduced, **{"decode.quality": 50}) != usual, "nobody knows these frames"
    assert name(reproduced, {**PARAMS, "seconds": 3}) == usual, "no stage reads it"


def test_records_of_other_code_stay_until_they_are_run_again(
    reproduced: Path, tmp_path: Path
) -> None:
    """Files of before do not say what their records were made of; later ones do."""
    experiments = [Experiment("table", row, 0, {"vlm": "clip"}) for row in ("old", "known", "none")]
    subprocess.run(["git", "init", "--quiet", str(reproduced)], check=True)
    now = find_ingredients(experiments[0], PARAMS, reproduced)
    others = Ingredients("other code", now.parameters, now.inputs)
    records = [
        RunRecord("one-s0-before", "0", "table", "old", 0, "one", {"vlm": "clip"}, {}, None, None),
        RunRecord("one-s0-other", "0", "table", "known", 0, "one", {"vlm": "clip"}, {}, None, None,
                  others),
        RunRecord("one-s0-third", "0", "table", "none", 0, "one", {"vlm": "clip"}, {}, None, None,
                  Ingredients(now.code, "other parameters", now.inputs)),
    ]  # fmt: skip
    file = tmp_path / "list.json"
    entries = [{**vars(record), "made_of": vars(record.made_of) if record.made_of else None}
               for record in records]  # fmt: skip
    del entries[0]["made_of"]
    content = {"title": "A", "tables": {"table": "T"}, "experiments": entries, "missing": []}
    file.write_text(json.dumps(content))
    listing = Listing("list", "A", {"table": "T"}, experiments)
    written = write_results(listing, PARAMS, reproduced, file)
    assert written == Results(
        "A", {"table": "T"}, records[:2], ["table, none, seed 0"],
        ["one-s0-before", "one-s0-other"],
    )  # fmt: skip
    assert read_results(file) == written
    assert now.differences(others) == ["code"]


def test_the_projects_own_train_and_evaluate_do_not_run_decode() -> None:
    package = ROOT / "src" / "rhas"
    closure = {
        path.relative_to(package).parts[0]
        for stage in OWN_STAGES
        for path in import_closure(
            ROOT / "stages" / f"{stage}.py", package, without=[package / "report"]
        )
    }
    assert not closure & {"decode", "crop", "prepare", "mini"}
    assert {"train", "methods", "metrics", "evaluate"} <= closure
    names = {
        experiment_name(Experiment("t", "r", seed, {}), read_yaml(ROOT / "params.yaml"), ROOT)
        for seed in (0, 1)
    }
    assert len(names) == 2
