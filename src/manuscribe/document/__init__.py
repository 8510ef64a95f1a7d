"""The document model and its geometry."""

from manuscribe.document.model import (
    Alternative,
    Character,
    Document,
    Line,
    Page,
    Point,
    Polygon,
    Polyline,
    Provenance,
    Region,
    Word,
    WrittenDate,
)

__all__ = [
    "Alternative",
    "Character",
    "Document",
    "Line",
    "Page",
    "Point",
    "Polygon",
    "Polyline",
    "Provenance",
    "Region",
    "Word",
    "WrittenDate",
]
