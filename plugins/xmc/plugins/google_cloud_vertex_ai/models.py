"""What is known of Vertex AI's models by their names: which API serves them, and what they take.

Learnt on 2026-11-23: Google Cloud documentation, "Model versions and lifecycle"; litellm 1.109.1, model map
(`supports_sampling_params`, `supports_minimal_reasoning_effort`, `deprecation_date`); mlflow 3.18.0, `vertex_ai`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from xmc.schema import Task


class Protocol(StrEnum):
    """Which API a target is called by.

    Gemini's own (`generateContent`), Anthropic's (`rawPredict`), OpenAI's (`endpoints/openapi`); for embeddings
    `predict`, or `embedContent`.
    """

    GEMINI = "gemini"
    CLAUDE = "claude"
    PARTNER = "openai"
    PREDICT = "predict"
    EMBED = "embed"


class Thinking(StrEnum):
    """How a Gemini model is asked to think: not at all, by a budget of tokens, or by a level (all since 3)."""

    NONE = "none"
    BUDGET = "budget"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Family:
    """What Gemini models of one name have in common.

    `signed`: calls of tools in the history must carry the signature of the thought that led to them. `least` is the
    lowest level of thinking. `refuses` is what they answer 400 to. `successor`: it is at its end, or nearly.
    """

    match: str
    thinking: Thinking
    signed: bool = False
    least: str = "LOW"
    refuses: tuple[str, ...] = ()
    successor: str | None = None


SAMPLING = ("temperature", "top_p", "top_k")
PENALTIES = ("frequency_penalty", "presence_penalty")

_FAMILIES = (
    Family(r"gemini-(1|2\.0|pro|ultra).*", Thinking.NONE, successor="gemini-3.5-flash"),
    Family(r"gemini-2\.5-pro(-[0-9]+)?", Thinking.BUDGET, successor="gemini-3.5-flash"),
    Family(r"gemini-2\.5-flash(-lite)?(-[0-9]+)?", Thinking.BUDGET, successor="gemini-3.5-flash-lite"),
    Family(r"gemini-2.*", Thinking.BUDGET),
    Family(r"gemini-3\.6-flash.*", Thinking.LEVEL, True, "MINIMAL", (*SAMPLING, *PENALTIES), "gemini-3.8-flash"),
    Family(r"gemini-3\.[78]-flash.*", Thinking.LEVEL, True, refuses=(*SAMPLING, *PENALTIES)),
    Family(r"gemini-3\.5-flash-lite.*", Thinking.LEVEL, True, "MINIMAL", (*SAMPLING, *PENALTIES)),
    Family(r"gemini-3(\.[0-9]+)?-flash.*", Thinking.LEVEL, True, "MINIMAL", PENALTIES),
    Family(r"gemini-([3-9]|[1-9][0-9]).*", Thinking.LEVEL, True, refuses=PENALTIES),
)
_UNKNOWN = Family(".*", Thinking.LEVEL)
_ENDED = (
    (r"(text|chat|code|codechat)-(bison|unicorn|gecko).*|code-gecko.*|medlm-.*", "gemini-3.5-flash"),
    (r"textembedding-gecko.*", "text-embedding-005"),
)
_PUBLISHERS = (
    (r"mistral.*|codestral.*|ministral.*", "mistralai"),
    (r"jamba.*", "ai21"),
    (r"llama.*", "meta"),
    (r"deepseek.*", "deepseek-ai"),
    (r"qwen.*", "qwen"),
    (r"gpt-oss.*", "openai"),
    (r"gemma.*", "google"),
    (r"grok.*", "xai"),
    (r"kimi.*", "moonshotai"),
    (r"minimax.*", "minimaxai"),
    (r"glm.*", "zai-org"),
)


def protocol_of(model: str, task: Task) -> Protocol:
    """Return the API that serves a model.

    >>> protocol_of("claude-opus-4-8", Task.CHAT).value, protocol_of("meta/llama-4-scout-maas", Task.CHAT).value
    ('claude', 'openai')
    """
    name = model.lower()
    if "/" in name or name.endswith("-maas") or publisher_of(name) is not None:
        return Protocol.PARTNER
    if name.startswith("claude"):
        return Protocol.CLAUDE
    if task is not Task.EMBEDDINGS:
        return Protocol.GEMINI
    return Protocol.EMBED if "gemini" in name else Protocol.PREDICT


def family_of(model: str) -> Family:
    """Return what is known of a Gemini model; of an unknown name, that it thinks as new ones do."""
    name = model.lower()
    return next((family for family in _FAMILIES if re.fullmatch(family.match, name)), _UNKNOWN)


def end_of(model: str) -> str | None:
    """Return what takes the place of a model that has ended, or will soon; None for the others.

    >>> end_of("text-bison@002"), end_of("gemini-3.5-flash")
    ('gemini-3.5-flash', None)
    """
    name = model.lower()
    ended = next((successor for pattern, successor in _ENDED if re.fullmatch(pattern, name)), None)
    return ended or family_of(name).successor


def publisher_of(model: str) -> str | None:
    """Return who publishes a partner's model whose name does not say it, as the API wants; None if it is not known.

    >>> publisher_of("mistral-large-2411"), publisher_of("mistralai/mistral-large-2411")
    ('mistralai', None)
    """
    if "/" in model:
        return None
    return next((publisher for pattern, publisher in _PUBLISHERS if re.fullmatch(pattern, model.lower())), None)
