"""Why keys of a Databricks endpoint are not carried over, and which secrets its answers leave out.

Source: databricks-sdk 0.156.0, `service/serving.py`; Databricks REST API, "Get a single serving endpoint".
"""

from typing import Any

from xmc.compiler.imports.ledger import Outcome

_READ_ONLY = "not configuration: Databricks says it, nobody sets it"

STATE = dict.fromkeys(
    (
        "id", "creator", "creator_display_name", "creator_kind", "creation_timestamp", "last_updated_timestamp",
        "state", "permission_level", "task", "endpoint_type", "endpoint_url", "data_plane_info",
    ),
    _READ_ONLY,
)  # fmt: skip
"""Read-only keys of an endpoint."""

ENTITY = {
    **dict.fromkeys(("creator", "creation_timestamp", "state", "id", "type"), _READ_ONLY),
    **dict.fromkeys(
        ("workload_size", "workload_type", "scale_to_zero_enabled", "environment_vars"),
        "for models that Databricks hosts",
    ),
}
"""Keys of a served entity that say nothing of an external model."""

ENDPOINT = {
    "pending_config": ("an update that was under way; import again when it has ended", Outcome.LOST),
    "route_optimized": ("for models that Databricks hosts", Outcome.NO_EFFECT),
    "budget_policy_id": ("who is billed for it is Databricks' own", Outcome.LOST),
    "usage_policy_id": ("who is billed for it is Databricks' own", Outcome.LOST),
    "email_notifications": ("xmc sends no mail about updates", Outcome.NO_EFFECT),
    "telemetry_config": ("no table of Databricks is written; metrics and the access log take its place", Outcome.LOST),
}

CONFIG = {
    "config_version": (_READ_ONLY, Outcome.NO_EFFECT),
    "auto_capture_config": ("no payload table is written in this version of xmc", Outcome.LOST),
    "served_models": ("left out: the old form of models that Databricks hosts", Outcome.LOST),
}

GONE = {"palm": "the PaLM API is gone; use google-cloud-vertex-ai with a Gemini model"}
"""Providers whose upstream has ended."""

GATEWAY = {
    "rate_limits": "no rate is limited in this version of xmc",
    "guardrails": "no guardrail acts in this version of xmc: prompts and answers pass unchecked",
    "fallback_config": "no other entity is tried in this version of xmc when one fails",
    "usage_tracking_config": "no usage table is written in this version of xmc",
    "inference_table_config": "no payload table is written in this version of xmc",
}


def redacted(provider: str, config: dict[str, Any]) -> dict[str, str]:
    """Return the secrets that a configuration needs and does not have: key, and how people call it.

    An answer holds references, and leaves out what was typed in.

    >>> redacted("openai", {"openai_api_type": "azuread"})
    {'microsoft_entra_client_secret': 'microsoft_entra_client_secret'}
    """
    if provider == "openai":
        entra = str(config.get("openai_api_type", "")).lower() == "azuread"
        needed = ["microsoft_entra_client_secret" if entra else "openai_api_key"]
    elif provider == "amazon-bedrock":
        others = {"instance_profile_arn", "aws_default_chain", "aws_bearer_token"}
        needed = [] if others & set(config) else ["aws_access_key_id", "aws_secret_access_key"]
    elif provider == "custom":
        own_header = config.get("api_key_auth")
        needed = ["api_key_auth.value" if isinstance(own_header, dict) else "bearer_token_auth.token"]
    else:
        needed = _NEEDED.get(provider, [])
    return {key: key.rpartition(".")[2] for key in needed if not _has(config, key)}


_NEEDED = {
    "anthropic": ["anthropic_api_key"],
    "cohere": ["cohere_api_key"],
    "ai21labs": ["ai21labs_api_key"],
    "google-cloud-vertex-ai": ["private_key"],
    "databricks-model-serving": ["databricks_api_token"],
}


def _has(config: dict[str, Any], key: str) -> bool:
    value: Any = config
    for step in key.split("."):
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True
