"""From Cohere's errors: `{"message", "id"}`, of which the latter is its number of the request.

Source: Cohere API reference, "Errors".
"""

import msgspec

from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_reply
from xmc.schema import ProviderError, WireReply


def error_from_answer(reply: WireReply) -> ProviderError:
    """Read the body of a reply whose status is not 2xx."""
    error = error_from_reply(reply)
    if error.request_id is not None:
        return error
    try:
        body = msgspec.json.decode(reply.body)
    except DECODE_ERRORS:
        return error
    number = body.get("id") if isinstance(body, dict) else None
    return msgspec.structs.replace(error, request_id=number) if isinstance(number, str) and number else error
