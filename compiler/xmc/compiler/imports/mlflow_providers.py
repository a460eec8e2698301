"""What each provider of MLflow's gateway comes to. Source: mlflow 3.17.2, `gateway/config.py`, `gateway/providers`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xmc.compiler.imports.draft import Draft, LeftOutError
from xmc.compiler.imports.secret_book import Hidden, is_reference, of_environment
from xmc.compiler.imports.targets import (
    CHAT,
    COMPATIBLE,
    COMPLETIONS,
    CONFIG_KEYS,
    EMBEDDINGS,
    NO_AUTH,
    OPENAI_FORM,
    bedrock_vendor,
    ollama_url,
    workspace_url,
)
from xmc.compiler.node import Path


@dataclass(frozen=True, slots=True)
class Config:
    """A provider's configuration in the input, and where it stands."""

    path: Path
    values: dict[str, Any]

    def text(self, key: str) -> str | None:
        """Return a value that is text and not empty, else None."""
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    def below(self, key: str) -> "Config":
        """Return a mapping in this one; an empty one where there is none."""
        value = self.values.get(key)
        return Config((*self.path, key), value if isinstance(value, dict) else {})


Reader = Callable[[Draft, Config], None]


def hidden(value: str, key: str) -> Hidden:
    """Return what a key of MLflow's gateway names: `$VARIABLE`, the name of a file, or the key itself."""
    if value.startswith("$"):
        return of_environment(value[1:].strip("{}"))
    if is_reference(value):
        return Hidden(known=value)
    if re.match(r"(~|\.{0,2})/", value):
        return Hidden(key=key, put=f"the content of the file that {key} names", value=value)
    return Hidden(key=key, put=f"the value of {key}; if that is the name of a file, its content", value=value)


def _plain(draft: Draft, config: Config, *keys: str) -> None:
    """Carry texts over that are named alike on both sides."""
    for key in keys:
        value = config.text(key)
        if value is not None:
            draft.put(key, value, (*config.path, key))


def _secret(draft: Draft, config: Config, key: str, to: str = "", reason: str = "") -> None:
    value = config.text(key)
    if value is None:
        raise LeftOutError(f"left out: {key} is missing")
    draft.put(to or key, hidden(value, key), (*config.path, key), reason=reason)


def _own_form(provider: str, *keys: str) -> Reader:
    """Return the reader of a provider whose configuration has the same keys here."""

    def read(draft: Draft, config: Config) -> None:
        draft.provider, draft.config_key = provider, CONFIG_KEYS[provider]
        _secret(draft, config, keys[0])
        _plain(draft, config, *keys[1:])

    return read


def _openai(draft: Draft, config: Config, api_type: str = "") -> None:
    draft.provider, draft.config_key = "openai", CONFIG_KEYS["openai"]
    kind = (config.text("openai_api_type") or api_type or "openai").lower()
    if kind == "azuread":
        raise LeftOutError(
            "left out: its key is an Entra ID token that ends; azuread needs an application's secret here"
        )
    _secret(draft, config, "openai_api_key")
    if api_type and "openai_api_type" not in config.values:
        draft.put("openai_api_type", api_type)
    plain = ("openai_api_type", "openai_api_base", "openai_api_version", "openai_deployment_name")
    _plain(draft, config, *plain, "openai_organization")


def _azure(draft: Draft, config: Config) -> None:
    _openai(draft, config, "azure")


def _bedrock(draft: Draft, config: Config) -> None:
    draft.provider, draft.config_key = "amazon-bedrock", CONFIG_KEYS["amazon-bedrock"]
    aws = config.below("aws_config")
    vendor = bedrock_vendor(draft.model)
    if aws.text("aws_region") is None:
        raise LeftOutError("left out: aws_region is missing, and a target must have its region")
    _plain(draft, aws, "aws_region")
    draft.put("bedrock_provider", vendor)
    if aws.text("aws_bearer_token"):
        _secret(draft, aws, "aws_bearer_token")
    elif aws.text("aws_access_key_id"):
        _secret(draft, aws, "aws_access_key_id")
        _secret(draft, aws, "aws_secret_access_key")
        if aws.text("aws_session_token"):
            _secret(draft, aws, "aws_session_token")
    else:
        draft.put("aws_default_chain", True)
        reason = "no role is assumed: the keys that the gateway's host finds are used, so give the host this role"
        for key in ("aws_role_arn", "session_length_seconds"):
            draft.lose((*aws.path, key), reason)


def _compatible(service: str, key: str, base: str = "", tasks: tuple[str, ...] = (), note: str = "") -> Reader:
    """Return the reader of a service that speaks OpenAI's API."""

    def read(draft: Draft, config: Config) -> None:
        if tasks and draft.task not in tasks:
            raise LeftOutError(f"left out: of this provider {', '.join(tasks)} can be carried over")
        draft.provider, draft.config_key, draft.note = "custom", CONFIG_KEYS["custom"], note
        own = config.text(base) if base else None
        url = own or COMPATIBLE[service].url or ""
        draft.put("custom_provider_url", url, *([(*config.path, base)] if own else []))
        _secret(draft, config, key, "bearer_token_auth.token")

    return read


def _keyless(base: str, url: Callable[[str], str], reason: str, tasks: tuple[str, ...] = ()) -> Reader:
    """Return the reader of a server without keys that speaks OpenAI's API beside its own."""

    def read(draft: Draft, config: Config) -> None:
        own = config.text(base)
        if own is None:
            raise LeftOutError(f"left out: {base} is missing")
        if tasks and draft.task not in tasks:
            raise LeftOutError(f"left out: of this provider {', '.join(tasks)} can be carried over")
        draft.provider, draft.config_key = "custom", CONFIG_KEYS["custom"]
        draft.put("custom_provider_url", url(own), (*config.path, base), reason=reason)
        draft.put("bearer_token_auth.token", Hidden(key=f"{draft.provider}-token", put=NO_AUTH))

    return read


def _ollama(draft: Draft, config: Config) -> None:
    draft.provider, draft.config_key = "custom", CONFIG_KEYS["custom"]
    own = config.text("api_base")
    url = ollama_url(own) if own else COMPATIBLE["ollama"].url
    draft.put("custom_provider_url", url, *([(*config.path, "api_base")] if own else []))
    if config.text("api_key"):
        _secret(draft, config, "api_key", "bearer_token_auth.token")
    else:
        draft.put("bearer_token_auth.token", Hidden(key="ollama-token", put=NO_AUTH))


def _vertex(draft: Draft, config: Config) -> None:
    draft.provider, draft.config_key = "google-cloud-vertex-ai", CONFIG_KEYS["google-cloud-vertex-ai"]
    project = config.text("vertex_project")
    if project is None:
        raise LeftOutError("left out: vertex_project is missing")
    region, usual = config.text("vertex_location"), "us-central1" if draft.task == EMBEDDINGS else "global"
    note = "" if region else f"and the region {usual!r}, which MLflow takes where no vertex_location is set"
    draft.put("project_id", project, (*config.path, "vertex_project"), reason=note)
    draft.put("region", region or usual, *([(*config.path, "vertex_location")] if region else []))
    if config.text("vertex_credentials"):
        _secret(draft, config, "vertex_credentials", "private_key")
    else:
        put = "the JSON key of a service account; MLflow used the credentials of its host"
        draft.put("private_key", Hidden(key="vertex-private-key", put=put))
    reason = "it limits which betas a client may name; here every client may name those that its dialect allows"
    draft.lose((*config.path, "vertex_anthropic_betas"), reason)


def _databricks(draft: Draft, config: Config) -> None:
    draft.provider, draft.config_key = "databricks-model-serving", CONFIG_KEYS["databricks-model-serving"]
    host = config.text("host")
    if host is None or config.text("token") is None:
        raise LeftOutError("left out: host and token must be written down; a machine's own login is not used here")
    draft.put("databricks_workspace_url", workspace_url(host), (*config.path, "host"))
    _secret(draft, config, "token", "databricks_api_token")
    draft.lose((*config.path, "client_id"), "the token is used; this version does not log in with an application")
    draft.lose((*config.path, "client_secret"), "the token is used; this version does not log in with an application")


def _never(reason: str) -> Reader:
    def read(draft: Draft, config: Config) -> None:  # noqa: ARG001 - the form of all readers
        raise LeftOutError(f"left out: {reason}")

    return read


_TGI = "as a custom provider: the server must be one that has /v1/completions beside /generate"

PROVIDERS: dict[str, Reader] = {
    "openai": _openai,
    "azure": _azure,
    "anthropic": _own_form("anthropic", "anthropic_api_key", "anthropic_api_base", "anthropic_version"),
    "cohere": _own_form("cohere", "cohere_api_key"),
    "ai21labs": _own_form("ai21labs", "ai21labs_api_key"),
    "bedrock": _bedrock,
    "amazon-bedrock": _bedrock,
    "vertex-ai": _vertex,
    "databricks": _databricks,
    "databricks-model-serving": _databricks,
    "mistral": _compatible("mistral", "mistral_api_key"),
    "togetherai": _compatible("togetherai", "togetherai_api_key"),
    "gemini": _compatible("gemini", "gemini_api_key", tasks=(CHAT, EMBEDDINGS), note=OPENAI_FORM),
    "groq": _compatible("groq", "api_key", "api_base"),
    "deepseek": _compatible("deepseek", "api_key", "api_base"),
    "xai": _compatible("xai", "api_key", "api_base"),
    "openrouter": _compatible("openrouter", "api_key", "api_base"),
    "ollama": _ollama,
    "huggingface-text-generation-inference": _keyless(
        "hf_server_url", lambda url: f"{url.rstrip('/')}/v1", _TGI, (COMPLETIONS,)
    ),
    "mlflow-model-serving": _never("an MLflow model server answers /invocations in its own form, not in OpenAI's"),
    "mosaicml": _never("MosaicML's inference API is gone, and was not in OpenAI's form"),
    "palm": _never("the PaLM API is gone; use a Gemini model"),
    "litellm": _never("LiteLLM inside MLflow names its provider in a form of its own; name that provider itself"),
    "portkey": _never("Portkey needs headers that a custom provider does not send"),
    "sap-ai-core": _never("SAP AI Core has a login and URLs of its own"),
    "typesafe": _never("TypeSafe has an API of its own"),
}
