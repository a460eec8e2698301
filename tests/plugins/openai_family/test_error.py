import json
from typing import Any

import pytest

from xmc.plugins.openai_family.error import error_from_reply
from xmc.schema import ProviderError, WireReply


def error_of(body: Any, status: int = 400, **headers: str) -> ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_reply(WireReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, data))


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": {"message": "m", "code": "c"}}, "m", "c"),
        ({"error": {"message": "m", "code": 429}}, "m", "429"),
        ({"error": "m"}, "m", None),
        ({"error": "invalid", "message": "m"}, "m", None),
        ({"error": {"code": "c"}}, '{"error":{"code":"c"}}', "c"),
        ({"error_code": "BAD_REQUEST", "message": "m"}, "m", "BAD_REQUEST"),
        ({"message": "m"}, "m", None),
        ({"statusCode": 401, "message": "m"}, "m", None),
        ({"detail": "m"}, "m", None),
        ({"detail": [{"loc": ["body", "n"], "msg": "a", "type": "t"}, {"msg": "b"}]}, "body.n: a; b", None),
        ({"detail": {"why": 1}}, '{"why":1}', None),
        ({"errors": [{"message": "m"}]}, "m", None),
        ({"object": "error", "message": "m", "code": 40401}, "m", "40401"),
        ([{"error": {"message": "m"}}], "m", None),
        ({"what": "ever"}, '{"what": "ever"}', None),
        (b"plain text\n", "plain text", None),
        (b"\xff\xfe", "��", None),
        (b"<!doctype html><title>Oh &amp; no</title>", "Oh & no", None),
        (b"<html><style>p{}</style><p>Oh</p> <b>no</b></html>", "Oh no", None),
        (b"  ", "the upstream answered 400 with an empty body", None),
    ],
)
def test_shapes(body: Any, message: str, code: str | None) -> None:
    error = error_of(body)
    assert (error.status, error.message, error.code) == (400, message, code)


def test_openai_errors_keep_all_their_parts() -> None:
    inner = {"message": "m", "type": "t", "param": "p", "code": "c", "innererror": {"x": 1}}
    assert error_of({"error": inner}, 422, x_request_id="r-1") == ProviderError(
        status=422, message="m", type="t", param="p", code="c", details={"x": 1}, request_id="r-1"
    )


@pytest.mark.parametrize("header", ["x-request-id", "apim-request-id", "request-id"])
def test_the_upstreams_request_id(header: str) -> None:
    assert error_from_reply(WireReply(500, {header: "r-1"}, b"")).request_id == "r-1"


def test_hostile_html_is_read_in_time() -> None:
    for hostile in (b"<script" * 200_000, b"<title>" * 200_000, b"<" * 1_000_000):
        assert error_of(hostile).status == 400


def test_a_long_message_is_cut() -> None:
    assert len(error_of({"message": "m" * 100_000}).message) == 4000
