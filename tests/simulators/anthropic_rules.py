"""What Anthropic's Messages API refuses, as the simulator checks it; nothing here comes from the code under test.

Shapes are those of the vendor's own client (`anthropic.types`): every block, tool and member is validated against its
TypedDict, and keys that it does not have are refused. The rules beyond shapes are the API's, in its words as far as
known.
"""

import re
from functools import cache
from hashlib import sha256
from typing import Any, get_args, get_type_hints

from anthropic.types import (
    ContentBlockParam,
    MetadataParam,
    OutputConfigParam,
    TextBlockParam,
    ThinkingConfigParam,
    ToolChoiceParam,
    ToolUnionParam,
)
from anthropic.types.message_create_params import MessageCreateParamsBase
from anthropic.types.tool_result_block_param import Content as ResultContent
from pydantic import TypeAdapter, ValidationError

SAMPLING = {"temperature", "top_p", "top_k"}
_TOP = {*get_type_hints(MessageCreateParamsBase, include_extras=True), "stream"}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_COMPUTER = re.compile(r"computer_(\d{4})(\d{2})(\d{2})")
_SCHEMA_KEYS = {
    "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "description", "enum", "format", "items",
    "minItems", "properties", "required", "title", "type",
}  # fmt: skip


class BadRequestError(ValueError):
    """The API's 400; the text is its message."""


def sign(thinking: str) -> str:
    """Return the signature of a thinking block: only what this API thought itself has one."""
    return sha256(f"simulator {thinking}".encode()).hexdigest()


def check_request(body: Any, version: str, betas: set[str]) -> None:
    """Raise `BadRequestError` for what the API would not take."""
    _require(isinstance(body, dict), "request body must be an object")
    allowed = _TOP | (SAMPLING if version < "2026-10-21" else set())
    for key in body:
        _require(key in allowed, f"{key}: Extra inputs are not permitted")
    for key in ("model", "max_tokens", "messages"):
        _require(key in body, f"{key}: Field required")
    _require(isinstance(body["model"], str), "model: Input should be a valid string")
    _require(type(body["max_tokens"]) is int and body["max_tokens"] >= 0, "max_tokens: must be a whole number")
    _check_members(body)
    _check_tools(body, betas)
    _check_thinking(body)
    _check_messages(body["messages"])


def _check_members(body: dict[str, Any]) -> None:
    for key, kind in (
        ("metadata", MetadataParam),
        ("output_config", OutputConfigParam),
        ("thinking", ThinkingConfigParam),
        ("tool_choice", ToolChoiceParam),
    ):
        if key in body:
            _check(kind, body[key], key)
    for key in ("temperature", "top_p"):
        _require(0 <= body.get(key, 0) <= 1, f"{key}: Input should be less than or equal to 1")
    for stop in body.get("stop_sequences", []):
        _require(isinstance(stop, str) and bool(stop.strip()), "stop_sequences: each must contain non-whitespace")
    system = body.get("system", "")
    for block in system if isinstance(system, list) else []:
        _check(TextBlockParam, block, "system")
        _require(bool(block["text"].strip()), "system: text content blocks must be non-empty")
    if "format" in body.get("output_config", {}):
        _check_schema(body["output_config"]["format"]["schema"])


def _check_schema(schema: Any) -> None:
    _require(isinstance(schema, dict), "output_config.format.schema: must be an object")
    for key in schema:
        _require(key in _SCHEMA_KEYS, f"output_config.format.schema: For this type, property '{key}' is not supported")
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        _require(closed, "output_config.format.schema: 'additionalProperties' must be explicitly set to false")
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        _check_schema(inner)
    for inner in (
        *schema.get("anyOf", ()),
        *schema.get("allOf", ()),
        *([schema["items"]] if "items" in schema else ()),
    ):
        _check_schema(inner)


def _check_tools(body: dict[str, Any], betas: set[str]) -> None:
    tools = body.get("tools", [])
    choice = body.get("tool_choice")
    _require(choice is None or bool(tools), "tool_choice: may only be specified while providing tools")
    names = [tool.get("name") for tool in tools]
    _require(len(set(names)) == len(names), "tools: Tool names must be unique")
    _require(not choice or choice["type"] != "tool" or choice["name"] in names, "tool_choice: no such tool")
    for index, tool in enumerate(tools):
        match = _COMPUTER.fullmatch(str(tool.get("type")))
        if match:  # only the beta part of the client knows these
            _require(f"computer-use-{'-'.join(match.groups())}" in betas, f"tools.{index}: Input tag does not match")
            continue
        _check_one(ToolUnionParam, tool, f"tools.{index}")
        _require(_NAME.fullmatch(tool["name"]) is not None, f"tools.{index}.name: String should match pattern")
        if "input_schema" in tool:
            _require(tool["input_schema"].get("type") == "object", f"tools.{index}.input_schema.type: Field required")


def _check_thinking(body: dict[str, Any]) -> None:
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "enabled":
        budget = thinking["budget_tokens"]
        _require(budget >= 1024, "thinking.budget_tokens: Input should be greater than or equal to 1024")
        _require(budget < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`")
        for message in body["messages"]:
            blocks = message["content"] if isinstance(message["content"], list) else []
            if message["role"] == "assistant" and any(block["type"] == "tool_use" for block in blocks):
                first = blocks[0]["type"]
                _require(first.endswith("thinking"), f"Expected `thinking` or `redacted_thinking`, but found `{first}`")
    if thinking["type"] in {"enabled", "adaptive"}:
        forced = body.get("tool_choice", {}).get("type") in {"any", "tool"}
        _require(not forced, "Thinking may not be enabled when tool_choice forces tool use.")
        _require(body.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled")


def _check_messages(messages: Any) -> None:
    _require(isinstance(messages, list) and bool(messages), "messages: at least one message is required")
    asked: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        _require(set(message) == {"role", "content"}, f"{where}: Extra inputs are not permitted")
        _require(message["role"] in {"user", "assistant"}, f"{where}.role: unexpected role")
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        _require(bool(blocks), f"{where}: content must be non-empty")
        for number, block in enumerate(blocks):
            _check_block(block, f"{where}.content.{number}")
        if message["role"] == "user":
            _check_results(blocks, asked, where)
            asked = set()
        else:
            asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
    _require(messages[0]["role"] == "user", "messages: first message must use the user role")
    last = messages[-1]["content"]
    text = last if isinstance(last, str) else last[-1].get("text", "")
    stripped = messages[-1]["role"] == "user" or text == text.rstrip()
    _require(stripped, "messages: final assistant content cannot end with trailing whitespace")


def _check_block(block: Any, where: str) -> None:
    _check_one(ContentBlockParam, block, where)
    kind = block["type"]
    if kind == "text":
        _require(bool(block["text"].strip()), f"{where}: text content blocks must contain non-whitespace text")
    elif kind == "tool_use":
        _require(_ID.fullmatch(block["id"]) is not None, f"{where}.id: String should match pattern")
        _require(_NAME.fullmatch(block["name"]) is not None, f"{where}.name: String should match pattern")
    elif kind == "thinking":
        right = block["signature"] == sign(block["thinking"])
        _require(right, f"{where}: Invalid `signature` in `thinking` block")
    elif kind == "tool_result" and isinstance(block.get("content"), list):
        for number, inner in enumerate(block["content"]):
            _check_one(ResultContent, inner, f"{where}.content.{number}")


def _check_results(blocks: list[dict[str, Any]], asked: set[str], where: str) -> None:
    kinds = [block["type"] == "tool_result" for block in blocks]
    _require(kinds == sorted(kinds, reverse=True), f"{where}: `tool_result` blocks must come before other content")
    got = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    for one in got:
        _require(one in asked, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {one}")
    _require(len(got) == len(set(got)), f"{where}: each tool_use must have a single result")
    missing = asked - set(got)
    _require(
        not missing, f"`tool_use` ids were found without `tool_result` blocks immediately after: {sorted(missing)}"
    )


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _keys(kind: Any) -> frozenset[str]:
    return frozenset(get_type_hints(kind, include_extras=True))


def _check(kind: Any, value: Any, where: str) -> None:
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (where, *first["loc"])))
        raise BadRequestError(f"{place}: {first['msg']}") from error


def _check_one(union: Any, value: Any, where: str) -> None:
    """Check a member of a union against the one kind whose shape it has, extra keys refused."""
    _require(isinstance(value, dict), f"{where}: Input should be an object")
    problem = f"{where}: Input does not match any of the expected tags"
    for kind in get_args(union):
        if set(value) <= _keys(kind):
            try:
                _check(kind, value, where)
            except BadRequestError as error:
                problem = str(error)
            else:
                return
    raise BadRequestError(problem)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise BadRequestError(message)
