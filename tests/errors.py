"""What errors must come to, for tests of the table and of everything that it passes through."""

from typing import Any

import msgspec

from xmc.runtime.dialect import DATABRICKS, OPENAI, Dialect
from xmc.runtime.errors import from_provider_error, render_error
from xmc.schema import ProviderError

# Upstream status -> ours on OpenAI paths, ours elsewhere: design and docs say so, row by row.
EXPECTED = {
    200: (502, 500),
    302: (502, 500),
    400: (400, 400),
    401: (403, 403),
    402: (400, 400),
    403: (403, 403),
    404: (404, 404),
    405: (400, 400),
    408: (504, 504),
    409: (409, 409),
    413: (400, 400),
    415: (400, 400),
    418: (400, 400),
    422: (400, 400),
    424: (502, 500),
    429: (429, 429),
    498: (400, 400),
    499: (499, 499),
    500: (500, 500),
    501: (502, 500),
    502: (502, 500),
    503: (503, 503),
    504: (504, 504),
    520: (502, 500),
    529: (503, 503),
    0: (502, 500),
}


def spoken(*, openai_path: bool) -> Dialect:
    """Return the dialect of the OpenAI paths, or of all others with the canonical form."""
    return OPENAI if openai_path else DATABRICKS


def answer_to(error: ProviderError, *, openai_path: bool, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and body of the answer to an upstream's error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    failure = from_provider_error(error, entity="a", headers=named)
    answer = render_error(failure, dialect=spoken(openai_path=openai_path), request_id="r1")
    return answer.status, dict(answer.headers), msgspec.json.decode(answer.body)
