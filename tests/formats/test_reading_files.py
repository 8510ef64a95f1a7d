"""Document files are read whatever their format, and errors name them."""

import pytest

from manuscribe.errors import InputError
from manuscribe.formats import get_format
from manuscribe.formats.reading import read_document
from tests.formats.format_documents import LETTER


@pytest.mark.parametrize("name", ["page", "alto", "json"])
def test_the_format_is_told_by_content(tmp_path, name):
    path = tmp_path / "letter.xml"
    path.write_bytes(get_format(name).write(LETTER))
    assert read_document(path).text == LETTER.text


def test_other_encodings(tmp_path):
    text = get_format("page").write(LETTER).decode("utf-8").replace("'UTF-8'", "'UTF-16'")
    path = tmp_path / "letter.xml"
    path.write_bytes(text.encode("utf-16"))
    assert read_document(str(path)).text == LETTER.text


@pytest.mark.parametrize("content", [b"", b"Dear Sir", b"{}", b"<alto", b"<PcGts/>", b"\x89PNG\r\n\x1a\n"])
def test_errors_name_the_file(tmp_path, content):
    path = tmp_path / "letter.xml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"letter\.xml") as caught:
        read_document(path)
    assert caught.value.remedy


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.xml", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_document(path)
