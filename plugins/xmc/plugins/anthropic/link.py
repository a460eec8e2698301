"""From a served entity with `anthropic_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `anthropic_config`; Anthropic API reference, "Versioning".
The keys beyond the API key are extensions of xmc.
"""

from xmc.plugins.anthropic.dialect import CLIENT_HEADERS, DIALECT
from xmc.plugins.anthropic.family import Family, family_of
from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_versioned_url
from xmc.schema import CANONICAL, Auth, Finding, Relay, Severity, Target

CONFIG_KEY = "anthropic_config"
DEFAULT_BASE = "https://api.anthropic.com"
DEFAULT_VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 4096

_PATH = "v1/messages"
_NO_SAMPLING_SINCE = "2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")


def link_anthropic(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: the Messages API for chat and completions alike, key in `x-api-key`."""
    config = entity.config
    try:
        url = compose_versioned_url(config.get("anthropic_api_base", DEFAULT_BASE), _PATH)
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, "anthropic_api_base")
        return Link(None, (Finding(code="XMC402", path=path, message=str(error), hint=error.hint),))
    version = config.get("anthropic_version", DEFAULT_VERSION)
    family = family_of(entity.model)
    refused = family.refuses or (_SAMPLING if version >= _NO_SAMPLING_SINCE else ())
    target = Target(
        provider="anthropic",
        task=entity.task,
        model=entity.model,
        url=url,
        auth=Auth(scheme="header-key", params={"header": "x-api-key"}, slots={"key": config["anthropic_api_key"].name}),
        relay=Relay.NORMALISE,
        headers=(("anthropic-version", version),),
        dialects=(CANONICAL, DIALECT),
        client_headers=CLIENT_HEADERS,
        options={
            "default_max_tokens": config.get("anthropic_default_max_tokens", DEFAULT_MAX_TOKENS),
            "thinking": family.thinking.value,
            "drop": sorted(set(config.get("anthropic_drop_params", ()))),
            "drop_neutral": [name for name in _SAMPLING if name in refused],
            "beta": list(dict.fromkeys(config.get("anthropic_beta", ()))),
        },
    )
    return Link(target, (*_end_of_life(entity, family), *_refusals(entity, refused)))


def _end_of_life(entity: EntitySpec, family: Family) -> tuple[Finding, ...]:
    if family.ends is None:
        return ()
    return (
        Finding(
            code="XMC420",
            path=("external_model", "name"),
            message=f"Anthropic serves {entity.model!r} until {family.ends} at the latest",
            hint=f"its successor is {family.successor}",
            severity=Severity.WARNING,
        ),
    )


def _refusals(entity: EntitySpec, refused: tuple[str, ...]) -> tuple[Finding, ...]:
    if not refused or "anthropic_drop_params" in entity.config:
        return ()
    return (
        Finding(
            code="XMC421",
            path=("external_model", "name"),
            message=f"{entity.model!r} refuses {', '.join(refused)}: a request that sets one gets the provider's error",
            hint=f"list in {CONFIG_KEY}.anthropic_drop_params what xmc shall drop, or [] if clients see to it",
            severity=Severity.WARNING,
        ),
    )
