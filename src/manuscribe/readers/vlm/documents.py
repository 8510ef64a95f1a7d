"""Answers that are XML documents, as CHURRO writes them: what is text in them.

It is no parser: such answers may be cut off or malformed anywhere, and nothing of their text is to be lost. Every tag
is a line break, entities become what they stand for, and what the document tells of itself is left out.
"""

import re

_BEGINS = re.compile(r"\s*(?:```xml\s*)?(?:<\?xml|<HistoricalDocument)")
_PARTS = re.compile(
    r"<Metadata\b.*?(?:</Metadata>|\Z)|</?[A-Za-z?!][^<>]{0,500}>|&(?:amp|lt|gt|quot|apos);|```(?:xml)?", re.DOTALL
)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


def plain_text(answer: str) -> list[tuple[str, int]] | None:
    """The characters of a document's text, each with its place in the answer; `None` of what is no document."""
    if not _BEGINS.match(answer):
        return None
    kept: list[tuple[str, int]] = []
    place = 0
    for part in _PARTS.finditer(answer):
        kept += [(answer[at], at) for at in range(place, part.start())]
        kept.append((_ENTITIES.get(part.group(), "\n"), part.start()))
        place = part.end()
    return kept + [(answer[at], at) for at in range(place, len(answer))]
