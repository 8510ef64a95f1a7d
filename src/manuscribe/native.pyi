from array import array
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]
_Tables = tuple[bytes | array[int], ...]
_Expected = tuple[_Tables, int, float]

def beam(
    scores: _Array,
    classes: int,
    likely: float,
    width: int,
    share: float,
    language: _Expected | None,
    habit: _Expected | None,
    rarest: float,
    bonus: float,
    /,
) -> list[tuple[list[int], float, float]]: ...
def path(scores: _Array, classes: int, states: _Array, /) -> bytes: ...
def scores(tables: _Tables, context: int, letters: _Array, /) -> bytes: ...
def seams(costs: _Array, rows: int, columns: int, lengths: _Array, climbs: _Array, /) -> bytes: ...
