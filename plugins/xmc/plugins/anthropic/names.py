"""Names of tools and ids of calls as the Messages API takes them.

Source: Anthropic API reference, "Messages", `tools[].name`, `tool_use.id`.
"""

from xmc.plugins.translation.naming import fit

_MAX_NAME = 128


def wire_name(name: str) -> str:
    """Return a tool's name as `^[a-zA-Z0-9_-]{1,128}$`."""
    return fit(name, limit=_MAX_NAME)


def wire_id(call_id: str) -> str:
    """Return a call's id as `^[a-zA-Z0-9_-]+$`."""
    return fit(call_id)
