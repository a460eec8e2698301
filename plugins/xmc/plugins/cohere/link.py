"""From a served entity with `cohere_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `cohere_config`; Cohere API reference, version 2. The key
`cohere_input_type` is an extension of xmc.
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_versioned_url
from xmc.schema import Auth, Finding, Relay, Severity, Target, Task

CONFIG_KEY = "cohere_config"
DEFAULT_BASE = "https://api.cohere.com"

_BASE, _INPUT_TYPE = "cohere_api_base", "cohere_input_type"
_PATHS = {Task.CHAT: "v2/chat", Task.COMPLETIONS: "v2/chat", Task.EMBEDDINGS: "v2/embed"}
_GONE = ("/generate", "/v1/chat", "/v1/embed")
_COMPATIBILITY = "/compatibility/v1"
# Deprecated by one notice, together with the generate API.
_RETIRED = frozenset({
    "command", "command-light", "command-light-nightly", "command-nightly", "command-r", "command-r-03-2024",
    "command-r-plus", "command-r-plus-04-2024",
})  # fmt: skip
_SUCCESSOR = "command-a-03-2025"


def link_cohere(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: chat for chat and completions alike."""
    config = entity.config
    try:
        url = _url(config.get(_BASE, DEFAULT_BASE), entity.task)
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, _BASE)
        return Link(None, (Finding(code="XMC402", path=path, message=str(error), hint=error.hint),))
    target = Target(
        provider="cohere",
        task=entity.task,
        model=entity.model,
        url=url,
        auth=Auth(scheme="bearer", slots={"token": config["cohere_api_key"].name}),
        relay=Relay.NORMALISE,
        options={"input_type": config.get(_INPUT_TYPE, "search_document")} if entity.task is Task.EMBEDDINGS else {},
    )
    findings = (*_of_another_task(entity), *_retired(entity), *_without_effect(entity.task, config))
    return Link(None if any(one.severity is Severity.ERROR for one in findings) else target, findings)


def _url(base: str, task: Task) -> str:
    """Compose the URL. Raises `BaseUrlError`."""
    path = base.partition("?")[0].rstrip("/")
    gone = next((one for one in _GONE if path.endswith(one)), None)
    if path.endswith(_COMPATIBILITY):
        raise BaseUrlError(
            "the URL leads to Cohere's compatibility API, and here its own is spoken",
            f"write {DEFAULT_BASE}, or use the provider custom with this URL",
        )
    if gone is not None:
        raise BaseUrlError(
            f"the URL ends in {gone!r}, an API of version 1 that is not spoken here",
            f"write {base[: base.rindex(gone)].removesuffix('/v1') or DEFAULT_BASE}; chat and completions use /v2/chat",
        )
    return compose_versioned_url(base, _PATHS[task])


def _of_another_task(entity: EntitySpec) -> tuple[Finding, ...]:
    """Tell models of embeddings, and those that chat, by their names."""
    embeds = entity.model.lower().startswith("embed-")
    if embeds is (entity.task is Task.EMBEDDINGS) or not (embeds or entity.model.lower().startswith("command")):
        return ()
    does = "makes embeddings" if embeds else "chats"
    return (Finding(code="XMC404", path=("task",), message=f"the model {entity.model!r} {does}, and nothing else"),)


def _retired(entity: EntitySpec) -> tuple[Finding, ...]:
    if entity.model.lower() not in _RETIRED:
        return ()
    return (
        Finding(
            code="XMC420",
            path=("external_model", "name"),
            message=f"Cohere has deprecated {entity.model!r} since 2025-09-15",
            hint=f"its successor is {_SUCCESSOR}",
            severity=Severity.WARNING,
        ),
    )


def _without_effect(task: Task, config: Mapping[str, Any]) -> tuple[Finding, ...]:
    if task is Task.EMBEDDINGS or _INPUT_TYPE not in config:
        return ()
    return (
        Finding(
            code="XMC206",
            path=("external_model", CONFIG_KEY, _INPUT_TYPE),
            message=f"{_INPUT_TYPE} means something for embeddings only",
            hint=f"remove {_INPUT_TYPE}",
            severity=Severity.WARNING,
            at_key=True,
        ),
    )
