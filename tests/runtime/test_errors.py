"""The error table both ways on both path families, and what may never leave in an error."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
from tests.errors import EXPECTED, answer_to, spoken

from xmc.runtime.dialect import DATABRICKS, OPENAI
from xmc.runtime.error_table import BY_STATUS, ERROR_CODES
from xmc.runtime.error_text import MAX_TEXT, RETRY_TRAPS
from xmc.runtime.errors import (
    ClientFaultError,
    GatewayError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RequestTooLargeError,
    ShuttingDownError,
    UnauthenticatedError,
    UnknownEndpointError,
    UpstreamBrokenError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
    from_provider_error,
    from_refusal,
    render_error,
)
from xmc.schema import ProviderError, Refusal, Secret

OURS: list[GatewayError] = [
    InvalidRequestError("x"),
    RequestTooLargeError("x"),
    UnauthenticatedError("x"),
    PermissionDeniedError("x"),
    NotFoundError("x"),
    UnknownEndpointError("chat"),
    UnknownEndpointError("chat", "a"),
    *(UpstreamTimeoutError(phase) for phase in ("connect", "first_byte", "idle", "total")),
    UpstreamUnreachableError(),
    UpstreamBrokenError(),
    InternalError(),
    ShuttingDownError(),
]


@pytest.mark.parametrize("status", EXPECTED)
@pytest.mark.parametrize("openai_path", [True, False])
def test_every_upstream_status_becomes_the_documented_one(status: int, openai_path: bool) -> None:
    ours, headers, body = answer_to(ProviderError(status, "no model today"), openai_path=openai_path)
    assert ours == EXPECTED[status][0 if openai_path else 1]
    assert ours not in {402, 405, 413, 415, 422}
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == "r1"
    assert headers.get("x-upstream-status") == (str(status) if status not in {0, ours} else None)
    assert body["error_code"] in ERROR_CODES
    if status != 401:
        assert body["message"] == "no model today"
    assert set(body) == ({"error_code", "message", "error"} if openai_path else {"error_code", "message"})
    if openai_path:
        assert set(body["error"]) == {"message", "type", "code", "param"}
        assert body["error"]["message"] == body["message"]


def test_the_documented_table_is_the_one_that_is_served() -> None:
    text = Path("docs/errors-for-clients.md").read_text()
    rows = re.findall(r"^\| `(\d{3})` \| `(\d{3})`(?: \(`(\d{3})` on REST paths\))? \|", text, re.MULTILINE)
    documented = {int(theirs): (int(ours), int(rest or ours)) for theirs, ours, rest in rows}
    assert documented == {status: EXPECTED[status] for status in BY_STATUS}


@pytest.mark.parametrize("error", OURS, ids=lambda error: f"{type(error).__name__}-{error.status}")
@pytest.mark.parametrize("openai_path", [True, False])
def test_errors_of_ours_have_both_shapes_and_known_codes(error: GatewayError, openai_path: bool) -> None:
    answer = render_error(error, dialect=spoken(openai_path=openai_path), request_id="r1")
    body = msgspec.json.decode(answer.body)
    assert body["error_code"] in ERROR_CODES
    assert ("error" in body) is openai_path
    assert answer.status in {400, 401, 403, 404, 500, 502, 503, 504}
    assert (answer.status == 502) is (openai_path and isinstance(error, UpstreamBrokenError))
    assert not any(trap in body["message"] for trap in RETRY_TRAPS)
    assert isinstance(error, ClientFaultError) is (400 <= answer.status < 500)


def test_a_refused_connection_is_503_and_silence_is_504() -> None:
    assert UpstreamUnreachableError().status == 503
    assert UpstreamTimeoutError("connect").status == 503
    assert {UpstreamTimeoutError(phase).status for phase in ("first_byte", "idle", "total")} == {504}


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, None, "You did not bring canary-77"),
        (403, "invalid_api_key", "canary-77"),
        (403, None, "Incorrect API key provided: canary-77."),
        (403, None, "The security token canary-77 included in the request is invalid"),
    ],
)
@pytest.mark.parametrize("openai_path", [True, False])
def test_a_refused_credential_names_the_entity_and_never_the_key(
    status: int, code: str | None, message: str, openai_path: bool
) -> None:
    error = ProviderError(status, message, code=code, type="canary-77", param="canary-77", details={"k": "canary-77"})
    failure = from_provider_error(error, entity="gpt-entity", headers={"x-request-id": "up1"})
    answer = render_error(failure, dialect=spoken(openai_path=openai_path), request_id="r1")
    headers = dict(answer.headers)
    assert answer.status == 403
    assert headers["x-should-retry"] == "false"
    assert headers["x-upstream-request-id"] == "up1"
    assert headers.get("x-upstream-status") == ("401" if status == 401 else None)
    assert b"canary-77" not in answer.body
    body = msgspec.json.decode(answer.body)
    assert body["error_code"] == "PERMISSION_DENIED"
    assert "'gpt-entity'" in body["message"]
    if openai_path:
        assert body["error"]["code"] == "upstream_auth_error"


def test_a_403_that_is_not_about_the_key_keeps_its_words() -> None:
    error = ProviderError(403, "This country is not supported", code="unsupported_country", type="forbidden")
    status, headers, body = answer_to(error, openai_path=True)
    assert status == 403
    assert "x-should-retry" not in headers
    assert body["error"] == {
        "message": "This country is not supported",
        "type": "forbidden",
        "code": "unsupported_country",
        "param": None,
    }


def test_a_secret_in_any_upstream_text_is_struck_out() -> None:
    secret = Secret('canary "77"\n')
    value = secret.reveal()
    error = ProviderError(400, f"bad: {value}", code=value, type=value, param=value, details={"a": [value]})
    failure = from_provider_error(error, entity="a", headers={}, secrets=[secret])
    answer = render_error(failure, dialect=OPENAI, request_id="r1")
    assert b"canary" not in answer.body
    assert msgspec.json.decode(answer.body)["error"]["innererror"] == {"a": ["***"]}


def test_the_upstream_s_details_stay_on_openai_paths_only() -> None:
    error = ProviderError(400, "filtered", code="content_filter", details={"code": "ResponsibleAI"})
    assert answer_to(error, openai_path=True)[2]["error"]["innererror"] == {"code": "ResponsibleAI"}
    assert set(answer_to(error, openai_path=False)[2]) == {"error_code", "message"}
    large = ProviderError(400, "filtered", details={"a": "b" * 20_000})
    assert "innererror" not in answer_to(large, openai_path=True)[2]["error"]


@pytest.mark.parametrize("trap", RETRY_TRAPS)
def test_a_trap_sentence_from_upstream_reads_the_same_and_triggers_no_client(trap: str) -> None:
    error = ProviderError(400, f"Well: {trap} Sorry. {trap}", details={"why": trap})
    _, _, body = answer_to(error, openai_path=True)
    assert body["message"].replace("\N{NO-BREAK SPACE}Exception", "Exception").replace("\N{NO-BREAK SPACE}", " ") == (
        f"Well: {trap} Sorry. {trap}"
    )
    assert not any(each in msgspec.json.encode(body).decode() for each in RETRY_TRAPS)


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        ({"retry_after": "7"}, "7"),
        ({"retry_after": "0.2"}, "1"),
        ({"retry_after_ms": "1500"}, "2"),
        ({"retry_after_ms": "1500", "retry_after": "9"}, "2"),
        ({"retry_after_ms": "soon", "retry_after": "9"}, "9"),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        (
            {"retry_after": format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True)},
            "Thu, 01 Jan 2026 00:00:00 GMT",
        ),
        ({"retry_after": "7\r\nx: y GMT"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_retry_after_is_passed_in_whole_seconds(status: int, sent: dict[str, str], passed: str | None) -> None:
    _, headers, _ = answer_to(ProviderError(status, "slow down"), openai_path=False, **sent)
    assert headers.get("retry-after") == passed


def test_a_quota_that_is_used_up_is_not_worth_a_retry() -> None:
    _, headers, body = answer_to(ProviderError(429, "no money", code="insufficient_quota"), openai_path=True)
    assert headers["x-should-retry"] == "false"
    assert body["error"]["code"] == "insufficient_quota"
    assert "x-should-retry" not in answer_to(ProviderError(429, "slow down"), openai_path=True)[1]
    assert answer_to(ProviderError(500, "no"), openai_path=True, x_should_retry="False")[1]["x-should-retry"] == "false"
    assert "x-should-retry" not in answer_to(ProviderError(500, "no"), openai_path=True, x_should_retry="maybe")[1]


def test_nothing_from_upstream_can_split_a_header() -> None:
    error = ProviderError(500, "no", request_id="a\r\nset-cookie: b")
    assert "x-upstream-request-id" not in answer_to(error, openai_path=True)[1]
    assert (
        answer_to(ProviderError(500, "no", request_id="b" * 201), openai_path=True)[1].get("x-upstream-request-id")
        is None
    )


def test_long_empty_and_unencodable_texts_are_bounded_and_valid() -> None:
    assert len(answer_to(ProviderError(500, "x" * 100_000), openai_path=True)[2]["message"]) <= MAX_TEXT + 10
    assert "503" in answer_to(ProviderError(503, ""), openai_path=True)[2]["message"]
    assert answer_to(ProviderError(500, "a\ud800b"), openai_path=True)[2]["message"] == "a?b"


def test_a_refusal_names_the_parameter() -> None:
    answer = render_error(from_refusal(Refusal("no `n` here", param="n")), dialect=OPENAI, request_id="r1")
    assert answer.status == 400
    assert msgspec.json.decode(answer.body)["error"]["param"] == "n"
    assert msgspec.json.decode(answer.body)["error"]["code"] == "unsupported_parameter"


def test_401_tells_how_to_authenticate() -> None:
    answer = render_error(UnauthenticatedError("no token"), dialect=DATABRICKS, request_id="r1")
    assert ("www-authenticate", "Bearer") in answer.headers


def test_the_event_of_a_failed_stream_has_both_shapes_in_one() -> None:
    event = OPENAI.error_event(UpstreamBrokenError(), 502, "r1")
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 2
    body = msgspec.json.decode(event[6:])
    assert set(body) == {"error", "error_code", "message"}
    assert set(body["error"]) == {"message", "type", "code"}
    assert body["error_code"] in ERROR_CODES
