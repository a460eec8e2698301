"""A telling value for every request parameter: one that is not the default and that a provider would act on.

A name with a dot is a part of a parameter, the one before the dot, and its value is one of that parameter.
"""

from collections.abc import Mapping
from typing import Any

from xmc.schema import Task

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "weather", "description": "Tells the weather.", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}
_SAMPLING: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "max_tokens": 64,
    "model": "a-model-of-the-clients",
    "n": 2,
    "presence_penalty": 0.5,
    "seed": 7,
    "stop": ["END"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": 0.5,
    "top_k": 5,
    "top_p": 0.9,
    "user": "user-17",
}
VALUES: Mapping[Task, Mapping[str, Any]] = {
    Task.CHAT: {
        **_SAMPLING,
        "audio": {"voice": "alloy", "format": "wav"},
        "function_call": {"name": "weather"},
        "functions": [FUNCTION],
        "logprobs": True,
        "max_completion_tokens": 64,
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "another question"}],
        "messages.image_url": [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, IMAGE]}],
        "metadata": {"team": "blue"},
        "modalities": ["text", "audio"],
        "moderation": {"model": "omni-moderation-latest"},
        "parallel_tool_calls": False,
        "prediction": {"type": "content", "content": "the weather is"},
        "prompt_cache_key": "k1",
        "prompt_cache_options": {"mode": "explicit"},
        "prompt_cache_retention": "24h",
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
        "safety_identifier": "s1",
        "service_tier": "default",
        "store": True,
        "tool_choice": "required",
        "tools": TOOLS,
        "top_logprobs": 2,
        "verbosity": "low",
        "web_search_options": {"search_context_size": "low"},
    },
    Task.COMPLETIONS: {
        **_SAMPLING,
        "best_of": 3,
        "echo": True,
        "logprobs": 2,
        "prompt": "another prompt",
        "suffix": " the end",
        "tools": TOOLS,
    },
    Task.EMBEDDINGS: {
        "dimensions": 256,
        "encoding_format": "base64",
        "input": "another text",
        "input_type": "search_query",
        "model": "a-model-of-the-clients",
        "stream": True,
        "user": "user-17",
    },
}

COMPANIONS: Mapping[str, Mapping[str, Any]] = {
    "function_call": {"functions": [FUNCTION]},
    "parallel_tool_calls": {"tools": TOOLS},
    "stream_options": {"stream": True},
    "tool_choice": {"tools": TOOLS},
    "top_logprobs": {"logprobs": True},
    "audio": {"modalities": ["text", "audio"]},
}
"""What a parameter needs beside it to mean anything."""
