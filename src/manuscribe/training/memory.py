"""Memory of a training on a processor."""

import os
from pathlib import Path

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")  # Linux alone has them
_SWITCH = "THP_MEM_ALLOC_ENABLE"


def begin_tensors_at_pages() -> None:
    """Let PyTorch begin large tensors where pages begin, and ask for huge pages; before it has made its first one.

    By itself it begins them at multiples of 64 bytes. The scraps before and behind are then so small that glibc does
    not join them with their neighbours again: what a tensor leaves is too small for the next one of its size, and the
    memory of a step grows to nearly twice of what it needs.

    Source: `c10/core/impl/alloc_cpu.cpp` of PyTorch, which asks for the variable once; one that is set is left alone.
    """
    if _HUGE_PAGES.is_dir():
        os.environ.setdefault(_SWITCH, "1")
