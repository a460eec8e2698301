"""From a served entity with `ai21labs_config` to its target.

Source: Databricks REST API, "Create a new serving endpoint", `ai21labs_config`; AI21 Studio API reference. The key
`ai21labs_api_base` is an extension of xmc.
"""

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_versioned_url
from xmc.schema import Auth, Finding, Relay, Severity, Target

CONFIG_KEY = "ai21labs_config"
DEFAULT_BASE = "https://api.ai21.com/studio"

_PATH = "v1/chat/completions"
_RETIRED = ("j2-", "j1-")
_SUCCESSOR = "jamba-large"


def link_ai21(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: chat completions for chat and completions alike."""
    config = entity.config
    try:
        url = compose_versioned_url(config.get("ai21labs_api_base", DEFAULT_BASE), _PATH)
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, "ai21labs_api_base")
        return Link(None, (Finding(code="XMC402", path=path, message=str(error), hint=error.hint),))
    target = Target(
        provider="ai21labs",
        task=entity.task,
        model=entity.model,
        url=url,
        auth=Auth(scheme="bearer", slots={"token": config["ai21labs_api_key"].name}),
        relay=Relay.NORMALISE,
    )
    return Link(target, _retired(entity))


def _retired(entity: EntitySpec) -> tuple[Finding, ...]:
    if not entity.model.lower().startswith(_RETIRED):
        return ()
    return (
        Finding(
            code="XMC420",
            path=("external_model", "name"),
            message=f"AI21 has not served {entity.model!r} since 2024-11-11; Jurassic models and their API are gone",
            hint=f"its successor is {_SUCCESSOR}",
            severity=Severity.WARNING,
        ),
    )
