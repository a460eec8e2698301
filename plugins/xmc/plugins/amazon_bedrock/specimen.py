"""Specimens of the provider `amazon-bedrock`: Converse with Cohere's embeddings, and Titan's, one text a call.

Sources: Amazon Bedrock API reference, "Converse", "ConverseStream", "InvokeModel"; Smithy, "Amazon Event Stream".
"""

import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Any

from xmc.plugins.contract import Slot
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json
from xmc.schema import Task

_KEYS = {
    "aws_region": "eu-west-1",
    "aws_access_key_id": Slot("kit/id"),
    "aws_secret_access_key": Slot("kit/key"),
}
_MODEL = "a-profile:0"
_ASK = {"messages": [{"role": "user", "content": "What is the weather like?"}]}
_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_TEXT: dict[str, Any] = {"text": "The Pacific."}
_CALLS: list[dict[str, Any]] = [
    {"toolUse": {"toolUseId": f"tooluse_{n}", "name": "weather", "input": {"city": city}}}
    for n, city in enumerate(("Malmö", "Lund"))
]
_USAGE = {"inputTokens": 30, "outputTokens": 25, "totalTokens": 55}


def _event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """Return one event as AWS frames it: lengths, checksum, headers, payload, checksum."""
    headers = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack("!H", len(value)) + value
        for name, value in ((b":event-type", kind.encode()), (b":message-type", b"event"))
    )
    body = as_json(payload)
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    head = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return head + struct.pack("!I", crc32(head))


def _block(index: int, block: dict[str, Any]) -> bytes:
    number = {"contentBlockIndex": index}
    if "text" in block:
        start, name, text = b"", "", block["text"]
    else:
        call = block["toolUse"]
        opened = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
        start, name = _event("contentBlockStart", {**number, "start": opened}), "toolUse"
        text = as_json(call["input"]).decode()
    deltas = [{name: {"input": piece}} if name else {"text": piece} for piece in (text[:5], text[5:])]
    filled = b"".join(_event("contentBlockDelta", {**number, "delta": delta}) for delta in deltas)
    return start + filled + _event("contentBlockStop", number)


def _sample(task: Task, request: dict[str, Any], content: list[dict[str, Any]], stop: str) -> Sample:
    message = {"role": "assistant", "content": content}
    whole = {"output": {"message": message}, "stopReason": stop, "usage": _USAGE, "metrics": {"latencyMs": 3}}
    stream = [
        _event("messageStart", {"role": "assistant"}),
        *(_block(index, block) for index, block in enumerate(content)),
        _event("messageStop", {"stopReason": stop}),
        _event("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 4}}),
    ]
    return Sample(task, request, (as_json(whole),), b"".join(stream), _MODEL)


_CHATS = (
    _sample(Task.CHAT, _ASK, [_TEXT], "end_turn"),
    _sample(Task.CHAT, {**_ASK, "tools": [_TOOL]}, [_TEXT, *_CALLS], "tool_use"),
    _sample(Task.COMPLETIONS, {"prompt": "Name an ocean."}, [_TEXT], "max_tokens"),
)
_INPUT = {"input": ["hello", "world"]}
_COHERE = Sample(
    Task.EMBEDDINGS,
    _INPUT,
    (
        as_json(
            {"id": "e-1", "response_type": "embeddings_by_type", "embeddings": {"float": [[0.5, 0.25], [1.0, 2.0]]}}
        ),
    ),
    None,
    _MODEL,
)
_TITAN = Sample(
    Task.EMBEDDINGS,
    _INPUT,
    tuple(as_json({"embedding": [0.5, number], "inputTextTokenCount": 1}) for number in (1.0, 2.0)),
    None,
    "amazon.titan-embed-text-v2:0",
)
_FAILURES = (
    Failure(400, as_json({"message": "The provided model identifier is invalid."}), "identifier is invalid"),
    Failure(403, as_json({"message": "The security token included in the request is invalid."}), ""),
    Failure(429, as_json({"message": "Too many requests, please wait before trying again."}), "Too many requests"),
)

SPECIMENS = (
    Specimen(
        "amazon-bedrock",
        {**_KEYS, "bedrock_provider": "anthropic"},
        (*_CHATS, _COHERE),
        _FAILURES,
        task_config={Task.EMBEDDINGS: {"bedrock_provider": "cohere"}},
        values={"input": ["one", "two"]},
    ),
    Specimen(
        "amazon-bedrock",
        {
            "aws_region": "us-east-1",
            "bedrock_provider": "amazon",
            "aws_bearer_token": Slot("kit/token"),
        },
        (_TITAN, *_CHATS),
        _FAILURES,
        name="titan, with an API key",
        recorded=False,
    ),
)
