import pytest

from xmc.runtime.dialect import DATABRICKS, MESSAGES, OPENAI, Dialect
from xmc.runtime.errors import InvalidRequestError, NotFoundError
from xmc.runtime.operation import Kind, dialect_of, find_operation


@pytest.mark.parametrize(
    ("method", "path", "kind", "endpoint", "entity"),
    [
        ("POST", "/serving-endpoints/a/invocations", Kind.INVOCATIONS, "a", None),
        ("POST", "/serving-endpoints/a/invocations/", Kind.INVOCATIONS, "a", None),
        ("POST", "/serving-endpoints/chat/invocations", Kind.INVOCATIONS, "chat", None),
        ("POST", "/serving-endpoints/completions/invocations", Kind.INVOCATIONS, "completions", None),
        ("POST", "/serving-endpoints/a%20b%2Fc/invocations", Kind.INVOCATIONS, "a b/c", None),
        ("POST", "/serving-endpoints/%C3%A5/invocations", Kind.INVOCATIONS, "å", None),
        ("POST", "/serving-endpoints/a/served-models/e%2D1/invocations", Kind.INVOCATIONS, "a", "e-1"),
        ("POST", "/serving-endpoints/chat/completions", Kind.CHAT, None, None),
        ("POST", "/serving-endpoints/completions", Kind.COMPLETIONS, None, None),
        ("POST", "/serving-endpoints/embeddings/", Kind.EMBEDDINGS, None, None),
        ("POST", "/ai-gateway/anthropic/v1/messages", Kind.MESSAGES, None, None),
        ("POST", "/ai-gateway/anthropic/v1/messages/", Kind.MESSAGES, None, None),
        ("GET", "/serving-endpoints/models", Kind.MODELS, None, None),
        ("GET", "/api/2.0/serving-endpoints", Kind.LIST, None, None),
        ("GET", "/api/2.0/serving-endpoints/", Kind.LIST, None, None),
        ("GET", "/api/2.0/serving-endpoints/a", Kind.GET, "a", None),
        ("GET", "/api/2.0/serving-endpoints/a/", Kind.GET, "a", None),
        ("GET", "/.well-known/databricks-config", Kind.WELL_KNOWN, None, None),
        ("HEAD", "/health/live", Kind.LIVE, None, None),
        ("GET", "/health/ready", Kind.READY, None, None),
        ("GET", "/metrics", Kind.METRICS, None, None),
    ],
)
def test_each_path_has_its_operation(
    method: str, path: str, kind: Kind, endpoint: str | None, entity: str | None
) -> None:
    operation = find_operation(method, path)
    assert (operation.kind, operation.endpoint, operation.entity) == (kind, endpoint, entity)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "//",
        "*",
        "/serving-endpoints",
        "/serving-endpoints/",
        "/serving-endpoints//invocations",
        "/serving-endpoints/a",
        "/serving-endpoints/a/invocations/x",
        "/serving-endpoints/a/invocations//",
        "/serving-endpoints/a/served-models//invocations",
        "/serving-endpoints/a/chat/completions",
        "/Serving-endpoints/a/invocations",
        "/api/2.0/serving-endpoints/a/config",
        "/api/2.1/serving-endpoints",
        "/health",
    ],
)
def test_everything_else_is_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        find_operation("POST", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/serving-endpoints/a/invocations"),
        ("PUT", "/serving-endpoints/chat/completions"),
        ("POST", "/api/2.0/serving-endpoints"),
        ("DELETE", "/api/2.0/serving-endpoints/a"),
        ("POST", "/health/live"),
    ],
)
def test_another_method_is_400_and_never_405(method: str, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        find_operation(method, path)
    assert (caught.value.status, caught.value.code) == (400, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/serving-endpoints/chat/completions", OPENAI),
        ("/serving-endpoints/chat/completions/", OPENAI),
        ("/serving-endpoints/completions", OPENAI),
        ("/serving-endpoints/models/gpt", OPENAI),
        ("/serving-endpoints/chat/invocations", DATABRICKS),
        ("/serving-endpoints/a/invocations", DATABRICKS),
        ("/api/2.0/serving-endpoints", DATABRICKS),
        ("/nope", DATABRICKS),
        ("/ai-gateway/anthropic/v1/messages", MESSAGES),
        ("/ai-gateway/anthropic/v1/messages/", MESSAGES),
        ("/ai-gateway/anthropic/v1/models", MESSAGES),
        ("/ai-gateway/other", DATABRICKS),
    ],
)
def test_which_dialect_a_path_speaks(path: str, expected: Dialect) -> None:
    assert dialect_of(path) is expected
