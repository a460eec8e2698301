"""From a served entity with `openai_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `openai_config`; OpenAI API reference, "Authentication".
"""

import re

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai.azure import CONFIG_KEY, ENTRA_FIELDS, link_azure
from xmc.plugins.openai_family import BaseUrlError, compose_url
from xmc.schema import Auth, Finding, Relay, Target

DEFAULT_BASE = "https://api.openai.com/v1"

_API_BASE = "openai_api_base"
_HEADERS = (("openai_organization", "OpenAI-Organization"), ("openai_project", "OpenAI-Project"))


def link_openai(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: OpenAI itself, with exactly relayed streams, or Azure."""
    config = entity.config
    api_type = config.get("openai_api_type", "openai").lower()
    if api_type != "openai":
        return link_azure(entity, api_type)
    misplaced = [name for name in ("openai_deployment_name", *ENTRA_FIELDS) if name in config]
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
            region=_region(url),
            headers=tuple((header, config[name]) for name, header in _HEADERS if name in config),
        )
    )


def _region(url: str) -> str:
    """Return the region that the host of a project with data residency names.

    Source: OpenAI platform docs, "Your data", "Data residency".

    >>> _region("https://eu.api.openai.com/v1/embeddings"), _region("https://api.openai.com/v1/embeddings")
    ('eu', 'unknown')
    """
    found = re.match(r"https://([a-z]{2})\.api\.openai\.com/", url)
    return found[1] if found else "unknown"


def _only_for_azure(name: str) -> Finding:
    return Finding(
        code="XMC403",
        path=("external_model", CONFIG_KEY, name),
        message=f"{name} belongs to Azure OpenAI and has no meaning with openai_api_type 'openai'",
        hint=f"remove {name}",
        at_key=True,
    )
