"""Programs that a test stops by a signal."""

from __future__ import annotations

AS_IN_A_TERMINAL = """
import signal

signal.pthread_sigmask(signal.SIG_SETMASK, [])
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
"""First lines of such a program: whoever runs the tests may ignore or block signals, and every
program inherits that."""
