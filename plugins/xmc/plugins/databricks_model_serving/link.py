"""From a served entity with `databricks_model_serving_config` to its target.

`external_model.name` is the endpoint's name. Every task goes to its `/invocations`, which says 400 to a `model` in the
body. Source: Databricks REST API, "Query a serving endpoint", "Create a new serving endpoint".
"""

import re
from urllib.parse import quote, unquote

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_path
from xmc.schema import Auth, Finding, Relay, Target

CONFIG_KEY = "databricks_model_serving_config"

_URL = "databricks_workspace_url"
_ENDPOINTS = "/serving-endpoints"
# `https:/host` has a scheme too: taken for a host of the name `https`, it would be sent the token.
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|https?:)", re.IGNORECASE)


def link_databricks(entity: EntitySpec) -> Link:
    """Compose the target of one served entity: a bearer token, everything normalised."""
    config = entity.config
    try:
        url = _invocations(config[_URL], entity.model)
    except BaseUrlError as error:
        path = ("external_model", CONFIG_KEY, _URL)
        return Link(None, (Finding(code="XMC402", path=path, message=str(error), hint=error.hint),))
    return Link(
        Target(
            provider="databricks-model-serving",
            task=entity.task,
            model=entity.model,
            url=url,
            auth=Auth(scheme="bearer", slots={"token": config["databricks_api_token"].name}),
            relay=Relay.NORMALISE,
            options={"model_in_url": True, "stream_usage": config.get("stream_usage", False)},
        )
    )


def _invocations(workspace: str, endpoint: str) -> str:
    """Compose the URL from a workspace's, which people write in several ways. Raises `BaseUrlError`.

    >>> _invocations("adb-1.2.azuredatabricks.net/serving-endpoints/", "my model")
    'https://adb-1.2.azuredatabricks.net/serving-endpoints/my%20model/invocations'
    """
    base = workspace if _SCHEME.match(workspace) else f"https://{workspace}"
    if "?" in base:
        raise BaseUrlError("the workspace's URL holds a query", "write the workspace's URL alone: https://HOST")
    name = quote(endpoint, safe="-_.~")
    head, _, below = f"{base.rstrip('/')}/".partition(f"{_ENDPOINTS}/")
    if unquote(below.rstrip("/")) not in {"", endpoint, f"{endpoint}/invocations"}:
        raise BaseUrlError(
            "the workspace's URL names another endpoint than the served entity",
            "write the workspace's URL alone: https://HOST; the endpoint's name belongs into external_model.name",
        )
    return compose_path(head.rstrip("/"), f"serving-endpoints/{name}/invocations")
