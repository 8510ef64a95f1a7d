"""Options that do not make sense become errors that say why."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from manuscribe.errors import UsageError

Options = TypeVar("Options", bound=BaseModel)


def validated(kind: type[Options], /, **values: Any) -> Options:
    """Make an options object.

    Raises:
        UsageError: A value is out of range, or a key is unknown; the message names the first such key.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or kind.__name__
        known = f"Known keys: {', '.join(kind.model_fields)}." if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"Option '{key}': {first['msg']}.", known) from error
