"""The address of an endpoint, checked before anything is sent to it."""

from dataclasses import dataclass

import httpx

from manuscribe.errors import UsageError
from manuscribe.readers.vlm.remote.key import VARIABLE

_EXAMPLE = "Give one like http://localhost:8000/v1."


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is.

    Attributes:
        url: Without a slash at its end.
        name: Host and path, as people and records are told.
    """

    url: str
    name: str


def checked(endpoint: str) -> Address:
    """The address that a user gave.

    Raises:
        UsageError: It is no address of the web, or holds what belongs elsewhere: credentials, a query, a fragment.
    """
    try:
        url = httpx.URL(endpoint.strip())
        url.host.encode("idna")  # as it will be looked up
    except (httpx.InvalidURL, UnicodeError):
        # Neither the address nor the library's words are told on: there may be a password in them.
        url = httpx.URL()
    if url.userinfo:
        raise UsageError(
            "The endpoint's address holds credentials.", f"Give the key in {VARIABLE}, not in the address."
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError("The endpoint is no address that begins with http:// or https://.", _EXAMPLE)
    if url.query or url.fragment:
        raise UsageError(
            "The endpoint's address has a query or a fragment.", f"Leave out what follows ? or #. {_EXAMPLE}"
        )
    path = url.raw_path.decode("ascii").rstrip("/")
    name = f"{url.netloc.decode('ascii')}{path}"
    return Address(f"{url.scheme}://{name}", name)
