"""A specimen of the provider `databricks-model-serving`: answers as its documentation shows them.

Source: Databricks REST API, "Query a serving endpoint"; page "External models in Mosaic AI Model Serving".
"""

from typing import Any

from xmc.plugins.contract import Slot
from xmc.plugins.openai_family.specimen import CALLS
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json, as_sse
from xmc.schema import Task

_USAGE = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}
_HEAD: dict[str, Any] = {"id": "d1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
_CHAT = Sample(
    Task.CHAT,
    {"messages": [{"role": "user", "content": "Say hello in Swedish."}]},
    (
        as_json({
            "choices": [{"index": 0, "message": {"role": "human", "content": "Hej!"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 8, "total_tokens": 10},
        }),
    ),
    # Role and usage come in every chunk.
    as_sse(
        {**_HEAD, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, **end}], "usage": _USAGE}
        for text, end in (("Hej", {"finish_reason": None}), ("!", {"finish_reason": "stop"}))
    ),
)  # fmt: skip
_TEXT_HEAD = {**_HEAD, "object": "text_completion"}
_COMPLETION = Sample(
    Task.COMPLETIONS,
    {"prompt": "Hello"},
    (as_json({"choices": [{"text": " World!", "index": 0}], "usage": _USAGE}),),
    as_sse(
        {**_TEXT_HEAD, "choices": [{"index": 0, "text": text, "finish_reason": end}], "usage": _USAGE}
        for text, end in ((" World", None), ("!", "stop"))
    ),
)
_EMBEDDING = Sample(
    Task.EMBEDDINGS,
    {"input": ["one", "two"]},
    (
        as_json({
            "data": [{"index": 0, "embedding": [0.5, number]} for number in (1.0, 2.0)],
            "usage": {"prompt_tokens": 2},
        }),
    ),
)  # fmt: skip


def _failure(status: int, code: str, says: str, *, shown: bool = True) -> Failure:
    return Failure(status, as_json({"error_code": code, "message": says}), says if shown else "")


SPECIMENS = (
    Specimen(
        "databricks-model-serving",
        {"databricks_workspace_url": "https://workspace.test", "databricks_api_token": Slot("kit/token")},
        (_CHAT, CALLS, _COMPLETION, _EMBEDDING),
        (
            _failure(400, "BAD_REQUEST", 'Bad request: json: unknown field "inputs"'),
            _failure(401, "UNAUTHENTICATED", "Credential was not sent", shown=False),
            _failure(404, "RESOURCE_DOES_NOT_EXIST", "The endpoint does not exist"),
            _failure(429, "REQUEST_LIMIT_EXCEEDED", "Exceeded workspace rate limit"),
            _failure(503, "TEMPORARILY_UNAVAILABLE", "The endpoint is scaling up"),
        ),
    ),
)
