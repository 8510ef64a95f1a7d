"""The key of an endpoint, which goes to the endpoint and nowhere else."""

import os

from manuscribe.errors import UsageError

VARIABLE = "MANUSCRIBE_API_KEY"
"""The environment variable that the key comes from."""

_HIDDEN = "…"


class Key:
    """The key in the environment, if there is one; shows itself in no text.

    Raises:
        UsageError: It has characters that no key has.
    """

    __slots__ = ("_secret",)

    def __init__(self) -> None:
        self._secret = os.environ.get(VARIABLE, "").strip()
        # The library that sends it would complain of such a key by citing it.
        if not all("!" <= character <= "~" for character in self._secret):
            raise UsageError(f"{VARIABLE} holds characters that no key has.", "Set it to the key alone.")

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __repr__(self) -> str:
        return f"Key({'set' if self else 'none'})"

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries of it."""
        return {"Authorization": f"Bearer {self._secret}"} if self else {}

    def hidden_in(self, text: str) -> str:
        """The text without the key, for servers that cite it."""
        return text.replace(self._secret, _HIDDEN) if self else text
