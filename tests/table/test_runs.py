"""Runs from a project's lock, commit and experiments, and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvc_project import PARAMS, with_seed, write_run

from rhas.base.errors import RhasError
from rhas.report.paper_tables.runs import (
    EVALUATION,
    METRICS,
    Run,
    read_experiments,
    read_runs,
    select_settings,
    write_runs,
)

FACT, TEST = '{"method": "fact", "seed": 1}', '{"test": {}}'


def test_workspace_commit_and_experiments(project: Path) -> None:
    runs = read_experiments(project)
    assert [(run.name, run.settings["seed"], run.metrics["test"]["acc"]) for run in runs] == [
        ("workspace", 2, 30.0),
        ("HEAD", 0, 10.0),
        ("tall-boat", 1, 20.0),
    ]
    assert runs[0].settings["frame_len"] == 3000
    assert runs[0].settings["overrides"] == {"inputs": "holistic"}
    assert runs[0].settings["others"]["train.epochs"] == 3


def test_a_run_from_before_evaluation_json(project: Path) -> None:
    (project / EVALUATION).unlink()
    write_run(project, 40.0, with_seed(2), METRICS)
    assert read_experiments(project)[0].metrics["test"]["acc"] == 40.0


def test_figures_of_other_settings_than_the_locks_are_left_out(project: Path) -> None:
    (project / EVALUATION).write_text('{"val": {}, "test": {"acc": 99.0}}')
    told: list[str] = []
    assert [run.name for run in read_experiments(project, skipped=told.append)] == [
        "HEAD", "tall-boat",
    ]  # fmt: skip
    assert len(told) == 1
    assert "workspace" in told[0]


def test_a_run_that_was_stopped_half_way_is_left_out(project: Path) -> None:
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"]["train"]["outs"][0]["md5"] = "3" * 32
    (project / "dvc.lock").write_text(yaml.safe_dump(lock))
    told: list[str] = []
    assert len(read_experiments(project, skipped=told.append)) == 2
    assert "do not belong together" in told[0]


def test_equal_settings_count_once(project: Path) -> None:
    write_run(project, 30.0, PARAMS)
    told: list[str] = []
    runs = read_experiments(project, skipped=told.append)
    assert [run.name for run in runs] == ["workspace", "tall-boat"]
    assert "HEAD: other figures" in told[0]


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="not a DVC project"):
        read_experiments(tmp_path)


def test_settings_are_those_that_the_run_reads() -> None:
    params = {
        "method": "hopadiff", "split": "random", "frame_len": 2000, "vlm": "clip", "seed": 3,
        "train": {"preset": "paper", "overrides": {"partial_branch": False}, "threads": 2},
        "extract": {"checkpoints": {"clip": "a", "blip2": "b"}, "dtype": "float32"},
    }  # fmt: skip
    settings = select_settings(params)
    assert settings["overrides"] == {"partial_branch": False}
    assert settings["others"] == {"extract.checkpoint": "a", "extract.dtype": "float32"}
    assert settings["preset"] == "paper"


def test_overrides_of_a_method_that_has_none() -> None:
    overrides = {"fact": None, "hopadiff": {"bca": False}}
    for method, own in (("hopadiff", {"bca": False}), ("fact", {}), ("ltcontext", {})):
        params = {
            "method": method, "split": "random", "frame_len": 2000, "vlm": "clip", "seed": 3,
            "train": {"preset": "paper", "overrides": overrides},
        }  # fmt: skip
        assert select_settings(params)["overrides"] == own


def test_files(tmp_path: Path) -> None:
    run = Run({"method": "fact", "seed": 1}, {"test": {"acc": 1.5}}, "größe", {"test": {}})
    write_runs([run, run], tmp_path / "runs.jsonl")
    assert read_runs(tmp_path / "runs.jsonl") == [run, run]
    entry = (tmp_path / "runs.jsonl").read_text("utf-8").splitlines()[0]
    (tmp_path / "runs.json").write_text(f"[{entry}]", "utf-8")
    assert read_runs(tmp_path / "runs.json") == [run]


def test_a_name_with_other_ends_of_lines(tmp_path: Path) -> None:
    name = "a\u2028b\u2029c\x85d\x0be\r\nf"
    run = Run({"method": "fact", "seed": 1}, {"test": {"acc": 1.5}}, name)
    write_runs([run, run], tmp_path / "runs.jsonl")
    assert read_runs(tmp_path / "runs.jsonl") == [run, run]
    text = (tmp_path / "runs.jsonl").read_text("utf-8")
    (tmp_path / "windows.jsonl").write_bytes(text.replace("\n", "\r\n").encode())
    assert read_runs(tmp_path / "windows.jsonl") == [run, run]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "not a run"),
        ('{"name": "a"}', "not a run"),
        ('{"name": "a", "settings": {}, "metrics": {}, "more": 1}', "not a run"),
        ('{"name": "a", "settings": {"seed": 1}, "metrics": {"test": {}}}', "not a run"),
        (f'{{"name": "a", "settings": [], "metrics": {TEST}}}', "settings as an object"),
        (f'{{"name": "a", "settings": [[]], "metrics": {TEST}}}', "settings as an object"),
        (f'{{"name": "a", "settings": {FACT}, "metrics": ["test"]}}', "metrics as an object"),
        (
            f'{{"name": "a", "settings": {FACT}, "metrics": {TEST}, "baselines": 0}}',
            "baselines as an object",
        ),
        *(
            (f'{{"name": "a", "settings": {settings}, "metrics": {TEST}}}', said)
            for settings, said in (
                ('{"method": [], "seed": 1}', "method of the settings as text"),
                ('{"method": "fact", "seed": "1"}', "seed of the settings as a whole number"),
                ('{"method": "fact", "seed": true}', "seed of the settings as a whole number"),
                ('{"method": "fact", "seed": 1, "overrides": "x"}', "overrides of the settings as"),
                (
                    '{"method": "fact", "seed": 1, "others": [1]}',
                    "others of the settings as an obj",
                ),
            )
        ),
    ],
)
def test_files_that_hold_no_runs(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "runs.json").write_text(text)
    with pytest.raises(RhasError, match=said):
        read_runs(tmp_path / "runs.json")


def test_the_line_of_an_entry_that_is_no_run(tmp_path: Path) -> None:
    run = f'{{"name": "a", "settings": {FACT}, "metrics": '
    (tmp_path / "runs.jsonl").write_text(f"{run}{TEST}}}\n\n{run}{{}}}}\n")
    with pytest.raises(RhasError, match="not a run") as raised:
        read_runs(tmp_path / "runs.jsonl")
    assert raised.value.where == f"{tmp_path / 'runs.jsonl'}:3, a"


def test_a_file_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text("[] größe", "latin-1")
    with pytest.raises(RhasError, match="not UTF-8"):
        read_runs(tmp_path / "runs.json")
