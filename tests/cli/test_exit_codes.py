"""Each way to fail has its exit code and one line that says what to do; stdout carries results only."""

import pytest


def test_the_text_goes_to_stdout_and_nothing_else(manuscribe, line_image):
    assert manuscribe("read", line_image(), "--level", "line", "--reader", "size") == (0, "60x30\n", "")


def test_several_texts_are_parted_by_form_feeds(manuscribe, line_image):
    images = [line_image("a.png", 60), line_image("b.png", 80)]
    code, out, err = manuscribe("read", *images, "--level", "line", "--reader", "size")
    assert (code, out, err) == (0, "60x30\n\f80x30\n", "")


@pytest.mark.parametrize("name", ["json", "page", "alto"])
def test_other_formats_go_to_stdout_too(manuscribe, line_image, name):
    code, out, err = manuscribe("read", line_image(), "--level", "line", "--reader", "size", "-f", name)
    assert code == 0
    assert "60x30" in out
    assert err == ""


def test_with_a_folder_stdout_stays_empty(manuscribe, line_image, tmp_path):
    out = tmp_path / "out"
    code, printed, err = manuscribe("read", line_image(), "-o", out, "--level", "line", "--reader", "size")
    assert (code, printed) == (0, "")
    assert "1 of 1 images read" in err
    assert (out / "line.txt").read_text() == "60x30\n"


def test_quiet_is_quiet(manuscribe, line_image, tmp_path):
    answer = manuscribe("read", line_image(), "-o", tmp_path / "out", "--level", "line", "--reader", "size", "-q")
    assert answer == (0, "", "")


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (2, [], "Usage: manuscribe"),
        (2, ["reed"], "No such command"),
        (2, ["read"], "Missing argument"),
        (2, ["read", "IMAGE", "--beam-width", "3"], "No such option"),
        (2, ["read", "IMAGE", "--beams", "many"], "Invalid value"),
        (2, ["read", "IMAGE", "--beams", "0"], "Option 'beams'"),
        (2, ["read", "IMAGE", "--level", "book"], "Option 'level'"),
        (2, ["read", "IMAGE", "--device", "abacus"], "Option 'device'"),
        (2, ["read", "IMAGE", "-f", "docx"], "Use one of alto, json, page, txt"),
        (2, ["read", "IMAGE", "-f", ","], "-f txt,page"),
        (2, ["read", "IMAGE", "-f", "txt,page"], "-o"),
        (2, ["read", "IMAGE", "-o", "letter.txt"], "looks like a file"),
        (3, ["read", "absent.jpg"], "absent.jpg does not exist"),
        (3, ["read", "EMPTY_FOLDER"], "holds no images"),
        (3, ["train", "absent.yaml"], "absent.yaml"),
        (4, ["read", "IMAGE", "--reader", "nobody"], "Installed readers: compact"),
        (4, ["read", "IMAGE", "--reader", "absent.onnx"], "absent.onnx"),
        (4, ["models", "show", "nobody"], "nobody"),
        (5, ["read", "IMAGE", "-o", "IMAGE/out"], "cannot be written"),
    ],
)
def test_exit_codes(manuscribe, line_image, tmp_path, monkeypatch, code, arguments, words):
    monkeypatch.chdir(tmp_path)
    image = line_image()
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"IMAGE": image, "EMPTY_FOLDER": empty, "IMAGE/out": image / "out"}
    given = [places.get(argument, argument) for argument in arguments]
    if "IMAGE" in arguments and "--reader" not in arguments:
        given += ["--reader", "size"]
    if arguments[:1] == ["train"]:
        pytest.importorskip("torch")
    left, out, err = manuscribe(*given)
    assert left == code
    assert words in out + err
    assert "Traceback" not in err
    if code > 2:
        assert out == ""
        assert len(err.splitlines()) == 1
        assert err.startswith("manuscribe: ")


def test_a_bug_is_reported_with_exit_code_1_and_told_with_v(manuscribe, line_image, monkeypatch):
    bad = line_image(width=13)
    monkeypatch.setenv("MANUSCRIBE_VERBOSE", "")
    code, out, err = manuscribe("read", bad, "--level", "line", "--reader", "size")
    assert (code, out) == (1, "")
    assert "ValueError: thirteen" in err
    assert len(err.splitlines()) == 1
    code, _, err = manuscribe("-v", "read", bad, "--level", "line", "--reader", "size")
    assert code == 1
    assert "Traceback" in err


def test_one_bad_image_among_several_does_not_stop_stdout(manuscribe, line_image, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    images = [tmp_path / "bad.png", line_image()]
    code, out, err = manuscribe("read", *images, "--level", "line", "--reader", "size")
    assert code == 6
    assert "60x30" in out
    assert "bad.png" in err


def test_a_bug_on_one_image_does_not_stop_stdout(manuscribe, line_image):
    images = [line_image("bad.png", width=13), line_image()]
    code, out, err = manuscribe("read", *images, "--level", "line", "--reader", "size")
    assert code == 6
    assert "60x30" in out
    assert "thirteen" in err


def test_a_reader_of_our_output_that_leaves_early_is_no_error(start, line_image):
    images = [line_image(f"{number}.png", 60 + number) for number in range(3)]
    process = start("read", *images, "--level", "line", "--reader", "size", SIZE_READER_SECONDS="0.2")
    process.stdout.close()
    try:
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.stderr.close()


def test_output_is_utf8_whatever_the_locale(start, line_image):
    process = start("read", line_image(), "--level", "line", "--reader", "size", LC_ALL="C", PYTHONUTF8="0")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "60x30\n", "")
