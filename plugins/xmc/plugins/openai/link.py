"""From a served entity with `openai_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `openai_config`; OpenAI API reference, "Authentication".
"""

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_url
from xmc.schema import Auth, Finding, Relay, Target

CONFIG_KEY = "openai_config"
DEFAULT_BASE = "https://api.openai.com/v1"

_API_BASE = "openai_api_base"
_API_TYPE = "openai_api_type"
_ENTRA_FIELDS = ("microsoft_entra_tenant_id", "microsoft_entra_client_id", "microsoft_entra_client_secret")
_HEADERS = (("openai_organization", "OpenAI-Organization"), ("openai_project", "OpenAI-Project"))


def link_openai(entity: EntitySpec) -> Link:
    """Compose the target of one served entity; bearer authentication, streams relayed exactly."""
    config = entity.config
    api_type = config.get(_API_TYPE, "openai")
    if api_type.lower() != "openai":
        return Link(None, (_not_in_this_version(api_type),))
    misplaced = [name for name in ("openai_deployment_name", *_ENTRA_FIELDS) if name in config]
    if misplaced:
        return Link(None, tuple(map(_only_for_azure, misplaced)))
    try:
        url = compose_url(config.get(_API_BASE, DEFAULT_BASE), entity.task, config.get("openai_api_version"))
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, _API_BASE)
        return Link(None, (Finding(code="XMC402", path=path, message=str(error), hint=error.hint),))
    return Link(
        Target(
            provider="openai",
            task=entity.task,
            model=entity.model,
            url=url,
            auth=Auth(scheme="bearer", slots={"token": config["openai_api_key"].name}),
            relay=Relay.EXACT,
            headers=tuple((header, config[name]) for name, header in _HEADERS if name in config),
        )
    )


def _not_in_this_version(api_type: str) -> Finding:
    return Finding(
        code="XMC401",
        path=("external_model", CONFIG_KEY, _API_TYPE),
        message=f"openai_api_type {api_type!r} is not in this version of xmc",
        hint="with an API key, Azure's v1 API (https://RESOURCE.openai.azure.com/openai/v1) can be reached with "
        "provider: custom and api_key_auth: {key: api-key, value: ...}",
    )


def _only_for_azure(name: str) -> Finding:
    return Finding(
        code="XMC403",
        path=("external_model", CONFIG_KEY, name),
        message=f"{name} belongs to Azure OpenAI and has no meaning with openai_api_type 'openai'",
        hint=f"remove {name}",
        at_key=True,
    )
