r"""From a canonical completions request to Messages calls: the prompt becomes a conversation.

Anthropic's own completions API is gone with the models that it served. A prompt in its old frame (`\n\nHuman: …
\n\nAssistant:`) is taken out of it; any other is what the user says. A list of prompts becomes a call for each.
Source: Anthropic API documentation, "Migrating from Text Completions".
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.anthropic.beta import combine_betas
from xmc.plugins.anthropic.parameter import COMMON, Settings, common_members, join
from xmc.plugins.anthropic.request import Encoded
from xmc.plugins.anthropic.thinking import encode_effort
from xmc.plugins.translation.conversation import encode_conversation
from xmc.plugins.translation.parameter import (
    encode_body,
    pass_rest,
    read_max_tokens,
    read_prompts,
    read_stream,
    refuse_chat_only,
    set_parameters,
)
from xmc.plugins.translation.prompt import messages_of
from xmc.plugins.translation.refused import Dropped

_OWN = COMMON | frozenset({"prompt", "reasoning_effort", "system_prompt"})


def encode_completions(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a completions request; `request` itself is left alone.

    `system_prompt` (an extra key) becomes the system prompt. Raises `RefusedError`.
    """
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given)
    refuse_chat_only(given)
    wanted = read_max_tokens(given)
    thought = encode_effort(
        given.get("reasoning_effort"),
        settings.thinking,
        max_tokens=settings.default_max_tokens if wanted is None else wanted,
        is_default=wanted is None,
        unsigned=False,
    )
    if not thought.has_effect:
        dropped.note("reasoning_effort")
    prompts = read_prompts(given.get("prompt"))
    rest = {**common_members(given, settings, dropped), **thought.members}
    if stream and len(prompts) == 1:  # several answers are put together, and then replayed as a stream
        rest["stream"] = True
    passed = pass_rest(given, _OWN, dropped)
    if "thinking" in passed:
        rest.pop("thinking", None)
    betas = combine_betas(settings.beta, (), given.get("anthropic_beta"), settings.betas_allowed)
    bodies = []
    for prompt in prompts:
        told = encode_conversation(messages_of(prompt, given.get("system_prompt")), dropped)
        head: dict[str, Any] = {**settings.head, "max_tokens": thought.max_tokens, "messages": told.turns}
        if told.system:
            head["system"] = told.system
        bodies.append(encode_body(join({**head, **rest}, passed)))
    return Encoded(tuple(bodies), stream, betas, dropped=dropped.names)
