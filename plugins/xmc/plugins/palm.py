"""The provider `palm`, of which only the name is left: its API is decommissioned, and specs that name it are told so.

Source: Databricks REST API, "Create a new serving endpoint", `palm_config`; Gemini API reference, "PaLM
(decommissioned)".
"""

from collections.abc import Iterable, Mapping

from xmc.plugins.contract import Adapter, Capability, EntitySpec, Link, Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import Finding, JsonObject, Target, Task

XMC_CONTRACT = 1


_SCHEMA: JsonObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "palm_config",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "palm_api_key": {"type": "string", "minLength": 1, "x-xmc-secret": "reference", "description": "Not read."},
        "palm_api_key_plaintext": {
            "type": "string",
            "minLength": 1,
            "x-xmc-secret": "plaintext",
            "description": "Not read.",
        },
    },
    "oneOf": [{"required": ["palm_api_key"]}, {"required": ["palm_api_key_plaintext"]}],
}


class Palm:
    """Links nothing, for any task."""

    name = "palm"
    config_key = "palm_config"

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema of the configuration that it had."""
        return _SCHEMA

    @property
    def capabilities(self) -> Mapping[Task, Mapping[str, Capability]]:
        """Nothing about all tasks."""
        return {task: {} for task in Task}

    def link(self, entity: EntitySpec) -> Link:
        """Say that there is nothing to call any more."""
        del entity
        finding = Finding(
            code="XMC422",
            path=("external_model", "provider"),
            message="Google has decommissioned the PaLM API; nothing answers there any more",
            hint="use google-cloud-vertex-ai with a Gemini model, or for embeddings gemini-embedding-001",
        )
        return Link(None, (finding,))

    def adapter(self, target: Target) -> Adapter:
        """Raise: no table holds a target of this provider."""
        raise ValueError(f"there are no targets of the provider {target.provider!r}")


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `palm`."""
    return (Palm(),)
