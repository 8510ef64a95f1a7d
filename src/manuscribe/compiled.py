"""The loops over letters and frames, compiled from `src/native`.

`native` is `None` where no compiler was at hand when manuscribe was built. The same is computed in Python then, some
ten times slower; texts are the same, probabilities to 15 digits.
"""

try:
    from manuscribe import native as native
except ImportError:
    native = None  # type: ignore[assignment]
