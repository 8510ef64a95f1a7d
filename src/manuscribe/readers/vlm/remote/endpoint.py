"""Requests to an endpoint over HTTP, and what comes back, whole or not."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from weakref import finalize

import httpx

from manuscribe.readers.vlm.remote.address import checked
from manuscribe.readers.vlm.remote.key import Key
from manuscribe.readers.vlm.remote.troubles import Trouble

LONGEST_REPLY = 4 << 20
"""Bytes of a reply that are taken; an answer of 8,192 tokens with log-probabilities has about 2 MiB."""

LONGEST_TIME = 1800.0
"""Seconds that a reply may take altogether, however steadily it comes."""

_CONNECTING = 10.0  # seconds
_CHECK = "Check that the server runs and can be reached; what was read so far is kept."


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP; 0 if nothing came.
        body: As far as it came.
        wait: Seconds that the server asks to wait before the next request, if it does.
        flaw: Why the body is not whole.
    """

    status: int = 0
    body: bytes = b""
    wait: float | None = None
    flaw: Trouble | None = None


class Endpoint:
    """An address that is asked; may be used by several threads.

    Args:
        address: As the user gave it.
        timeout: Seconds without a byte after which a reply is given up.

    Attributes:
        name: Host and path.
        key: What it is asked with.

    Raises:
        UsageError: The address is none, or the key cannot be one.
    """

    def __init__(self, address: str, timeout: float) -> None:
        place = checked(address)
        self.name, self.key = place.name, Key()
        self._url = place.url
        self._timeout = timeout
        # Replies come as they are: a small packed one could be a huge one.
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json", **self.key.headers}
        # The pool has room for all: how many ask at a time is decided elsewhere.
        self._client = httpx.Client(headers=headers, follow_redirects=False, limits=httpx.Limits())
        # Connections that are kept for later are closed with it.
        finalize(self, self._client.close).atexit = False

    def get(self, path: str, timeout: float) -> Reply:
        """Fetch what lies at a path below the address."""
        return self._exchange("GET", path, None, min(timeout, self._timeout))

    def post(self, path: str, content: bytes) -> Reply:
        """Send JSON to a path below the address."""
        return self._exchange("POST", path, content, self._timeout)

    def _exchange(self, method: str, path: str, content: bytes | None, timeout: float) -> Reply:
        status, wait, body = 0, None, bytearray()
        limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECTING), pool=None)
        until = time.monotonic() + LONGEST_TIME
        flaw = None
        try:
            with self._client.stream(method, self._url + path, content=content, timeout=limits) as response:
                status, wait = response.status_code, _wait(response.headers.get("Retry-After", ""))
                for chunk in response.iter_raw():
                    body += chunk
                    if flaw := self._excess(len(body), until):
                        break
        except httpx.HTTPError as error:
            flaw = Trouble(f"{self.name} {_reason(error, timeout)}", _CHECK, passing=True)
        return Reply(status, bytes(body), wait, flaw)

    def _excess(self, size: int, until: float) -> Trouble | None:
        if size > LONGEST_REPLY:
            return Trouble(
                f"{self.name} answers with more than {LONGEST_REPLY >> 20} MiB", "Ask for shorter texts, or check it."
            )
        if time.monotonic() > until:
            return Trouble(f"{self.name} took longer than {LONGEST_TIME:g} seconds for a reply", _CHECK, passing=True)
        return None


def _reason(error: httpx.HTTPError, timeout: float) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"cannot be reached ({error})" if str(error) else "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return f"sent nothing for {timeout:g} seconds"
    return "cut the connection"


def _wait(header: str) -> float | None:
    """Seconds of a `Retry-After` header: a number, or a date (RFC 9110, section 10.2.3)."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a time zone
            return None
    return seconds if math.isfinite(seconds) else None
