"""Books become texts, as docs/data.md says."""

import subprocess
import sys
from pathlib import Path

from manuscribe.datasets.rendering.texts import load_texts

SCRIPT = Path(__file__).parents[2] / "recipes" / "books.py"


def test_a_book_becomes_sentences(tmp_path: Path) -> None:
    book = tmp_path / "emma.txt"
    text = "EMMA\n\n1\n\nEmma was _very_ handsome;\nand rich--so they said. She\nlived there.\n\n"
    text += '"Quite so!" said\nMr. Weston. "Dear Mrs. Weston."  So said he.\n'
    book.write_text(text, encoding="utf-8", newline="\r\n")
    subprocess.run([sys.executable, SCRIPT, tmp_path / "Book_English-Emma.txt", book], check=True)
    assert load_texts(tmp_path, ["en"])["en"] == [
        "EMMA",
        "Emma was very handsome; and rich - so they said.",
        "She lived there.",
        '"Quite so!" said Mr. Weston.',
        '"Dear Mrs. Weston."',
        "So said he.",
    ]
