r"""From the prompt of a completions request to the messages of a chat, for models that only chat.

A prompt in the frame of Claude's old completions (`\n\nHuman: … \n\nAssistant:`) is taken out of it; any other is
what the user says. Source: Anthropic API documentation, "Migrating from Text Completions".
"""

import re
from typing import Any

from xmc.plugins.translation.refused import RefusedError, text_at

_FRAME = re.compile(r"\s*Human:.*\n\nAssistant:", re.DOTALL)
_SPEAKER = re.compile(r"(?:^\s*|\n\n)(Human|Assistant):[ \t]?")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def messages_of(prompt: str, system: Any) -> list[dict[str, Any]]:
    """Return canonical messages; `system` is the extra key `system_prompt`, None if there is none.

    Raises `RefusedError`.
    """
    opening = [] if system is None else [{"role": "system", "content": text_at(system, "system_prompt")}]
    if not _FRAME.match(prompt):
        return [*opening, {"role": "user", "content": prompt}]
    _, *said = _SPEAKER.split(prompt)
    pairs = zip(said[::2], said[1::2], strict=True)
    turns = [{"role": _ROLES[speaker], "content": text.strip()} for speaker, text in pairs]
    if not any(turn["content"] for turn in turns if turn["role"] == "user"):
        raise RefusedError("`prompt` is blank between `Human:` and `Assistant:`", "prompt")
    return [*opening, *turns]
