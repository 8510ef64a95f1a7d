"""The models that an endpoint has."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from manuscribe.readers.vlm.remote.troubles import in_one_line

if TYPE_CHECKING:
    from manuscribe.readers.vlm.remote.endpoint import Endpoint, Reply

UNKNOWN = "remote"
"""The version of a model of which the endpoint tells nothing."""

_PATH = "/models"
_TIMEOUT = 30.0  # seconds; nothing is computed for it
_FEW = 8


class _Model(BaseModel):
    id: str
    root: str | None = None
    max_model_len: int | None = None


class _Models(BaseModel):
    data: list[_Model]


def models_reply(endpoint: "Endpoint") -> "Reply":
    """What the endpoint says of its models."""
    return endpoint.get(_PATH, _TIMEOUT)


def version_in(reply: "Reply", model: str) -> str:
    """What tells the model from others of its name, as far as it stays the same while the server does.

    A server with a single model may answer to any name; then it is that model's.
    """
    models = _models(reply)
    named = [entry for entry in models if entry.id == model] or (models if len(models) == 1 else [])
    if not named:
        return UNKNOWN
    # Not when it was created, which is the present for some servers.
    told = named[0].model_dump(exclude_none=True)
    return in_one_line(", ".join(f"{name} {value}" for name, value in told.items()))


def offered(endpoint: "Endpoint") -> list[str]:
    """Names of the first few of the endpoint's models; none if it does not tell."""
    return [model.id for model in _models(models_reply(endpoint))][:_FEW]


def _models(reply: "Reply") -> list[_Model]:
    if reply.status != 200 or reply.flaw:
        return []
    try:
        return _Models.model_validate_json(reply.body).data
    except ValidationError:
        return []
