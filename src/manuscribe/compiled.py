"""The loops that take Python long, compiled from `src/native`.

`native` is `None` where manuscribe was built without a compiler or without Python's headers. The same is computed in
Python then, some ten times slower; texts are the same, probabilities to about 15 digits.
"""

try:
    from manuscribe import native as native
except ImportError:
    native = None  # type: ignore[assignment]
