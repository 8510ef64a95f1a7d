"""Books become texts, as docs/data.md says."""

import subprocess
import sys
from pathlib import Path

from manuscribe.datasets.rendering.texts import load_texts

SCRIPT = Path(__file__).parents[2] / "recipes" / "books.py"


def test_a_book_becomes_sentences(tmp_path: Path) -> None:
    book = tmp_path / "emma.txt"
    text = (
        'EMMA\r\n\r\n1\r\n\r\nEmma was _very_ handsome;\r\nand rich--so they said. She\r\nlived there. "Quite so!"\r\n'
    )
    book.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, SCRIPT, tmp_path / "Book_English-Emma.txt", book], check=True)
    assert load_texts(tmp_path, ["en"])["en"] == [
        "EMMA",
        "Emma was very handsome; and rich - so they said.",
        "She lived there.",
        '"Quite so!"',
    ]
