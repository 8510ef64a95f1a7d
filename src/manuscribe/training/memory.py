"""Memory of a training on a processor."""

import ctypes
import os
import sys
from pathlib import Path

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")  # Linux alone has them
_SWITCH = "THP_MEM_ALLOC_ENABLE"
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
_NEVER, _LARGEST, _AT_ONCE = -1, 2_000_000_000, 128 << 20


def begin_tensors_at_pages() -> None:
    """Let PyTorch begin large tensors where pages begin, and ask for huge pages; before it has made its first one.

    By itself it begins them at multiples of 64 bytes. The scraps before and behind are then so small that glibc does
    not join them with their neighbours again: what a tensor leaves is too small for the next one of its size, and the
    memory of a step grows to nearly twice of what it needs.

    Source: `c10/core/impl/alloc_cpu.cpp` of PyTorch, which asks for the variable once; one that is set is left alone.
    """
    if _HUGE_PAGES.is_dir():
        os.environ.setdefault(_SWITCH, "1")


def keep_freed_memory() -> bool:
    """Let the process keep memory that tensors leave, for the next ones; returns whether it does (with glibc).

    By itself glibc hands large pieces back and fetches them anew, filled with zeros, for every tensor of every step:
    nearly half of the time that a small network's step takes on a processor.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library than glibc
        return False
    kept = library.mallopt(_TRIM_THRESHOLD, _NEVER) and library.mallopt(_TOP_PAD, _AT_ONCE)
    # Older ones refuse more than 32 MiB, which is more than most tensors have.
    return bool(kept and any(library.mallopt(_MMAP_THRESHOLD, size) for size in (_LARGEST, 32 << 20)))
