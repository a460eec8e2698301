"""The provider and its adapters: which translation serves which task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xmc.plugins.amazon_bedrock.embeddings import EmbeddingsAdapter
from xmc.plugins.amazon_bedrock.link import CONFIG_KEY, link_bedrock
from xmc.plugins.amazon_bedrock.request import Encoded, Settings, encode_chat, encode_completions
from xmc.plugins.amazon_bedrock.response import chat_response, completions_response, decode_converse
from xmc.plugins.amazon_bedrock.stream import ConverseDecoder
from xmc.plugins.contract import Adapter, Capability, EntitySpec, Link
from xmc.plugins.openai_family import read_capabilities, read_schema
from xmc.plugins.translation.answers import Answers, Translation
from xmc.plugins.translation.refused import RefusedError
from xmc.schema import (
    Context,
    Exchange,
    JsonObject,
    Refusal,
    Target,
    Task,
    WireRequest,
)

_HEADERS = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class BedrockProvider:
    """See the package."""

    config_schema: JsonObject = field(repr=False)
    capabilities: Mapping[Task, Mapping[str, Capability]] = field(repr=False)
    name: str = "amazon-bedrock"
    config_key: str = CONFIG_KEY

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        return link_bedrock(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        return _Guarded(EmbeddingsAdapter(target) if target.task is Task.EMBEDDINGS else ConverseAdapter(target))


_PACKAGE = "xmc.plugins.amazon_bedrock"
BEDROCK = BedrockProvider(read_schema(_PACKAGE), read_capabilities(_PACKAGE))


@dataclass(frozen=True, slots=True)
class _Guarded:
    """Refuses what no translation can begin with."""

    adapter: Any

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        if not isinstance(request, Mapping):
            return Refusal("the request is not a JSON object", code="invalid_request")
        try:
            prepared: Exchange | Refusal = self.adapter.prepare(request, context)
        except RecursionError:
            return Refusal("the request is nested too deeply", code="invalid_request")
        return prepared


class ConverseAdapter:
    """Translates the chat or completions requests of one target into Converse calls."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._settings = Settings.of(target)
        self._encode = encode_chat if target.task is Task.CHAT else encode_completions
        stem, mark, query = target.url.partition("?")
        self._stream_url = f"{stem}-stream{mark}{query}"

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        try:
            encoded = self._encode(request, self._settings)
        except RefusedError as error:
            return error.refusal
        return self._exchange(encoded, context)

    def _exchange(self, encoded: Encoded, context: Context) -> Exchange:
        target = self._target
        url = self._stream_url if encoded.stream else target.url
        answers = Answers(_TRANSLATION, context, target.model, encoded.names, target.task is Task.CHAT)
        return Exchange(
            calls=tuple(WireRequest("POST", url, _HEADERS, body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if encoded.stream else None,
            choices=len(encoded.bodies),
            dropped=encoded.dropped,
        )


_TRANSLATION = Translation(decode_converse, chat_response, completions_response, ConverseDecoder)
