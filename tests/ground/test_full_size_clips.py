"""benchmarks/full_size_clips.py: the memory of the child processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import full_size_clips
import pytest


def test_a_thread_that_ends_meanwhile_does_not_end_the_sampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_text, ended = Path.read_text, []

    def read(path: Path) -> str:
        if path.name == "children" and not ended:
            ended.append(path)
            raise ProcessLookupError
        return read_text(path)

    monkeypatch.setattr(Path, "read_text", read)
    done, peaks = threading.Event(), {}
    sampler = threading.Thread(target=full_size_clips.Watch._sample, args=(done, peaks))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        sampler.start()
        deadline = time.monotonic() + 30
        while child.pid not in peaks and sampler.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        done.set()
        sampler.join()
        child.communicate(b"\n")
    assert ended
    assert peaks[child.pid] > 1000
