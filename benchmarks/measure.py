"""What the benchmarks share: seconds of the clock and of the processor, memory, and output.

A speed is a ratio: what is measured and a named reference run in turn in one process, so that other
programs disturb both alike. Seconds of the processor hold where every core is busy; seconds of the
clock count on idle cores alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch


class Seconds(NamedTuple):
    """Of the clock, and of the processor over all threads of the process."""

    clock: float
    cpu: float


def read_clocks() -> Seconds:
    """Both clocks now."""
    return Seconds(time.perf_counter(), time.process_time())


def elapsed(since: Seconds) -> Seconds:
    """Seconds from then to now."""
    now = read_clocks()
    return Seconds(now.clock - since.clock, now.cpu - since.cpu)


def time_in_turn(
    functions: Mapping[str, Callable[[], object]], repeat: int, warm_up: int = 0
) -> dict[str, list[Seconds]]:
    """Seconds of each of several functions, which run one after the other, ``repeat`` times.

    Args:
        functions: by name.
        repeat: runs that are timed.
        warm_up: runs before, which are not.
    """
    times: dict[str, list[Seconds]] = {name: [] for name in functions}
    for turn in range(warm_up + repeat):
        for name, function in functions.items():
            began = read_clocks()
            function()
            if turn >= warm_up:
                times[name].append(elapsed(began))
    return times


def time_least(function: Callable[[], object], repeat: int, warm_up: int = 0) -> Seconds:
    """The least seconds of several runs: what other programs have disturbed least."""
    return least(time_in_turn({"": function}, repeat, warm_up)[""])


def least(times: Iterable[Seconds]) -> Seconds:
    """The least of each clock."""
    return Seconds(*map(min, zip(*times, strict=True)))


def median(times: Iterable[Seconds]) -> Seconds:
    """The median of each clock."""
    return Seconds(*map(statistics.median, zip(*times, strict=True)))


def median_ratio(times: Sequence[Seconds], reference: Sequence[Seconds]) -> Seconds:
    """The median of the ratios of runs that were next to each other; below 1 is faster."""
    pairs = zip(times, reference, strict=True)
    return median(Seconds(a.clock / b.clock, a.cpu / b.cpu) for a, b in pairs)


def gemm_gflops(repeat: int = 4, n: int = 2048) -> float:
    """The best rate of an n³ float32 product, by CPU time per thread in use."""
    a, b = torch.randn(n, n), torch.randn(n, n)
    return 2 * n**3 / time_least(lambda: a @ b, repeat).cpu / 1e9


def peak_gib(process: int | str = "self") -> float:
    """The largest resident set of a process so far (VmHWM); 0 where it has ended."""
    status = Path(f"/proc/{process}/status")
    if process == "self" and not status.exists():  # macOS: bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30
    lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 2**20 if lines else 0.0


def measure_in_child(script: str, arguments: Sequence[str]) -> dict[str, float]:
    """What a script prints as JSON in a process of its own, whose peak memory is its own too."""
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring, with ``--json [FILE]``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE",
        help="print JSON instead of text, or write it into FILE as well",
    )  # fmt: skip
    return parser


def show(values: object, text: str, to: str | None) -> None:
    """Prints figures as text or JSON.

    Args:
        values: the figures, JSON-able.
        text: the same for people.
        to: of ``--json``: None, ``-`` or a file.
    """
    encoded = json.dumps(round_figures(values), indent=1)
    print(encoded if to == "-" else text)
    if to not in (None, "-"):
        Path(str(to)).write_text(encoded + "\n", "utf-8")


def round_figures(value: Any, digits: int = 4) -> Any:
    """Numbers in nested lists and mappings to four significant digits."""
    if isinstance(value, Mapping):
        return {str(name): round_figures(item, digits) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_figures(item, digits) for item in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def format_rows(rows: Mapping[str, Mapping[str, float]], width: int = 18) -> str:
    """A line per row and a column per figure, wide enough for the longest name; a dash where a row
    has none."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    width = max([width, *(len(name) + 2 for name in columns)])
    first = max(map(len, rows)) + 2
    lines = [" " * first + "".join(f"{name:>{width}}" for name in columns)]
    for name, row in rows.items():
        cells = [f"{row[c]:.4g}" if c in row else "-" for c in columns]
        lines.append(f"{name:<{first}}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)
