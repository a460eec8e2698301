"""From a spec in memory to YAML as people write it."""

from typing import Any

import yaml

HEADER = "# yaml-language-server: $schema=xmc.schema.json\n"


def emit(spec: dict[str, Any]) -> str:
    """Return a spec as YAML, its keys in their order, with the line that tells editors where the schema is."""
    text: str = yaml.safe_dump(spec, sort_keys=False, default_flow_style=False, allow_unicode=True, width=120)
    return HEADER + text
