"""From a served entity with `amazon_bedrock_config` to its target.

Sources: Databricks REST API, "Create a new serving endpoint", `amazon_bedrock_config`; Amazon Bedrock API reference,
"Converse", "InvokeModel"; botocore 1.44.5, endpoint rules of `bedrock-runtime`. Keys that say so are extensions of xmc.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from xmc.plugins.amazon_bedrock.models import EMBEDDERS, Embedder, embedder_of, end_of, near_miss, where
from xmc.plugins.contract import EntitySpec, Link
from xmc.plugins.openai_family import BaseUrlError, compose_path
from xmc.schema import Auth, Finding, Relay, Severity, Target, Task

CONFIG_KEY = "amazon_bedrock_config"
SERVICE = "bedrock"
"""The name that signatures carry; the host is another one's."""

_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def link_bedrock(entity: EntitySpec) -> Link:
    """Compose the target of one served entity."""
    config = entity.config
    region = config["aws_region"]
    auth, findings = _auth(config, region)
    embedder, more = _embedder(entity)
    findings = (*findings, *more, *_about_model(entity))
    operation = "invoke" if entity.task is Task.EMBEDDINGS else "converse"
    # As botocore encodes it: everything but unreserved characters, so that an ARN is one segment of the path.
    path = f"model/{quote(entity.model, safe='-_.~')}/{operation}"
    try:
        url = compose_path(config.get("bedrock_api_base", _base(region)), path)
    except BaseUrlError as error:
        return Link(None, (*findings, _finding("XMC402", (CONFIG_KEY, "bedrock_api_base"), str(error), error.hint)))
    if auth is None or any(finding.severity is Severity.ERROR for finding in findings):
        return Link(None, findings)
    options: dict[str, Any] = {"family": config["bedrock_provider"].lower()}
    if embedder is not None:
        options["embedder"] = embedder.name
    target = Target(
        provider="amazon-bedrock",
        task=entity.task,
        model=entity.model,
        url=url,
        auth=auth,
        framing="aws-event-stream",
        relay=Relay.NORMALISE,
        region=where(entity.model, region),
        options=options,
    )
    return Link(target, findings)


def _base(region: str) -> str:
    """Return the region's own host, by partition.

    >>> _base("eu-west-1"), _base("cn-north-1")
    ('https://bedrock-runtime.eu-west-1.amazonaws.com', 'https://bedrock-runtime.cn-north-1.amazonaws.com.cn')
    """
    return f"https://bedrock-runtime.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _auth(config: Mapping[str, Any], region: str) -> tuple[Auth | None, tuple[Finding, ...]]:
    """Return the one way to authenticate that the configuration names, or what is wrong with it."""
    if "uc_service_credential_name" in config:
        message = "uc_service_credential_name is a credential kept by Unity Catalog, which xmc does not read"
        hint = "run the gateway under the role behind it, and write aws_default_chain: true"
        return None, (_finding("XMC401", (CONFIG_KEY, "uc_service_credential_name"), message, hint),)
    ways = [
        name
        for name, keys in (
            ("access keys", _SECRETS),
            ("instance_profile_arn", ("instance_profile_arn",)),
            ("aws_bearer_token", ("aws_bearer_token",)),
            ("aws_default_chain", ("aws_default_chain",)),
        )
        if any(key in config for key in keys)
    ]
    if len(ways) != 1:
        said = f"it names {len(ways)} ways to authenticate: {', '.join(ways)}" if ways else "it names no credentials"
        hint = "write either aws_access_key_id and aws_secret_access_key, or instance_profile_arn, or another one way"
        return None, (_finding("XMC403", (CONFIG_KEY,), f"{CONFIG_KEY} needs one way to authenticate; {said}", hint),)
    params = {"region": region, "service": SERVICE}
    match ways[0]:
        case "access keys":
            missing = [key for key in _SECRETS[:2] if key not in config]
            if missing:
                message = f"{' and '.join(missing)} is missing beside the rest of the access key"
                return None, (_finding("XMC403", (CONFIG_KEY,), message, "both halves of an access key are needed"),)
            slots = {key.removeprefix("aws_"): config[key].name for key in _SECRETS if key in config}
            return Auth(scheme="aws-sigv4", params=params, slots=slots), ()
        case "aws_bearer_token":
            return Auth(scheme="bearer", slots={"token": config["aws_bearer_token"].name}), ()
        case "instance_profile_arn":
            params = {**params, "instance_profile_arn": config["instance_profile_arn"]}
    return Auth(scheme="aws-default-chain", params=params), ()


def _embedder(entity: EntitySpec) -> tuple[Embedder | None, tuple[Finding, ...]]:
    """Return how the model embeds, for the task of embeddings."""
    if entity.task is not Task.EMBEDDINGS:
        return None, ()
    family = entity.config["bedrock_provider"].lower()
    found = embedder_of(family, entity.model)
    if found is not None:
        return found, ()
    families = " and ".join(sorted({one.family for one in EMBEDDERS}))
    message = f"models of bedrock_provider {family!r} make no embeddings that xmc knows; those of {families} do"
    return None, (_finding("XMC404", ("task",), message),)


def _about_model(entity: EntitySpec) -> tuple[Finding, ...]:
    ended = end_of(entity.model)
    if ended is not None:
        message = f"Amazon Bedrock no longer serves {entity.model!r}, or not for long"
        return (_finding("XMC420", ("name",), message, f"its successor is {ended}", Severity.WARNING),)
    likely = near_miss(entity.model)
    if likely is not None:
        message = f"{entity.model!r} is a name of the vendor's own API; Amazon Bedrock knows its models by other ids"
        hint = f"the id is likely {likely}, or an inference profile of it"
        return (_finding("XMC430", ("name",), message, hint, Severity.WARNING),)
    if re.search(r"embed", entity.model) and entity.task is not Task.EMBEDDINGS:
        message = f"{entity.model!r} makes embeddings and does not serve {entity.task.value}"
        return (
            Finding(
                code="XMC404",
                path=("external_model", "task"),
                message=message,
                hint=f"use the task {Task.EMBEDDINGS.value}",
            ),
        )
    return ()


def _finding(
    code: str, path: tuple[str, ...], message: str, hint: str | None = None, severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(code=code, path=("external_model", *path), message=message, hint=hint, severity=severity)
