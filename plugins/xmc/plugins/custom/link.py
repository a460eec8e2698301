"""From a served entity with `custom_provider_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `custom_provider_config`.
"""

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_url
from xmc.schema import Auth, Finding, Relay, Target

CONFIG_KEY = "custom_provider_config"

# Headers that belong to the message itself; a credential in one of them would break the call.
_MESSAGE_HEADERS = frozenset({
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


def link_custom(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: bearer token or key header, everything normalised."""
    config = entity.config
    findings: list[Finding] = []
    url = ""
    try:
        url = compose_url(config["custom_provider_url"], entity.task)
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, "custom_provider_url")
        findings.append(Finding(code="XMC402", path=path, message=str(error), hint=error.hint))
    if "bearer_token_auth" in config:
        auth = Auth(scheme="bearer", slots={"token": config["bearer_token_auth"]["token"].name})
    else:
        key = config["api_key_auth"]["key"]
        auth = Auth(scheme="header-key", params={"header": key}, slots={"key": config["api_key_auth"]["value"].name})
        if key.lower() in _MESSAGE_HEADERS:
            findings.append(_message_header(key))
    if findings:
        return Link(None, tuple(findings))
    return Link(
        Target(
            provider="custom",
            task=entity.task,
            model=entity.model,
            url=url,
            auth=auth,
            relay=Relay.NORMALISE,
            options={} if config.get("stream_usage", True) else {"stream_usage": False},
        )
    )


def _message_header(key: str) -> Finding:
    return Finding(
        code="XMC403",
        path=("external_model", CONFIG_KEY, "api_key_auth", "key"),
        message=f"the header {key!r} belongs to the HTTP message and cannot carry a key",
        hint="write the name of the header that the provider reads the key from, such as X-API-Key",
    )
