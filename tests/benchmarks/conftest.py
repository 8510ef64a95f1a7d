"""The benchmarks are commands, not a package: their folder is put on the path, as it is when one is run."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
