"""Makes a text file of sentences, one a line, out of books: `python recipes/books.py Book_English-Emma.txt emma.txt`.

Books come as plain text whose paragraphs are set apart by empty lines. Marks of emphasis (`_so_`) are left out, and a
double hyphen becomes a dash between spaces, as people write it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_PARAGRAPHS = re.compile(r"\n\s*\n")
# A name is not torn from its title.
_SENTENCES = re.compile(r"(?:(?<=[.!?;])|(?<=[.!?;][\"']))(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.) +(?=[A-Z\"'(])")
_DASH = re.compile(r" ?--+ ?")
_SHORTEST = 4  # characters; less is a number or a rest of a heading


def sentences(book: str) -> Iterator[str]:
    """The sentences of a book, without line breaks."""
    for paragraph in _PARAGRAPHS.split(book.replace("\r", "").replace("_", "")):
        text = _DASH.sub(" - ", " ".join(paragraph.split()))
        yield from (sentence for sentence in _SENTENCES.split(text) if len(sentence) >= _SHORTEST)


def main() -> None:
    """Write the sentences of all books named."""
    out, *books = map(Path, sys.argv[1:])
    lines = [sentence for book in books for sentence in sentences(book.read_text(encoding="utf-8"))]
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
