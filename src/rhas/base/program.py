"""How a program of the project ends: stages and the command ``rhas`` alike.

A user's error is a message and exit status 1. Ctrl-C is a short line and 130, SIGTERM 143, as
shells have it; on the way out nothing half-written is left. Importing this module makes Ctrl-C
quiet, so a program imports it before the packages that take seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

from rhas.base.errors import RhasError
from rhas.base.system_errors import explain_error, is_disk_full

_received = signal.SIGINT  # the last signal that asked the program to stop


def raise_stop(number: int, frame: FrameType | None) -> None:
    """A signal handler: the request to stop as a KeyboardInterrupt, so that everything is
    cleaned up on the way out."""
    global _received
    _received = signal.Signals(number)
    raise KeyboardInterrupt


@contextmanager
def stop_by_sigterm() -> Iterator[None]:
    """SIGTERM acts as Ctrl-C within the block. Elsewhere than in the main thread, nothing does."""
    try:
        before = signal.signal(signal.SIGTERM, raise_stop)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def exit_with_message(show: Callable[[RhasError], None]) -> Iterator[None]:
    """Around all that a program does.

    Args:
        show: prints an error.
    """
    try:
        with stop_by_sigterm():
            yield
    except KeyboardInterrupt:
        exit_stopped()
    except Exception as error:
        message = explain_error(error)
        if message is None:
            raise
        show(message)
        if is_disk_full(error):
            sys.stderr.flush()
            os._exit(1)  # HDF5 crashes at a regular exit where it could not close a file
        raise SystemExit(1) from None


def run_script(main: Callable[[], None]) -> None:
    """Runs a stage script."""
    with exit_with_message(lambda error: print(f"error: {error}", file=sys.stderr)):
        main()


def exit_stopped(number: int | None = None) -> NoReturn:
    """Ends the program as one that a signal has stopped.

    Args:
        number: of the signal; None: the last one that came here.
    """
    sys.stderr.write("stopped\n")  # in one piece: processes may end together
    raise SystemExit(128 + (number or _received))


def _show_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(128 + _received)


sys.excepthook = _show_uncaught
