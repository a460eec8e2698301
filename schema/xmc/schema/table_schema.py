"""The JSON Schema of the table format, made from the records that read it; published as `docs/schemas/`."""

import inspect
from typing import Any

import msgspec

from xmc.schema.table import FORMAT, Table


def table_schema() -> dict[str, Any]:
    """Return the JSON Schema 2020-12 of a routing table.

    It knows the shape, not the digest: that a table is whole, `xmc verify` says.
    """
    schema = msgspec.json.schema(Table)
    for definition in schema["$defs"].values():
        definition["description"] = inspect.cleandoc(definition["description"])
    table = schema["$defs"]["Table"]
    table["properties"]["format"] = {"type": "integer", "const": FORMAT}
    table["properties"]["digest"] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
    table["required"] = sorted({*table["required"], "digest", "format"})
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Routing table of xmc, format {FORMAT}",
    }
    return {**head, **schema}
