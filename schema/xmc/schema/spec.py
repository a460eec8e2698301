"""The JSON Schemas that ship with xmc, as decoded data."""

from functools import cache

import msgspec

from xmc.schema.data import read_data
from xmc.schema.json import JsonObject


@cache
def spec_schema() -> JsonObject:
    """Return the JSON Schema 2020-12 of a spec, without the configurations of providers.

    Annotations of our own: `x-xmc-not-enforced` (refused unless switched off; the text says what does not happen),
    `x-xmc-no-effect` (a warning; the text says why), `x-xmc-not-external` (a setting of models that are hosted),
    `x-xmc-hint` (what to do about a wrong value) and `x-xmc-secret` (the value is never shown).
    """
    schema: JsonObject = msgspec.json.decode(read_data("xmc.schema", "spec.schema.json"))
    return schema
