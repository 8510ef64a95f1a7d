"""Memory of a training on a processor."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from manuscribe.training.memory import keep_freed_memory

kept = {keep} and keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    tensor = np.ones(48 << 17)  # 48 MB
    del tensor
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> tuple[bool, int]:
    environment = {"PYTHONPATH": ":".join(sys.path), "NUMPY_MADVISE_HUGEPAGE": "0"}
    command = [sys.executable, "-c", FAULTS.format(keep=keep)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    kept, count = done.stdout.split()
    return kept == "True", int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in ways of their own")
def test_memory_that_tensors_leave_is_kept() -> None:
    (kept, fewer), (_, more) = faults(keep=True), faults(keep=False)
    assert kept
    assert fewer < more / 5
