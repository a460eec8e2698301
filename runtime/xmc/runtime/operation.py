"""From method and path to what is asked for: one function, exact comparison, no patterns.

Names in paths are percent-decoded after the split, so that an encoded slash stays part of a name. A trailing slash
means the same as none, without a redirect (a redirected POST loses its body).
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from xmc.runtime.dialect import DATABRICKS, MESSAGES, OPENAI, Dialect
from xmc.runtime.errors import InvalidRequestError, NotFoundError
from xmc.schema import Task


class Kind(StrEnum):
    """The operations. The values are metric labels and must stay."""

    INVOCATIONS = "invocations"
    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    MODELS = "models"
    LIST = "list"
    GET = "get"
    WELL_KNOWN = "well_known"
    LIVE = "health.live"
    READY = "health.ready"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for. `task` is set where the path alone decides it."""

    kind: Kind
    endpoint: str | None = None
    entity: str | None = None
    task: Task | None = None
    is_query: bool = False


_OPENAI = {
    "/serving-endpoints/chat/completions": Operation(Kind.CHAT, task=Task.CHAT, is_query=True),
    "/serving-endpoints/completions": Operation(Kind.COMPLETIONS, task=Task.COMPLETIONS, is_query=True),
    "/serving-endpoints/embeddings": Operation(Kind.EMBEDDINGS, task=Task.EMBEDDINGS, is_query=True),
}
# Part of the contract with clients: Databricks names its native paths so, whichever provider serves the endpoint.
_MESSAGES_ROOT = "/ai-gateway/anthropic/"
_MESSAGES = {f"{_MESSAGES_ROOT}v1/messages": Operation(Kind.MESSAGES, task=Task.CHAT, is_query=True)}
_NOT_SERVED = {
    f"{_MESSAGES_ROOT}v1/messages/count_tokens": (
        "this gateway does not count tokens in advance: what a request used is in the `usage` of its answer"
    )
}
_READS = {
    "/serving-endpoints/models": Operation(Kind.MODELS),
    "/api/2.0/serving-endpoints": Operation(Kind.LIST),
    "/.well-known/databricks-config": Operation(Kind.WELL_KNOWN),
    "/health/live": Operation(Kind.LIVE),
    "/health/ready": Operation(Kind.READY),
    "/metrics": Operation(Kind.METRICS),
}
_OPENAI_ROOTS = ("/serving-endpoints/chat/", "/serving-endpoints/models")


def find_operation(method: str, path: str) -> Operation:
    """Return the operation of a request; `path` is percent-encoded, without query.

    Raises:
        NotFoundError: nothing has this path.
        InvalidRequestError: the path is there, for another method. 400: clients re-send a POST on 405.
    """
    operation = _at(path.removesuffix("/") if len(path) > 1 else path)
    if operation is None:
        raise NotFoundError(_NOT_SERVED.get(path.removesuffix("/")) or f"there is nothing at {path[:200]!r}")
    allowed = method == "POST" if operation.is_query else method in ("GET", "HEAD")
    if not allowed:
        wanted = "POST" if operation.is_query else "GET"
        raise InvalidRequestError(
            f"{path[:200]!r} takes {wanted}, not {method[:20]!r}", error_code="BAD_REQUEST", code="method_not_allowed"
        )
    return operation


def dialect_of(path: str) -> Dialect:
    """Return the dialect that a path's clients speak, also where nothing is at that path."""
    path = path.removesuffix("/")
    if path in _OPENAI:
        return OPENAI
    if path.startswith(_MESSAGES_ROOT):
        return MESSAGES
    # An endpoint may be named `chat`, and its own path is none of these.
    return OPENAI if path.startswith(_OPENAI_ROOTS) and not path.endswith("/invocations") else DATABRICKS


def _at(path: str) -> Operation | None:
    fixed = _OPENAI.get(path) or _MESSAGES.get(path) or _READS.get(path)
    if fixed is not None:
        return fixed
    match path.split("/"):
        case ["", "serving-endpoints", name, "invocations"] if name:
            return Operation(Kind.INVOCATIONS, _decoded(name), is_query=True)
        case ["", "serving-endpoints", name, "served-models", entity, "invocations"] if name and entity:
            return Operation(Kind.INVOCATIONS, _decoded(name), _decoded(entity), is_query=True)
        case ["", "api", "2.0", "serving-endpoints", name] if name:
            return Operation(Kind.GET, _decoded(name))
        case _:
            return None


def _decoded(segment: str) -> str:
    return unquote(segment) if "%" in segment else segment
