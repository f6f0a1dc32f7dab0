"""Training in several processes: how it ends by a signal, and by an error of one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signals import AS_IN_A_TERMINAL

PROGRAM = """
import rhas.base.program
import os, time
from pathlib import Path
from rhas.base.errors import RhasError
from rhas.train import process_group

def main():
    if not process_group.under_torchrun():
        process_group.launch_torchrun(2)
    Path(f"{os.environ['RANK']}.pid").write_text(str(os.getpid()))
    with process_group.join_process_group("cpu") as group:
        Path(f"{group.rank}.ready").write_text("")
        WORK

if __name__ == "__main__":
    rhas.base.program.run_script(main)
"""
WAIT = "time.sleep(120)"
SUM = "[group.gather_values(0) for _ in range(10**9)]"


def start(folder: Path, work: str) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(AS_IN_A_TERMINAL + PROGRAM.replace("WORK", work))
    return subprocess.Popen(
        [sys.executable, str(program)], cwd=folder, stdout=-1, stderr=-1, text=True,
        start_new_session=True,
    )  # fmt: skip


def runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "status", "work"), [(signal.SIGINT, 130, SUM), (signal.SIGTERM, 143, WAIT)]
)
def test_a_signal_ends_all_processes_without_a_traceback(
    tmp_path: Path, number: signal.Signals, status: int, work: str
) -> None:
    process = start(tmp_path, work)
    while not all((tmp_path / f"{rank}.ready").exists() for rank in range(2)):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    said = process.communicate(timeout=600)[1]
    assert process.returncode == status
    assert set(said.split("\n")) == {"stopped", ""}
    children = [int((tmp_path / f"{rank}.pid").read_text()) for rank in range(2)]
    assert not any(runs(child) for child in children)


def test_an_error_of_one_process_is_told_once(tmp_path: Path) -> None:
    process = start(tmp_path, 'if group.rank: raise RhasError("no sample", do="add one")\n'
                    "        group.gather_values(0)")  # fmt: skip
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    assert said.count("error: no sample") == 1
    assert "Traceback" not in said


def test_a_process_that_is_killed_is_told(tmp_path: Path) -> None:
    process = start(tmp_path, "os.kill(os.getpid(), 9) if group.rank else group.gather_values(0)")
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    assert "a process of the training was ended by SIGKILL" in said
    assert "Traceback" not in said
