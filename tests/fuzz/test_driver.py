"""What the fuzzer's log becomes."""

from __future__ import annotations

import signal
from pathlib import Path

from fuzz.__main__ import describe_finding

RAISED = """\
 === Uncaught Python exception: ===
OverflowError: int too large to convert to float
Traceback (most recent call last):
  File "/x/tests/fuzz/target.py", line 66, in check
  File "/x/src/rhas/data/intervals.py", line 150, in _read_number
==1== ERROR: libFuzzer: fuzz target exited
Test unit written to found/crash-1
"""
HUNG = """\
#12 NEW cov: 3
==1== ERROR: libFuzzer: timeout after 30 seconds
Test unit written to found/timeout-2
"""


def test_an_exception_has_its_place_in_the_project() -> None:
    reason, path = describe_finding(RAISED, Path("found"), 77)
    assert reason == (
        "OverflowError: int too large to convert to float, rhas/data/intervals.py:150"
    )
    assert path == Path("found/crash-1")


def test_a_hang_and_a_killed_process_are_findings() -> None:
    assert describe_finding(HUNG, Path("found"), 70) == (
        "timeout after 30 seconds", Path("found/timeout-2")
    )  # fmt: skip
    last = Path("seeds/tables.input")
    assert describe_finding("", last, -signal.SIGPROF) == ("too much time", last)
    assert describe_finding("", last, 3) == ("exit status 3", last)
