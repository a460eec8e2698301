"""The provider `answer-box`: what the compiler sees of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from xmc.plugins import Adapter, Capability, EntitySpec, Link
from xmc.schema import Auth, Finding, Relay, Target, Task

SOURCE, DATE = "README of answer-box, the server's API", "2026-11-26"

# What would change the answer's meaning is refused by name; what is only a hint is dropped, and the client is told.
REFUSED = (
    "audio", "function_call", "functions", "logit_bias", "logprobs", "messages.image_url", "modalities", "moderation",
    "n", "prediction",
    "response_format", "stop", "temperature", "tool_choice", "tools", "top_k", "top_logprobs", "top_p",
    "web_search_options",
)  # fmt: skip
DROPPED = (
    "frequency_penalty", "metadata", "parallel_tool_calls", "presence_penalty", "prompt_cache_key",
    "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "safety_identifier", "seed", "service_tier",
    "store", "user", "verbosity",
)  # fmt: skip
REFUSED_OF_VECTORS = ("dimensions", "input_type", "stream")
_ASK = {
    "messages": "question", "max_tokens": "limit", "max_completion_tokens": "limit", "model": "header:x-box-model",
    "stream_options": "answer",
}  # fmt: skip
_VECTOR = {"input": "text", "encoding_format": "answer", "model": "header:x-box-model"}


def _cells(status: str, names: tuple[str, ...]) -> dict[str, Capability]:
    return {name: Capability(status, SOURCE, DATE) for name in names}


def _mapped(fields: Mapping[str, str]) -> dict[str, Capability]:
    return {name: Capability("mapped", SOURCE, DATE, field) for name, field in fields.items()}


CAPABILITIES: Mapping[Task, Mapping[str, Capability]] = MappingProxyType({
    Task.CHAT: {
        "stream": Capability("yes", SOURCE, DATE),
        **_cells("refused", REFUSED),
        **_cells("dropped", DROPPED),
        **_mapped(_ASK),
    },
    Task.EMBEDDINGS: {
        "user": Capability("dropped", SOURCE, DATE),
        **_cells("refused", REFUSED_OF_VECTORS),
        **_mapped(_VECTOR),
    },
})  # fmt: skip


CONFIG_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "key_id"],
    "properties": {
        "url": {"type": "string", "pattern": "^https?://", "description": "The server's URL, without a path."},
        "key_id": {"type": "string", "pattern": "^[!-~]+$", "description": "Which key the secret belongs to."},
        "secret": {"type": "string", "x-xmc-secret": "reference", "description": "The secret, as a reference."},
        "secret_plaintext": {"type": "string", "x-xmc-secret": "plaintext", "description": "The secret, typed in."},
    },
    "oneOf": [{"required": ["secret"]}, {"required": ["secret_plaintext"]}],
}


class AnswerBox:
    """What xmc asks for by name; see `Provider` in xmc's `contract.py`."""

    name = "answer-box"
    config_key = "answer_box_config"

    def __init__(
        self,
        schema: dict[str, Any] = CONFIG_SCHEMA,
        capabilities: Mapping[Task, Mapping[str, Capability]] = CAPABILITIES,
    ) -> None:
        self.config_schema = schema
        self.capabilities = capabilities

    def link(self, entity: EntitySpec) -> Link:
        """Compose the target of one served entity."""
        url = entity.config["url"].rstrip("/")
        if "?" in url or "#" in url:
            path = ("external_model", self.config_key, "url")
            return Link(None, (Finding(code="XMC402", path=path, message=f"{url!r} has a query or a fragment"),))
        return Link(
            Target(
                provider=self.name,
                task=entity.task,
                model=entity.model,
                url=f"{url}/{'vector' if entity.task is Task.EMBEDDINGS else 'ask'}",
                auth=Auth(
                    scheme="answer-box-hmac",
                    params={"key_id": entity.config["key_id"]},
                    slots={"secret": entity.config["secret"].name},
                ),
                framing="answer-box-lines",
                relay=Relay.NORMALISE,
            )
        )

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from answer_box.adapter import AskAdapter, VectorAdapter  # noqa: PLC0415 - when a table is loaded, not before

        if target.task is Task.EMBEDDINGS:
            return VectorAdapter(target, REFUSED_OF_VECTORS, ("user",))
        return AskAdapter(target, REFUSED, DROPPED)
