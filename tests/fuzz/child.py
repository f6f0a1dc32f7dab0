"""One target in a process of its own: ``python -m fuzz.child NAME``, and

- ``--replay FILE``: one input, without atheris;
- ``SEEDS [libFuzzer's options and folders]``: the seeds are written into that folder first.
  libFuzzer ends the process at the first exception, crash, hang or excess of memory, and writes the
  input. Limits of time are of the processor, so that a busy machine is no finding.
"""

from __future__ import annotations

import hashlib
import signal
import sys
import tempfile
import warnings
from pathlib import Path

_IDLE = 20  # times the limit that an input may take by the clock


def fuzz(name: str, seeds: Path, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["rhas"]):
        from fuzz.target import Target
        from fuzz.targets import load_kind

        kind = load_kind(name)
    with tempfile.TemporaryDirectory() as folder:
        target = Target(kind, _make_folder(folder))
        for seed in target.list_seeds():
            (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

        def check(data: bytes) -> None:
            (seeds.parent / f"{name}.input").write_bytes(data)
            signal.setitimer(signal.ITIMER_PROF, kind.seconds)  # SIGPROF ends the process
            target.check(data)
            signal.setitimer(signal.ITIMER_PROF, 0)

        atheris.Setup([sys.argv[0], f"-timeout={_IDLE * kind.seconds}", *arguments], check)
        atheris.Fuzz()


def replay(name: str, path: Path) -> None:
    from fuzz.target import Target
    from fuzz.targets import load_kind

    with tempfile.TemporaryDirectory() as folder:
        Target(load_kind(name), _make_folder(folder)).check(path.read_bytes())


def _make_folder(parent: str) -> Path:
    folder = Path(parent, "files")
    folder.mkdir()
    return folder


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what, first, *rest = sys.argv[1:]
    if first == "--replay":
        replay(what, Path(rest[0]))
    else:
        fuzz(what, Path(first), rest)
