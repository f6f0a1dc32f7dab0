"""The C library's allocator, told to keep large blocks between steps."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Freed blocks stay with the process instead of going back to the kernel.

    By default glibc maps every block above 32 MiB anew and returns it when it is freed, so each
    large tensor pays for fresh zeroed pages: a third of a training step at 12,000 frames. Holds
    for the whole process from now on, and changes no result.

    Returns:
        Whether the allocator was told; False where it is not glibc's.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
