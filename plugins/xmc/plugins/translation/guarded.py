"""What every translation refuses before it begins: requests that are no object, and those nested without end."""

from collections.abc import Mapping
from dataclasses import dataclass

from xmc.plugins.contract import Adapter
from xmc.schema import Context, Exchange, JsonObject, Refusal


@dataclass(frozen=True, slots=True)
class Guarded:
    """An adapter behind that guard."""

    adapter: Adapter

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        if not isinstance(request, Mapping):
            return Refusal("the request is not a JSON object", code="invalid_request")
        try:
            return self.adapter.prepare(request, context)
        except RecursionError:
            return Refusal("the request is nested too deeply", code="invalid_request")
