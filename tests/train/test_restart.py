"""A run that is killed, again and again, ends where an undisturbed one ends."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import train_child

from rhas.train import CHECKPOINT, MODEL

RUN = {"epochs": 10, "batch_size": 2, "validate_every": 2, "save_minutes": 0.0}
KILLS = 10


def test_ten_kills_change_no_bit(tmp_path: Path) -> None:
    """SIGKILL at ten steps, some within an epoch, some while the checkpoint is being written."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rhas.train", "rhas.methods.hopadiff", "rhas.chunk", "pytest"])
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def start(folder: Path) -> multiprocessing.process.BaseProcess:
        folder.mkdir(exist_ok=True)
        process = context.Process(target=train_child.train, args=(str(folder), RUN))
        process.start()
        return process

    undisturbed = start(whole)
    kills = 0
    for number in range(KILLS):
        process = start(killed)
        seen = 0
        before = _stamp(killed / CHECKPOINT)
        while process.is_alive() and seen <= number % 3:
            now = _stamp(killed / CHECKPOINT)
            seen += now not in (0, before)
            before = now or before
            time.sleep(0.0005)
        process.kill()
        process.join()
        kills += process.exitcode == -9
    assert kills == KILLS
    assert not (killed / MODEL).exists()
    last = start(killed)
    for process in (undisturbed, last):
        process.join()
        assert process.exitcode == 0
    assert (whole / MODEL).read_bytes() == (killed / MODEL).read_bytes()
    curves = [json.loads((folder / "curve.json").read_text()) for folder in (whole, killed)]
    assert curves[0] == curves[1]
    assert len(curves[0]) == RUN["epochs"] + 1
    assert not (killed / CHECKPOINT).exists()


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
