"""A run that is killed, again and again, ends where an undisturbed one ends."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import train_child

from rhas.train import CHECKPOINT, MODEL

RUN = {"epochs": 6, "batch_size": 2, "validate_every": 2, "save_minutes": 0.0}  # 18 steps
KILLS = 6  # each checkpoint both ways


def test_kills_change_no_bit(tmp_path: Path) -> None:
    """SIGKILL with the first, second or third checkpoint of a start, every other time before the
    new checkpoint has its name."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rhas.train", "rhas.methods.hopadiff", "rhas.chunk", "pytest"])
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()

    def run(folder: Path, die_at: int = 0, torn: bool = False) -> int | None:
        process = context.Process(target=train_child.train, args=(str(folder), RUN, die_at, torn))
        process.start()
        process.join()
        return process.exitcode

    for number in range(KILLS):
        assert run(killed, 1 + number % 3, number % 2 == 1) == -9
        assert not (killed / MODEL).exists()
    assert run(killed) == run(whole) == 0
    assert (whole / MODEL).read_bytes() == (killed / MODEL).read_bytes()
    curves = [json.loads((folder / "curve.json").read_text()) for folder in (whole, killed)]
    assert curves[0] == curves[1]
    assert len(curves[0]) == RUN["epochs"] + 1
    assert not (killed / CHECKPOINT).exists()
