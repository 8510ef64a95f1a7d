"""Writing a result whole or not at all."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from manuscribe.errors import OutputError

_REMEDIES = {
    errno.ENOSPC: "The disk is full: make room and run it again.",
    errno.EDQUOT: "The disk quota is used up: make room and run it again.",
    errno.EACCES: "Change the folder's permissions or name another with -o.",
    errno.EPERM: "Change the folder's permissions or name another with -o.",
    errno.EROFS: "The disk is read-only: name another folder with -o.",
    errno.ENAMETOOLONG: "The name is too long: give the file a shorter one.",
    errno.EISDIR: "A folder has that name: move it or name another place with -o.",
    errno.ENOTDIR: "A part of the path is a file, not a folder: name another place with -o.",
    errno.EEXIST: "A part of the path is a file, not a folder: name another place with -o.",
}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside its place, then rename it.

    Whatever goes wrong, what stood at `path` before stays, and no temporary file does. A missing folder is
    made.

    Raises:
        OutputError: The file cannot be written.
    """
    # Short and free of the final name, which may itself be as long as names can be.
    fresh = path.parent / f".manuscribe-{secrets.token_hex(6)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(fresh, data)
        fresh.replace(path)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Name another place with -o.")
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.", remedy) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    # Exclusive, and with the permissions that the user's umask leaves to a new file.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
