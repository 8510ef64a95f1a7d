"""What XML from strangers may try."""

import time

import pytest

from manuscribe.errors import InputError
from manuscribe.formats import alto, page_xml
from manuscribe.formats.xml import BYTE_LIMIT, legal, parse, points

READERS = pytest.mark.parametrize(("read", "root"), [(page_xml.read, "PcGts"), (alto.read, "alto")])


def laughs(root, use):
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))
    return f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><{root}>{use}</{root}>'.encode()


@READERS
@pytest.mark.parametrize("use", ["&l29;", '<Page imageFilename="&l29;"/>'])
def test_a_billion_laughs_end_at_once(read, root, use):
    started = time.perf_counter()
    with pytest.raises(InputError):
        read(laughs(root, use))
    assert time.perf_counter() - started < 1


@READERS
def test_no_file_is_read_into_the_text(read, root, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password")
    data = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><{root}><Page>&e;</Page></{root}>'
    with pytest.raises(InputError, match="DOCTYPE"):
        read(data.encode())


@READERS
def test_no_outside_document_type_is_loaded(read, root, tmp_path):
    (tmp_path / "x.dtd").write_text('<!ENTITY e "password">')
    data = f'<!DOCTYPE x SYSTEM "{(tmp_path / "x.dtd").as_uri()}"><{root}><Page>&e;</Page></{root}>'
    with pytest.raises(InputError):
        read(data.encode())


@READERS
def test_deep_nesting_is_refused_or_read_but_never_crashes(read, root):
    page = "<Layout><Page>" if root == "alto" else "<Page>"
    end = "</Page></Layout>" if root == "alto" else "</Page>"
    shallow, deep = 100, 100_000
    region = "TextBlock" if root == "alto" else "TextRegion"

    def nested(depth):
        return f"<{root}>{page}{f'<{region}>' * depth}{f'</{region}>' * depth}{end}</{root}>".encode()

    assert len(read(nested(shallow)).pages[0].regions) == shallow
    with pytest.raises(InputError):
        read(nested(deep))


def test_too_large_is_refused():
    with pytest.raises(InputError, match="64 MiB"):
        parse(b" " * (BYTE_LIMIT + 1), "alto")


def test_illegal_characters_are_replaced():
    assert legal("a\x00b\x0cc\ud800d\ufffee\tf\n\U0001f600") == "a\ufffdb c\ufffdd\ufffde\tf\n\U0001f600"


def test_points_in_all_their_notations():
    assert points("1,2 3,4") == points("1 2 3 4") == points(" 1,2,3,4 ") == ((1, 2), (3, 4))
    assert points(None) is None


@pytest.mark.parametrize("value", ["1" * 200_000 + "x", "1" * 200_000, "1.1" * 100_000, "e" * 200_000])
def test_a_number_without_end_is_told_at_once(value):
    page = f'<Page imageWidth="9" imageHeight="9"><TextRegion><Coords points="{value}"/></TextRegion></Page>'
    started = time.perf_counter()
    page_xml.read(f"<PcGts>{page}</PcGts>".encode())
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("part", ["structure{", "readingOrder{", "date {offset:1; length:1;"])
def test_remarks_without_end_are_told_at_once(part):
    line = f'<TextLine custom="{part * 8000}"><TextEquiv><Unicode>a</Unicode></TextEquiv></TextLine>'
    region = f'<TextRegion custom="{part * 8000}">{line}</TextRegion>'
    started = time.perf_counter()
    page_xml.read(f'<PcGts><Page imageWidth="9" imageHeight="9">{region}</Page></PcGts>'.encode())
    assert time.perf_counter() - started < 2
