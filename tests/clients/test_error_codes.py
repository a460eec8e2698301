"""Our errors as the real clients' own code reads them."""

from typing import Any

import msgspec
import pytest
import requests
from databricks.sdk.errors.customizer import _RetryAfterCustomizer
from databricks.sdk.errors.parser import _Parser
from mlflow.exceptions import RestException
from tests.errors import EXPECTED, answer_to

from xmc.schema import ProviderError


@pytest.mark.parametrize("status", [status for status in EXPECTED if status != 401])
def test_mlflow_and_the_databricks_sdk_read_our_status_off_our_error_code(status: int) -> None:
    ours, _, body = answer_to(ProviderError(status, "no"), openai_path=False)
    seen: Any = RestException
    assert seen(body).get_http_status_code() == ours
    reply = requests.Response()
    reply.status_code = ours
    reply._content = msgspec.json.encode(body)
    reply.request = requests.Request("POST", "http://127.0.0.1/serving-endpoints/a/invocations").prepare()
    error = _Parser().get_api_error(reply)
    assert error is not None
    assert str(error) == "no"
    assert error.error_code == body["error_code"]


@pytest.mark.parametrize(("sent", "seconds"), [("7", 7), ("0.2", 1), ("1.5", 2)])
def test_the_databricks_sdk_reads_our_retry_after(sent: str, seconds: int) -> None:
    _, headers, _ = answer_to(ProviderError(429, "slow down"), openai_path=False, retry_after=sent)
    reply = requests.Response()
    reply.headers["Retry-After"] = headers["retry-after"]
    assert _RetryAfterCustomizer._parse_retry_after(reply) == seconds
