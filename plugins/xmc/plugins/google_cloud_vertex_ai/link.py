"""From a served entity with `google_cloud_vertex_ai_config` to its target.

Sources: Databricks REST API, "Create a new serving endpoint", `google_cloud_vertex_ai_config`; Vertex AI API reference,
service endpoints; google-genai 3.4.0 and anthropic-python 2.12.0 for hosts and paths. Keys that say so are extensions.
"""

import re
from typing import Any
from urllib.parse import quote

from xmc.plugins.anthropic.dialect import BETA, DIALECT
from xmc.plugins.anthropic.family import family_of as claude_of
from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.google_cloud_vertex_ai.models import Protocol, end_of, family_of, protocol_of, publisher_of
from xmc.plugins.openai_family import BaseUrlError, compose_versioned_url
from xmc.schema import CANONICAL, Auth, Finding, Relay, Severity, Target, Task

CONFIG_KEY = "google_cloud_vertex_ai_config"
ANTHROPIC_VERSION = "vertex-2023-10-16"
"""Stands in the bodies of calls to models of Anthropic, in place of a header."""

DEFAULT_MAX_TOKENS = 4096
_SAMPLING = ("temperature", "top_p", "top_k")
_VERBS = {
    Protocol.GEMINI: "generateContent",
    Protocol.CLAUDE: "rawPredict",
    Protocol.PREDICT: "predict",
    Protocol.EMBED: "embedContent",
}
_SAFE = "@.-_~"


def link_vertex(entity: EntitySpec) -> Link:
    """Compose the target of one served entity; the model's name decides by which of the APIs."""
    config = entity.config
    protocol = protocol_of(entity.model, entity.task)
    findings = (*_task_not_served(entity, protocol), *_about_model(entity, protocol))
    base = config.get("vertex_api_base", _base(config["region"]))
    try:
        url = compose_versioned_url(base, _path(entity, protocol))
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, "vertex_api_base")
        return Link(None, (*findings, Finding(code="XMC402", path=path, message=str(error), hint=error.hint)))
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Link(None, findings)
    params = {name: config[name] for name in ("client_email", "token_uri") if name in config}
    is_claude = protocol is Protocol.CLAUDE
    target = Target(
        provider="google-cloud-vertex-ai",
        task=entity.task,
        model=entity.model,
        url=url,
        auth=Auth(scheme="google-service-account", params=params, slots={"private_key": config["private_key"].name}),
        relay=Relay.NORMALISE,
        region=config["region"],
        dialects=(CANONICAL, DIALECT) if is_claude else (CANONICAL,),
        client_headers=(BETA,) if is_claude else (),
        options={"protocol": protocol.value, **_options(entity, protocol)},
    )
    return Link(target, findings)


def _base(region: str) -> str:
    """Return the host of a region, a multi-region, or of all.

    >>> _base("europe-west4"), _base("eu"), _base("global")
    ('https://europe-west4-aiplatform.googleapis.com', 'https://aiplatform.eu.rep.googleapis.com', 'https://aiplatform.googleapis.com')
    """
    if region == "global":
        return "https://aiplatform.googleapis.com"
    if region in {"eu", "us"}:
        return f"https://aiplatform.{region}.rep.googleapis.com"
    return f"https://{region}-aiplatform.googleapis.com"


def _path(entity: EntitySpec, protocol: Protocol) -> str:
    """Return the path of a call that does not stream, from the API's version on."""
    config = entity.config
    where = f"v1/projects/{config['project_id']}/locations/{config['region']}"
    if protocol is Protocol.PARTNER:
        return f"{where}/endpoints/openapi/{'embeddings' if entity.task is Task.EMBEDDINGS else 'chat/completions'}"
    name = quote(entity.model, safe=_SAFE)
    if entity.model.isascii() and entity.model.isdigit():  # a model of one's own, on an endpoint of one's own
        return f"{where}/endpoints/{name}:{_VERBS[protocol]}"
    publisher = "anthropic" if protocol is Protocol.CLAUDE else "google"
    return f"{where}/publishers/{publisher}/models/{name}:{_VERBS[protocol]}"


def _options(entity: EntitySpec, protocol: Protocol) -> dict[str, Any]:
    config = entity.config
    drop = sorted(set(config.get("vertex_drop_params", ())))
    if protocol is Protocol.GEMINI:
        return {"drop": drop}
    if protocol is not Protocol.CLAUDE:
        return {}
    family = claude_of(_bare(entity.model))
    return {
        "default_max_tokens": config.get("vertex_default_max_tokens", DEFAULT_MAX_TOKENS),
        "thinking": family.thinking.value,
        "drop": [name for name in drop if name in _SAMPLING],
        "drop_neutral": [name for name in _SAMPLING if name in family.refuses],
        "beta": list(dict.fromkeys(config.get("vertex_beta", ()))),
        "body_version": ANTHROPIC_VERSION,
    }


def _bare(model: str) -> str:
    """Return the name of a model of Anthropic as its own API has it.

    >>> _bare("claude-sonnet-4-5@20250929"), _bare("claude-3-5-sonnet-v2@20241022")
    ('claude-sonnet-4-5-20250929', 'claude-3-5-sonnet-20241022')
    """
    return re.sub(r"(-v[0-9]+)?@", "-", model)


def _task_not_served(entity: EntitySpec, protocol: Protocol) -> tuple[Finding, ...]:
    embeds = "embedding" in entity.model.lower()
    if entity.task is Task.EMBEDDINGS:
        if protocol is Protocol.CLAUDE or (protocol is Protocol.EMBED and not embeds):
            message = f"{entity.model!r} makes no embeddings; gemini-embedding-001 and text-embedding-005 do"
            return (_finding("XMC404", "task", message),)
        if entity.model.lower().startswith("multimodalembedding"):
            message = f"{entity.model!r} takes images beside text, in a form that xmc does not have"
            return (_finding("XMC404", "task", message, "for text use gemini-embedding-001"),)
    elif embeds:
        message = f"{entity.model!r} makes embeddings and does not serve {entity.task.value}"
        return (_finding("XMC404", "task", message, f"use the task {Task.EMBEDDINGS.value}"),)
    return ()


def _about_model(entity: EntitySpec, protocol: Protocol) -> tuple[Finding, ...]:
    model = entity.model
    if protocol is Protocol.PARTNER:
        publisher, path = publisher_of(model), re.fullmatch(r"(?:projects/.*|publishers/[^/]+/)?models/([^/]+)", model)
        if path is not None:
            message = f"{model!r} is the path of a model, and the name of none"
            return (_finding("XMC430", "name", message, f"the name is likely {path[1]}", Severity.WARNING),)
        if "/" in model:
            return ()
        message = f"Vertex AI knows the models of its partners by publisher and name, and {model!r} names no publisher"
        hint = None if publisher is None else f"the name is likely {publisher}/{model}"
        return (_finding("XMC430", "name", message, hint, Severity.WARNING),)
    successor = end_of(model)
    if successor is not None and protocol is not Protocol.CLAUDE:
        message = f"Google no longer serves {model!r}, or not for long"
        return (_finding("XMC420", "name", message, f"its successor is {successor}", Severity.WARNING),)
    refused = claude_of(_bare(model)).refuses if protocol is Protocol.CLAUDE else family_of(model).refuses
    embeds = entity.task is Task.EMBEDDINGS
    if not refused or embeds or "vertex_drop_params" in entity.config:
        return ()
    message = f"{model!r} refuses {', '.join(refused)}: a request that sets one gets the provider's error"
    hint = f"list in {CONFIG_KEY}.vertex_drop_params what xmc shall drop, or [] if clients see to it"
    return (_finding("XMC421", "name", message, hint, Severity.WARNING),)


def _finding(
    code: str, key: str, message: str, hint: str | None = None, severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(code=code, path=("external_model", key), message=message, hint=hint, severity=severity)
