"""From a served entity with `openai_config` of the types `azure` and `azuread` to its target.

Azure has two forms of URL. Deployments: `/openai/deployments/{deployment}/{route}?api-version=…`. Version 1, which a
base that ends in `/openai/v1` or the version `v1` or `preview` asks for: `/openai/v1/{route}`, with the deployment as
`model`. Sources: Databricks REST API, "Create a new serving endpoint", `openai_config`; Azure OpenAI REST API
reference, and "API version lifecycle" (2025-08-26).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import ROUTES, BaseUrlError, compose_path, compose_url
from xmc.schema import Auth, Finding, Relay, Severity, Target

CONFIG_KEY = "openai_config"
ENTRA_FIELDS = (
    "microsoft_entra_tenant_id",
    "microsoft_entra_client_id",
    "microsoft_entra_client_secret",
    "microsoft_entra_authority",
    "microsoft_entra_scope",
)

_V1 = "/openai/v1"
_VERSIONS_OF_V1 = frozenset({"v1", "preview"})
# The first version that knows `stream_options`; an older one answers 400 to what it does not know.
_KNOWS_STREAM_OPTIONS = "2024-09-01"
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_WITHOUT_EFFECT = ("openai_organization", "openai_project")
# Clouds of their own: end of the host, sign-in service, and the audience of tokens.
_CLOUDS = (
    (".azure.us", "https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
    (".azure.cn", "https://login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default"),
)
_PUBLIC = ("https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default")


def link_azure(entity: EntitySpec, api_type: str) -> Link:
    """Compose the target of one served entity. `api_type` is `azure` (a key) or `azuread` (Entra ID)."""
    config = entity.config
    unused = ENTRA_FIELDS if api_type == "azure" else ("openai_api_key",)
    findings = [_misplaced(name, api_type) for name in unused if name in config]
    findings += [_without_effect(name) for name in _WITHOUT_EFFECT if name in config]
    base, version = config["openai_api_base"], config.get("openai_api_version")
    is_v1 = _is_v1(base) or (version is not None and version.lower() in _VERSIONS_OF_V1)
    if is_v1 and version is not None and version.lower() not in _VERSIONS_OF_V1:
        findings.append(_dated_version(version))
    deployment = config["openai_deployment_name"]
    url, auth = "", _key_auth(config)
    try:
        url = _v1_url(base, entity, version) if is_v1 else _deployment_url(base, entity, deployment, version)
        if api_type == "azuread":
            auth = _entra_auth(config, base)
    except _FieldError as error:
        findings.append(_unusable(error.field, error.__cause__ or error))
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Link(None, tuple(findings))
    target = Target(
        provider="openai",
        task=entity.task,
        model=deployment if is_v1 else entity.model,
        url=url,
        auth=auth,
        # Chunks without choices and choices without delta are Azure's own; no client is asked to bear them.
        relay=Relay.NORMALISE,
        region=_region(url),
        options={
            "own_encoding": False,
            "repair": True,
            **({} if is_v1 or _knows_stream_options(version) else {"stream_usage": False}),
        },
    )
    return Link(target, tuple(findings))


def _region(url: str) -> str:
    """Return the region that a regional host names; a resource's own host does not tell.

    Source: Azure docs, "Azure AI services regional endpoints".

    >>> _region("https://westeurope.api.cognitive.microsoft.com/openai"), _region("https://a.openai.azure.com/openai")
    ('westeurope', 'unknown')
    """
    found = re.match(r"https://([a-z0-9]+)\.api\.cognitive\.microsoft\.com/", url)
    return found[1] if found else "unknown"


class _FieldError(ValueError):
    """A field that holds no usable URL; its cause, if any, is the `BaseUrlError`."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def _is_v1(base: str) -> bool:
    path = base.partition("?")[0].rstrip("/")
    return path.endswith(_V1) or any(path.endswith(f"{_V1}/{route}") for route in ROUTES.values())


def _v1_url(base: str, entity: EntitySpec, version: str | None) -> str:
    """Compose a URL of version 1. Raises `_FieldError`.

    `api-version` is sent for `preview` alone; version 1 itself needs none.
    """
    head, mark, query = base.partition("?")
    stem = head.rstrip("/")
    if not _is_v1(base):
        stem = stem.removesuffix("/openai") + _V1
    preview = version.lower() if version is not None and version.lower() == "preview" else None
    try:
        return compose_url(f"{stem}{mark}{query}", entity.task, preview)
    except BaseUrlError as error:
        raise _FieldError("openai_api_base") from error


def _deployment_url(base: str, entity: EntitySpec, deployment: str, version: str | None) -> str:
    """Compose a URL with the deployment in its path, also where that has been pasted whole. Raises `_FieldError`."""
    route = f"{quote(deployment, safe='-_.~')}/{ROUTES[entity.task]}"
    head, _, query = base.partition("?")
    stem, mark, pasted = head.rstrip("/").partition("/openai/deployments/")
    if mark and pasted not in {route, route.partition("/")[0]}:
        another = BaseUrlError(
            f"the URL leads to {mark}{pasted}, and the rest of the configuration to {mark}{route}",
            "write the resource's URL alone: https://RESOURCE.openai.azure.com",
        )
        raise _FieldError("openai_api_base") from another
    others = "&".join(pair for pair in query.split("&") if pair and pair.partition("=")[0] != "api-version")
    resource = stem.rstrip("/").removesuffix("/openai")
    try:
        url = compose_path(f"{resource}?{others}".rstrip("?"), f"openai/deployments/{route}")
    except BaseUrlError as error:
        raise _FieldError("openai_api_base") from error
    return f"{url}{'&' if '?' in url else '?'}api-version={quote(version or '', safe='')}"


def _key_auth(config: Mapping[str, Any]) -> Auth:
    slot = config.get("openai_api_key")
    return Auth(scheme="header-key", params={"header": "api-key"}, slots={} if slot is None else {"key": slot.name})


def _entra_auth(config: Mapping[str, Any], base: str) -> Auth:
    """Name the sign-in service and the audience: those of the base's cloud, unless said otherwise.

    Raises `_FieldError`.
    """
    host = urlsplit(base).hostname or ""
    authority, scope = next((cloud[1:] for cloud in _CLOUDS if host.endswith(cloud[0])), _PUBLIC)
    try:
        authority = compose_path(config.get("microsoft_entra_authority", authority), "").rstrip("/")
    except BaseUrlError as error:
        raise _FieldError("microsoft_entra_authority") from error
    if "?" in authority:
        with_query = BaseUrlError("this URL holds a query", "write the sign-in service's host: https://HOST")
        raise _FieldError("microsoft_entra_authority") from with_query
    return Auth(
        scheme="entra-client-secret",
        params={
            "authority": authority,
            "tenant": config["microsoft_entra_tenant_id"],
            "client_id": config["microsoft_entra_client_id"],
            "scope": config.get("microsoft_entra_scope", scope),
        },
        slots={"client_secret": config["microsoft_entra_client_secret"].name},
    )


def _knows_stream_options(version: str | None) -> bool:
    """Tell by its date whether a version takes `stream_options`.

    >>> _knows_stream_options("2024-10-21"), _knows_stream_options("2024-06-01"), _knows_stream_options("mine")
    (True, False, True)
    """
    dated = _DATED.match(version or "")
    return dated is None or dated[0] >= _KNOWS_STREAM_OPTIONS


def _path(name: str) -> tuple[str, ...]:
    return ("external_model", CONFIG_KEY, name)


def _misplaced(name: str, api_type: str) -> Finding:
    return Finding(
        code="XMC403",
        path=_path(name),
        message=f"{name} has no meaning with openai_api_type {api_type!r}",
        hint=f"remove {name}, or write openai_api_type: {'azuread' if api_type == 'azure' else 'azure'}",
        at_key=True,
    )


def _without_effect(name: str) -> Finding:
    return Finding(
        code="XMC206",
        path=_path(name),
        message=f"{name} means nothing to Azure OpenAI, and is not sent",
        hint=f"remove {name}",
        severity=Severity.WARNING,
        at_key=True,
    )


def _dated_version(version: str) -> Finding:
    return Finding(
        code="XMC206",
        path=_path("openai_api_version"),
        message=f"Azure's API below {_V1} has no dated versions, so {version!r} is not sent",
        hint="remove openai_api_version, or `/openai/v1` from openai_api_base",
        severity=Severity.WARNING,
    )


def _unusable(field: str, error: BaseException) -> Finding:
    hint = error.hint if isinstance(error, BaseUrlError) else None
    return Finding(code="XMC402", path=_path(field), message=str(error), hint=hint)
