"""How programs end: by an error, by Ctrl-C, by SIGTERM, while they work and while they load."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from signals import AS_IN_A_TERMINAL

WORK = """
import time
import rhas.base.program
from rhas.base.errors import RhasError

def main():
    try:
        {work}
    finally:
        print("cleaned up", flush=True)

if __name__ == "__main__":
    rhas.base.program.run_script(main)
"""
WAIT = 'print("ready", flush=True); time.sleep(60)'
LOAD = f"import rhas.base.program\nimport time\n{WAIT}\n"


def start(folder: Path, text: str) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(AS_IN_A_TERMINAL + text)
    words = [sys.executable, str(folder / "program.py")]
    return subprocess.Popen(words, stdout=-1, stderr=-1, text=True, start_new_session=True)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_one_line_and_cleans_up(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    process = start(tmp_path, WORK.format(work=WAIT))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("cleaned up\n", "stopped\n")
    assert process.returncode == status


def test_ctrl_c_while_packages_load(tmp_path: Path) -> None:
    process = start(tmp_path, LOAD)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "stopped\n")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ('raise RhasError("too short", where="a.mp4", do="cut it")', "error: a.mp4: too short\n"),
        ('raise OSError(28, "No space left on device", "a.h5")', "error: a.h5: the disk is full\n"),
        ('open("/dev/full", "w").write("x" * 99999)', "error: the disk is full\n"),
    ],
)
def test_what_a_user_can_correct_has_no_traceback(tmp_path: Path, work: str, said: str) -> None:
    process = start(tmp_path, WORK.format(work=work))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(said)
    assert "Traceback" not in err
    assert "  do: " in err


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    process = start(tmp_path, WORK.format(work="1 / 0"))
    assert "ZeroDivisionError" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
