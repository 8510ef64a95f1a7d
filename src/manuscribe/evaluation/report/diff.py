"""A reading under its truth, letter under letter, with what differs marked by colour, frame and sign."""

from collections.abc import Iterator

from manuscribe.evaluation.counting import Piece, align
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.report.tables import NOTHING, SPACE

_MOST = 400
"""Characters of a text that are shown: one line must not fill the page."""


def diff(truth: str, reading: str) -> Markup:
    """An alignment as blocks of two rows, the truth above; they wrap like words."""
    cut = "" if max(len(truth), len(reading)) <= _MOST else f" (the first {_MOST} characters)"
    truth, reading = truth[:_MOST], reading[:_MOST]
    blocks = [_block(piece) for whole in align(truth, reading) for piece in _words(whole)]
    label = f"Truth: {truth or 'nothing'}. Reading: {reading or 'nothing'}.{cut}"
    return element("div", *blocks, cut, class_="diff", role="img", aria_label=label, dir="auto")


def _words(piece: Piece) -> Iterator[Piece]:
    """What is right in words, their spaces behind them, so that a line can be broken there."""
    if not piece.right:
        yield piece
        return
    start = 0
    for place, character in enumerate(piece.truth):
        if character == " ":
            yield Piece(piece.truth[start : place + 1], piece.reading[start : place + 1])
            start = place + 1
    if start < len(piece.truth):
        yield Piece(piece.truth[start:], piece.reading[start:])


def _block(piece: Piece) -> Markup:
    if piece.right:
        text = "".join(piece.truth)
        return element("span", element("span", text), element("span", text), class_="same")
    kind = "insertion" if not piece.truth else "substitution" if piece.reading else "deletion"
    rows = (element("span", _letter(piece.truth)), element("span", _letter(piece.reading)))
    return element("span", *rows, class_=kind)


def _letter(letters: tuple[str, ...]) -> str:
    return "".join(letters).replace(" ", SPACE) or NOTHING
