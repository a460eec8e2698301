"""The arguments of a tool call in a request: a JSON text in OpenAI's form, an object in everyone else's."""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.translation.refused import RefusedError, mapping_at


def decode_arguments(arguments: Any, where: str) -> Mapping[str, Any]:
    """Read a call's arguments: JSON of an object as text, the object itself, or nothing, which is `{}`.

    Raises `RefusedError`.
    """
    value = arguments
    if isinstance(arguments, str):
        try:
            value = msgspec.json.decode(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"`{where}` is not JSON", where) from error
    elif arguments is None:
        value = {}
    return mapping_at(value, where)
