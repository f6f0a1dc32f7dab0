"""The C library's allocator, set to keep freed memory between updates."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Keeps freed blocks in the process instead of returning them to the kernel.

    By default glibc maps every block above 32 MiB anew and returns it when it is freed, so each
    large tensor pays for fresh zeroed pages: a third of an update at 12,000 frames. It applies to
    the whole process from now on, and changes no result.

    Returns:
        Whether the allocator accepted it; False where it is not glibc's.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
