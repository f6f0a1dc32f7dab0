from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from rhas.evaluate.summary import summary


def test_figures_stand_beside_those_of_the_baselines(tmp_path: Path) -> None:
    test = {"acc": 61.25, "map": 40.0, "as_published": {"acc": 60.0, "f1_50": 12.5}}
    constant = {"acc": 27.5, "as_published": {"f1_50": 92.3}}
    (tmp_path / "metrics.json").write_text(json.dumps({"val": {}, "test": test}))
    others = {"val": {}, "test": {"constant_class": constant, "chance": {"acc": 1.0}}}
    (tmp_path / "baselines.json").write_text(json.dumps(others))
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(summary(tmp_path))
    lines = {
        line.split("│")[1].strip(): line for line in captured.get().splitlines() if "│" in line
    }
    cells = {name: [c.strip() for c in line.split("│")[2:-1]] for name, line in lines.items()}
    assert cells["ACC"] == ["-", "61.2", "27.5", "1.0"]
    assert cells["frame mAP"] == ["-", "40.0", "-", "-"]
    assert cells["published F1@50"] == ["-", "12.5", "92.3", "-"]
