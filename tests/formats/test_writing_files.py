"""A file is written whole or not at all, and nothing that was there is lost."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from manuscribe.errors import ExitCode, OutputError
from manuscribe.formats.writing import write_atomically


def test_new_and_replaced_files(tmp_path):
    path = tmp_path / "new" / "folder" / "page.txt"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["page.txt"]


def test_permissions_are_those_of_the_user(tmp_path):
    previous = os.umask(0o027)
    try:
        write_atomically(tmp_path / "page.txt", b"")
    finally:
        os.umask(previous)
    assert (tmp_path / "page.txt").stat().st_mode & 0o777 == 0o640


def refused(path, *words):
    with pytest.raises(OutputError) as caught:
        write_atomically(path, b"new content")
    assert caught.value.exit_code is ExitCode.OUTPUT
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def failing(number):
    def fail(*_args):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(("number", "word"), [(28, "full"), (122, "quota"), (5, "-o")])
def test_a_failing_disk_loses_nothing(tmp_path, monkeypatch, number, word):
    path = tmp_path / "page.txt"
    path.write_bytes(b"old content")
    monkeypatch.setattr(os, "fsync", failing(number))
    refused(path, word)
    assert path.read_bytes() == b"old content"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "page.txt", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path):
    """On a file system of 64 KiB, where the system lets us make one."""
    code = (
        "import sys; from pathlib import Path; from manuscribe.formats.writing import write_atomically\n"
        "from manuscribe.errors import OutputError\n"
        "path = Path(sys.argv[1]) / 'page.txt'\n"
        "write_atomically(path, b'old')\n"
        "try:\n    write_atomically(path, b'x' * 1_000_000)\n"
        "except OutputError as error:\n    print(error)\n"
        "print(path.read_bytes(), [p.name for p in path.parent.iterdir()])\n"
    )
    script = 'mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -c "$0" "$1"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, code]
    command += [str(tmp_path), sys.executable]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode:
        pytest.skip("no private mounts here")
    assert "No space left on device. The disk is full" in done.stdout
    assert "b'old' ['page.txt']" in done.stdout


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    refused(tmp_path / "page.txt", "permissions")


def test_a_read_only_place_and_a_forbidden_one(tmp_path, monkeypatch):
    for number, word in ((13, "permissions"), (30, "read-only")):
        monkeypatch.setattr(os, "open", failing(number))
        refused(tmp_path / "page.txt", word)


def test_impossible_places(tmp_path):
    refused(tmp_path / ("x" * 300), "shorter")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "folder has that name")
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "page.txt", "is a file")
    refused(tmp_path / "file" / "deep" / "page.txt", "is a file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_name_as_long_as_names_can_be():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("x" * 255)
        write_atomically(path, b"long")
        assert path.read_bytes() == b"long"
