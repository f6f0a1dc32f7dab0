"""Running a list's experiments that are not done yet, several at a time.

Each is a ``dvc exp run --temp``: a copy of the repository in a folder of its own, linked to the
same cache. What is done is what DVC has stored, so a queue that was killed goes on where it was.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.base.program import raise_stop
from rhas.experiments.listing import Experiment, Setting, Values
from rhas.experiments.naming import experiment_name
from rhas.experiments.stored import list_stored, run_git

_PLACE = Path(".dvc/tmp/rhas")  # the lock and the logs
_STARTED = "Reproducing experiment"  # dvc says so once the experiment has its own folder
_REPORT_SECONDS = 60.0
_POLL_SECONDS = 0.2
_LINES_OF_A_FAILURE = 12

Report = Callable[[str], None]


def run_queue(
    experiments: Sequence[Experiment],
    params: Values,
    *,
    root: Path,
    workers: int,
    report: Report,
) -> list[Experiment]:
    """Runs what is not stored yet; one queue at a time per repository, others wait for it.

    Args:
        experiments: in this order; equal ones run once.
        params: params.yaml.
        root: of the repository, all of it committed.
        workers: how many run at once.
        report: takes lines about what goes on.

    Returns:
        Those that failed; their logs are reported.

    Raises:
        RhasError: changes that are not committed.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM, all its experiments with it.
    """
    _check_clean(root)
    (root / _PLACE).mkdir(parents=True, exist_ok=True)
    with (root / _PLACE / "queue.lock").open("w") as lock:
        _acquire_lock(lock, report)
        done = list_stored(root)
        named = {experiment_name(e, params, root): e for e in reversed(experiments)}
        waiting = {name: e for name, e in reversed(named.items()) if name not in done}
        report(f"experiments: {len(named)}, done before: {len(named) - len(waiting)}")
        with _stop_by_signal():
            return _Queue(root, workers, lock, report).run(waiting)


@dataclass
class _Queue:
    """The experiments at work, and how long those took that are done."""

    root: Path
    workers: int
    lock: IO[str]
    report: Report
    starting: threading.Lock = field(default_factory=threading.Lock)
    changing: threading.Lock = field(default_factory=threading.Lock)  # stopped and running
    stopped: threading.Event = field(default_factory=threading.Event)
    running: dict[str, tuple[Experiment, subprocess.Popen[bytes]]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def run(self, waiting: Mapping[str, Experiment]) -> list[Experiment]:
        failed: list[Experiment] = []
        pool = ThreadPoolExecutor(self.workers)
        try:
            futures = {
                pool.submit(self._run_one, name, e): (name, e) for name, e in waiting.items()
            }
            left: set[Future[float]] = set(futures)
            while left:
                ended, left = wait(left, _REPORT_SECONDS, FIRST_COMPLETED)
                for future in ended:
                    name, experiment = futures[future]
                    place = f"[{len(futures) - len(left)} of {len(futures)}] {experiment}"
                    if (error := future.exception()) is None:
                        self.took.append(future.result())
                        took = format_duration(future.result())
                        self.report(f"{place}: done in {took} ({name}){self._time_left(len(left))}")
                    else:
                        failed.append(experiment)
                        self.report(f"{place}: failed ({name})\n{error}")
                if not ended:
                    self._report_running()
        except BaseException:
            self._stop_running()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return failed

    def _run_one(self, name: str, experiment: Experiment) -> float:
        """Runs one experiment; the seconds it took."""
        began = time.monotonic()
        log = self.root / _PLACE / f"{name}.log"
        with log.open("wb") as file:
            with self.starting:  # dvc hands what was put last to whoever asks first
                process = self._start(name, experiment, file)
                while process.poll() is None and _STARTED not in _read_log(log):
                    time.sleep(_POLL_SECONDS)
            code = process.wait()
        del self.running[name]
        if name not in list_stored(self.root):
            last = "\n".join(_log_lines(log)[-_LINES_OF_A_FAILURE:])
            raise RhasError(f"exit status {code}, see {log}", got=last)
        return time.monotonic() - began

    def _start(self, name: str, experiment: Experiment, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Nothing starts once the queue is stopped; `_stop_running` knows what has started."""
        with self.changing:
            if self.stopped.is_set():
                raise RhasError("the queue was stopped")
            process = subprocess.Popen(
                _dvc_command(name, experiment),
                cwd=self.root,
                env=_dvc_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self.lock.fileno()],  # held until the last one has ended
            )
            self.running[name] = experiment, process
        return process

    def _time_left(self, count: int) -> str:
        if not count:
            return ""
        rounds = -(-count // self.workers)
        seconds = rounds * sum(self.took) / len(self.took)
        return f"; {count} to go, about {format_duration(seconds)} left"

    def _report_running(self) -> None:
        for name, (experiment, _) in list(self.running.items()):
            lines = _log_lines(self.root / _PLACE / f"{name}.log")
            shown = [line for line in lines if not line.startswith("WARNING")]
            self.report(f"  at work: {experiment}: {shown[-1] if shown else 'starting'}")

    def _stop_running(self) -> None:
        self.stopped.set()
        with self.changing:
            running = list(self.running.values())
        for _, process in running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def _dvc_command(name: str, experiment: Experiment) -> list[str]:
    sets = [f"++{key}={_format_literal(value)}" for key, value in experiment.settings.items()]
    options = [part for item in (*sets, f"++seed={experiment.seed}") for part in ("-S", item)]
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]
    return [*dvc, "exp", "run", "--temp", "--name", name, *options]


def _format_literal(value: Setting) -> str:
    """A value as hydra's overrides write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(_format_literal, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return repr(value)


def _dvc_environment() -> dict[str, str]:
    """The experiment's own copy of the code, run by this Python."""
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    changed = {"PATH": os.pathsep.join(paths), "PYTHONPATH": "src", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **changed}


def _check_clean(root: Path) -> None:
    changed = run_git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise RhasError(
            "changes that are not committed",
            where=str(root),
            got=", ".join(line[3:] for line in changed[:8]),
            do="commit them, dvc.lock and metrics too: each experiment belongs to a commit",
        )


def _acquire_lock(lock: IO[str], report: Report) -> None:
    """A file lock, which the experiments inherit. Some file systems have none."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        report("another queue, or what a killed one has left at work, is running; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
            raise


@contextmanager
def _stop_by_signal() -> Iterator[None]:
    """SIGTERM acts as Ctrl-C, also where a shell has started this in the background, which makes
    a process and all that it starts deaf to Ctrl-C."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, raise_stop) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _read_log(log: Path) -> str:
    return log.read_text("utf-8", errors="replace")


def _log_lines(log: Path) -> list[str]:
    try:
        return [line.strip() for line in _read_log(log).splitlines() if line.strip()]
    except FileNotFoundError:
        return []
