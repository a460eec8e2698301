"""What becomes of the parameters that most providers have no counterpart of.

`null` and empty lists count as not set. What changes the answer's meaning is refused by name; a hint is dropped and
named in `x-xmc-dropped`; what OpenAI does not know passes. A provider that can do more takes names out of the tables.
Source: OpenAI API reference, "Chat Completions" and "Completions".
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from xmc.plugins.translation.refused import Dropped, RefusedError, list_at, text_at, unsupported

HINTS: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "metadata": ({},),
    "presence_penalty": (0,),
    "prompt_cache_key": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "safety_identifier": (),
    "seed": (),
    "store": (False,),
    "verbosity": (),
}
"""What may be left out, with the values that say nothing and so are not named as dropped."""

REFUSED: Mapping[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "function_call": (),
    "functions": (),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "prediction": (),
    "suffix": ("",),
    "top_logprobs": (0,),
    "web_search_options": (),
}
"""What would change the answer's meaning, with the values that mean nothing."""

CHAT_ONLY = ("messages", "parallel_tool_calls", "response_format", "tool_choice", "tools")
"""What a text completion cannot hold."""

_encode = msgspec.json.Encoder().encode


def set_parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are set."""
    return {key: value for key, value in request.items() if value is not None and value != []}


def read_stream(given: Mapping[str, Any]) -> bool:
    """Return whether a stream is wanted. Raises `RefusedError`."""
    stream = given.get("stream", False)
    if not isinstance(stream, bool):
        raise RefusedError("`stream` is neither true nor false", "stream")
    return stream


def read_max_tokens(given: Mapping[str, Any]) -> int | None:
    """Return `max_completion_tokens`, or `max_tokens`, its older name. Raises `RefusedError`."""
    values = {name: given[name] for name in ("max_completion_tokens", "max_tokens") if name in given}
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise RefusedError(f"`{name}` is no whole number from 0", name)
    if len(set(values.values())) > 1:
        raise RefusedError("`max_tokens` and `max_completion_tokens` have different values", "max_tokens")
    return next(iter(values.values()), None)


def read_stops(stop: Any, dropped: Dropped) -> list[str]:
    """Return the stop sequences that are not blank, which most providers refuse. Raises `RefusedError`."""
    given = [] if stop is None else [stop] if isinstance(stop, str) else list_at(stop, "stop")
    stops = [text for text in (text_at(one, "stop") for one in given) if text.strip()]
    if len(stops) < len(given):
        dropped.note("stop")
    return stops


def pass_rest(
    given: Mapping[str, Any],
    own: Collection[str],
    dropped: Dropped,
    *,
    hints: Mapping[str, tuple[Any, ...]] = HINTS,
    refused: Mapping[str, tuple[Any, ...]] = REFUSED,
) -> dict[str, Any]:
    """Return what passes as it is: all but what the provider translates (`own`), hints, and what changes nothing.

    Raises:
        RefusedError: a parameter that would change the answer's meaning and has no counterpart.
    """
    passed: dict[str, Any] = {}
    for name, value in given.items():
        if name in own:
            continue
        if name in refused:
            if not is_harmless(value, refused[name]):
                raise unsupported(name)
        elif name in hints:
            if not is_harmless(value, hints[name]):
                dropped.note(name)
        else:
            passed[name] = value
    return passed


def is_harmless(value: Any, harmless: tuple[Any, ...]) -> bool:
    """Tell whether the value is one that counts as not set; `true` is not 1 here."""
    return any(value == one and isinstance(value, bool) is isinstance(one, bool) for one in harmless)


def refuse_chat_only(given: Mapping[str, Any]) -> None:
    """Refuse in a completions request what only a chat can hold. Raises `RefusedError`."""
    for name in CHAT_ONLY:
        if name in given:
            what = f"a text completion cannot hold what `{name}` asks for; use an endpoint for chat"
            raise unsupported(name, what)


def read_prompts(prompt: Any) -> list[str]:
    """Return the prompts of a completions request that is served by a chat model. Raises `RefusedError`."""
    given = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(given, list) or not given:
        raise RefusedError("`prompt` is neither text nor a list of texts", "prompt")
    if not all(isinstance(one, str) for one in given):
        raise unsupported("prompt", "this provider takes prompts as text; tokens of other models mean nothing to it")
    if not all(one.strip() for one in given):
        raise RefusedError("`prompt` is blank", "prompt")
    return given


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Write a request body as JSON. Raises `RefusedError`."""
    try:
        return _encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        what = "the request holds text that is not Unicode, or is nested too deeply"
        raise RefusedError(what, "messages", "invalid_request") from error
