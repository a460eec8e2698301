"""What each provider prefix of LiteLLM comes to. Source: litellm 1.110.2, `get_llm_provider_logic.py`, `llms/*`."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from xmc.compiler.imports.draft import Draft, LeftOutError
from xmc.compiler.imports.litellm_params import Params
from xmc.compiler.imports.secret_book import Hidden
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

Reader = Callable[[Draft, Params], None]

_BASE = ("api_base", "base_url")
_REGION_IN_MODEL = re.compile(r"^(?:(?:converse|converse_like|invoke)/)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/)?")
_ROLE = "no role is assumed: the keys that the gateway's host finds are used, so give the host this identity"
_AWS_IDENTITY = (
    "aws_role_name", "aws_session_name", "aws_profile_name", "aws_web_identity_token", "aws_sts_endpoint",
    "aws_external_id", "aws_session_tags",
)  # fmt: skip
_BARE = (
    (re.compile(r"(gpt-|o[1-9]|chatgpt-|text-embedding-|davinci|babbage|ft:)"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"(command|embed-)"), "cohere"),
)
_OPENAI_HOST = re.compile(r"(^|\.)openai\.com$")


def split_model(model: str, named: str | None) -> tuple[str, str]:
    """Return prefix and model of LiteLLM's `model`; `named` is its `custom_llm_provider`.

    Raises:
        LeftOutError: the provider cannot be told.

    >>> split_model("azure/my-deployment", None), split_model("gpt-4o", None), split_model("org/model", "openai")
    (('azure', 'my-deployment'), ('openai', 'gpt-4o'), ('openai', 'org/model'))
    """
    prefix, slash, rest = model.partition("/")
    if named is not None:
        return named, rest if slash and prefix == named else model
    if slash and prefix in PREFIXES:
        return prefix, rest
    if not slash:
        for pattern, provider in _BARE:
            if pattern.match(model):
                return provider, model
    raise LeftOutError("left out: this import does not know the provider of the model")


def task_of(prefix: str, model: str, mode: str | None) -> str:
    """Return the task of a model: as `model_info.mode` says, else by its name.

    Raises:
        LeftOutError: no endpoint of a spec does that.

    >>> task_of("openai", "text-embedding-3-small", None), task_of("azure", "chat-1", "completion")
    ('llm/v1/embeddings', 'llm/v1/completions')
    """
    modes = {"chat": CHAT, "completion": COMPLETIONS, "embedding": EMBEDDINGS}
    if mode is not None:
        if mode not in modes:
            raise LeftOutError(f"left out: endpoints serve {', '.join(modes)}, and not the mode of this entry")
        return modes[mode]
    if re.search(r"embed|\bbge-|\be5-", model):
        return EMBEDDINGS
    instruct = re.search(r"^(gpt-3\.5-turbo-instruct|davinci-002|babbage-002)", model)
    return COMPLETIONS if prefix in {"text-completion-openai", "azure_text"} or instruct else CHAT


def _use(draft: Draft, provider: str) -> None:
    draft.provider, draft.config_key = provider, CONFIG_KEYS[provider]


def _openai(draft: Draft, params: Params) -> None:
    base = params.text(*_BASE)
    if base is not None and not _OPENAI_HOST.search(urlsplit(base[0]).hostname or ""):
        _custom(draft, params, "own", "OPENAI_API_KEY")
        draft.lose(params.places.get("organization", ("-",)), "a custom provider is sent no organization")
        return
    _use(draft, "openai")
    params.secret(draft, "openai_api_key", "api_key", "OPENAI_API_KEY")
    params.put(draft, "openai_api_base", *_BASE)
    params.put(draft, "openai_organization", "organization")


def _azure(draft: Draft, params: Params) -> None:
    _use(draft, "openai")
    if params.raw("client_secret"):
        draft.put("openai_api_type", "azuread")
        params.require(draft, "microsoft_entra_tenant_id", "tenant_id")
        params.require(draft, "microsoft_entra_client_id", "client_id")
        params.secret(draft, "microsoft_entra_client_secret", "client_secret")
    elif params.raw("azure_ad_token"):
        raise LeftOutError("left out: azure_ad_token ends within hours; Entra ID needs an application's secret here")
    else:
        draft.put("openai_api_type", "azure")
        params.secret(draft, "openai_api_key", "api_key", "AZURE_API_KEY")
    params.require(draft, "openai_api_base", *_BASE, variables=("AZURE_API_BASE",))
    params.require(draft, "openai_api_version", "api_version", variables=("AZURE_API_VERSION",))
    draft.put("openai_deployment_name", draft.model, params.places["model"])


def _keyed(provider: str, variable: str, key: str, base: str = "") -> Reader:
    """Return the reader of a provider that takes a key and perhaps a base URL."""

    def read(draft: Draft, params: Params) -> None:
        _use(draft, provider)
        params.secret(draft, key, "api_key", variable)
        if base:
            params.put(draft, base, *_BASE)

    return read


def _bedrock(draft: Draft, params: Params) -> None:
    _use(draft, "amazon-bedrock")
    match = _REGION_IN_MODEL.match(draft.model)
    region = match["region"] if match else None
    draft.model = draft.model[match.end() :] if match else draft.model
    draft.put("bedrock_provider", bedrock_vendor(draft.model))
    if region:
        draft.put("aws_region", region, params.places["model"])
        draft.lose(params.places.get("aws_region_name", ("-",)), "the model's name has a region, which wins")
    else:
        params.require(draft, "aws_region", "aws_region_name", variables=("AWS_REGION_NAME", "AWS_REGION"))
    params.put(draft, "bedrock_api_base", "aws_bedrock_runtime_endpoint")
    if any(params.values.get(key) for key in _AWS_IDENTITY):
        draft.put("aws_default_chain", True)
        for key in (*_AWS_IDENTITY, "aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
            draft.lose(params.places.get(key, ("-",)), _ROLE)
    elif params.secret(draft, "aws_bearer_token", "api_key"):
        pass
    elif params.raw("aws_access_key_id"):
        params.secret(draft, "aws_access_key_id", "aws_access_key_id")
        params.secret(draft, "aws_secret_access_key", "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY")
        params.secret(draft, "aws_session_token", "aws_session_token")
    else:
        draft.put("aws_default_chain", True)


def _vertex(draft: Draft, params: Params) -> None:
    _use(draft, "google-cloud-vertex-ai")
    params.require(draft, "project_id", "vertex_project", "vertex_ai_project", variables=("VERTEXAI_PROJECT",))
    params.require(draft, "region", "vertex_location", "vertex_ai_location", variables=("VERTEXAI_LOCATION",))
    params.put(draft, "vertex_api_base", *_BASE)
    written = params.raw("vertex_credentials") or ""
    if isinstance(params.values.get("vertex_credentials"), dict):
        put = "the JSON key of the service account that vertex_credentials spells out"
        value = repr(params.values["vertex_credentials"])
        draft.put("private_key", Hidden("vertex-private-key", put, value), params.places["vertex_credentials"])
        return
    is_text = written.lstrip().startswith("{")
    put = "the service account's key that was typed in" if is_text else "the content of the file that it names"
    if not params.secret(draft, "private_key", "vertex_credentials", put=put):
        put = "the JSON key of a service account; LiteLLM used the credentials of its host"
        draft.put("private_key", Hidden("vertex-private-key", put))


def _databricks(draft: Draft, params: Params) -> None:
    _use(draft, "databricks-model-serving")
    params.require(draft, "databricks_workspace_url", *_BASE, variables=("DATABRICKS_API_BASE",))
    draft.config["databricks_workspace_url"] = workspace_url(draft.config["databricks_workspace_url"])
    params.secret(draft, "databricks_api_token", "api_key", "DATABRICKS_API_KEY")


def _custom(draft: Draft, params: Params, service: str, variable: str) -> None:
    """Make the draft one of a server that speaks OpenAI's API."""
    _use(draft, "custom")
    if not params.put(draft, "custom_provider_url", *_BASE):
        url = COMPATIBLE[service].url
        if url is None:
            raise LeftOutError("left out: api_base is missing")
        draft.put("custom_provider_url", url)
    if not params.secret(draft, "bearer_token_auth.token", "api_key", variable):
        draft.put("bearer_token_auth.token", Hidden("custom-token", NO_AUTH))


def _compatible(service: str, note: str = "", variable: str = "") -> Reader:
    """Return the reader of a service that speaks OpenAI's API."""

    def read(draft: Draft, params: Params) -> None:
        draft.note = note
        _custom(draft, params, service, variable or COMPATIBLE[service].variable)

    return read


def _ollama(draft: Draft, params: Params) -> None:
    draft.note = OPENAI_FORM
    _custom(draft, params, "ollama", "")
    draft.config["custom_provider_url"] = ollama_url(draft.config["custom_provider_url"])


def _gemini(draft: Draft, params: Params) -> None:
    if params.text(*_BASE) is not None:
        raise LeftOutError(
            "left out: its api_base has Google's own form behind it, which a custom provider does not speak"
        )
    _compatible("gemini", OPENAI_FORM)(draft, params)


PREFIXES: dict[str, Reader] = {
    "openai": _openai,
    "text-completion-openai": _openai,
    "custom_openai": _openai,
    "azure": _azure,
    "azure_text": _azure,
    "anthropic": _keyed("anthropic", "ANTHROPIC_API_KEY", "anthropic_api_key", "anthropic_api_base"),
    "bedrock": _bedrock,
    "vertex_ai": _vertex,
    "vertex_ai_beta": _vertex,
    "cohere": _keyed("cohere", "COHERE_API_KEY", "cohere_api_key", "cohere_api_base"),
    "cohere_chat": _keyed("cohere", "COHERE_API_KEY", "cohere_api_key", "cohere_api_base"),
    "ai21": _keyed("ai21labs", "AI21_API_KEY", "ai21labs_api_key", "ai21labs_api_base"),
    "ai21_chat": _keyed("ai21labs", "AI21_API_KEY", "ai21labs_api_key", "ai21labs_api_base"),
    "databricks": _databricks,
    "gemini": _gemini,
    "ollama": _ollama,
    "ollama_chat": _ollama,
    "groq": _compatible("groq"),
    "deepseek": _compatible("deepseek"),
    "mistral": _compatible("mistral", variable="MISTRAL_API_KEY"),
    "together_ai": _compatible("togetherai", variable="TOGETHERAI_API_KEY"),
    "xai": _compatible("xai"),
    "fireworks_ai": _compatible("fireworks"),
    "perplexity": _compatible("perplexity"),
    "openrouter": _compatible("openrouter"),
    "cerebras": _compatible("cerebras"),
    "sambanova": _compatible("sambanova"),
    "nvidia_nim": _compatible("nvidia"),
    "deepinfra": _compatible("deepinfra"),
    "hosted_vllm": _compatible("own"),
    "lm_studio": _compatible("own"),
    "llamafile": _compatible("own"),
    "openai_like": _compatible("own"),
    "litellm_proxy": _compatible("own"),
}
