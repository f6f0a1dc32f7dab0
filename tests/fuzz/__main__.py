"""Fuzzing with atheris: ``python tests/fuzz --minutes 60``.

Each target (`fuzz.targets`) gets an equal share of the time, in a process of its own with limits
of time per input and of memory. What is found is kept with its traceback in ``.fuzz/found``; the
inputs that reach new lines of code are kept in ``.fuzz/corpus``, and the next run begins with them.

Exit status: 0; 1 where something was found.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from fuzz.target import MAX_INPUT  # noqa: E402
from fuzz.targets import NAMES  # noqa: E402

_MOST_FINDINGS = 20  # of a target, then it ends
_SIGNALS = {signal.SIGPROF: "too much time", signal.SIGKILL: "killed, perhaps for its memory"}
_LINES = 60  # of a log that are kept


@dataclass
class Outcome:
    """What a target's run gave: inputs that were tried, and the files of findings."""

    inputs: int = 0
    seconds: float = 0.0
    found: dict[str, Path] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python tests/fuzz")
    parser.add_argument("--minutes", type=float, default=6.0, help="of all targets together")
    parser.add_argument("--target", action="append", choices=NAMES, help="default: all")
    parser.add_argument("--memory", type=int, default=2048, help="MiB that a process may take")
    parser.add_argument("--out", type=Path, default=Path(".fuzz"))
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input of --target")
    chosen = parser.parse_args()
    names = chosen.target or NAMES
    if chosen.replay:
        raise SystemExit(_call(names[0], "--replay", str(chosen.replay)).wait())
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit('atheris is missing: pip install -e ".[dev,fuzz]" (Linux on x86-64)')
    failed = False
    for name in names:
        seconds = 60 * chosen.minutes / len(names)
        outcome = fuzz_target(name, seconds, chosen.memory, chosen.out)
        failed |= bool(outcome.found)
        print(
            f"{name}: {outcome.inputs:,} inputs in {outcome.seconds:.0f} s, "
            f"{len(outcome.found)} findings",
            flush=True,
        )
        for reason, path in outcome.found.items():
            print(f"  {reason}\n    python tests/fuzz --target {name} --replay {path}", flush=True)
    raise SystemExit(failed)


def fuzz_target(name: str, seconds: float, memory: int, out: Path) -> Outcome:
    """Runs a target until its time is over; it is started again after a finding."""
    corpus, seeds, found = (out / part / name for part in ("corpus", "seeds", "found"))
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    outcome, began = Outcome(), time.monotonic()
    while (left := seconds - outcome.seconds) > 1 and len(outcome.found) < _MOST_FINDINGS:
        log = found / "log.txt"
        options = {
            "max_total_time": round(left), "rss_limit_mb": memory, "max_len": MAX_INPUT,
            "len_control": 0, "print_final_stats": 1, "report_slow_units": 3600,
            "artifact_prefix": f"{found}/",
        }  # fmt: skip
        with log.open("wb") as file:
            arguments = [f"-{option}={value}" for option, value in options.items()]
            folders = str(corpus), str(seeds)
            status = _call(name, str(seeds), *arguments, *folders, log=file).wait()
        text = log.read_text("utf-8", "replace")
        outcome.seconds = time.monotonic() - began
        outcome.inputs += _count_inputs(text)
        if status:
            reason, path = describe_finding(text, out / "seeds" / f"{name}.input", status)
            if path.suffix == ".input":  # killed, libFuzzer wrote none
                path = path.rename(found / f"killed-{time.time_ns():x}")
            outcome.found.setdefault(reason, path)
            path.with_suffix(".txt").write_text("\n".join(text.splitlines()[-_LINES:]), "utf-8")
    return outcome


def describe_finding(text: str, last: Path, status: int) -> tuple[str, Path]:
    """What a log says in a line, and the file of the input: ``last`` where the log names none."""
    written = re.findall(r"Test unit written to (\S+)", text)
    errors = re.findall(
        r"^(?:Exception: |(?:\w+\.)*\w+(?:Error|Exception|Warning)\b).*", text, re.M
    )
    places = re.findall(r'File "[^"]*/src/(rhas/\S+)", line (\d+)', text)
    crashes = re.findall(r"ERROR: libFuzzer: (.*)", text)
    killed = _SIGNALS.get(-status, f"exit status {status}")
    reason = (errors or crashes or [killed])[0][:160]
    where = f", {places[-1][0]}:{places[-1][1]}" if places else ""
    return reason + where, Path(written[-1]) if written else last


def _count_inputs(text: str) -> int:
    told = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
    steps = re.findall(r"^#(\d+)\s", text, re.M)
    return int((told or steps or ["0"])[-1])


def _call(name: str, *arguments: str, log: object = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "fuzz.child", name, *arguments]
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "MPLBACKEND": "agg"}
    return subprocess.Popen(command, env=env, stdout=log, stderr=log)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
