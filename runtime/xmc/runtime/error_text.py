"""Upstream text made fit to show: no secret, no sentence that makes a client re-send, bounded, encodable."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from xmc.schema import Secret

MAX_TEXT = 4000
"""Characters of upstream text that a client sees."""

_MAX_DETAILS = 16_384
_MAX_HEADER = 200
_NBSP = "\N{NO-BREAK SPACE}"

# The databricks-sdk re-sends a POST whenever an error's text contains one of these, whatever the status.
# Source: databricks-sdk-py, `_base_client.py`, `_is_retryable` (0.156.0).
RETRY_TRAPS: tuple[str, ...] = (
    "com.databricks.backend.manager.util.UnknownWorkerEnvironmentException",
    "does not have any associated worker environments",
    "There is no worker environment with id",
    "Unknown worker environment",
    "ClusterNotReadyException",
    "Unexpected error",
    "Please try again later or try a faster operation.",
    "RPC token bucket limit has been exceeded",
)

_DEFUSED: tuple[tuple[str, str], ...] = tuple(
    (trap, trap.replace(" ", _NBSP, 1) if " " in trap else trap.replace("Exception", _NBSP + "Exception"))
    for trap in RETRY_TRAPS
)

# What a message about the key looks like. Wide on purpose: a text that is held back costs a log line, one that
# echoes a key costs the key.
_ABOUT_KEY = re.compile(
    r"api[ _-]?key|credential|access[ _-]?key|\btoken|bearer|unauthori[sz]ed|authenticat|signature|not signed|expired",
    re.IGNORECASE,
)
_SHOWABLE = re.compile(r"[\x21-\x7e]+")


def defuse(text: str) -> str:
    r"""Return the text with one space of every trap sentence made a no-break space: reads the same, matches nothing.

    >>> defuse("Unexpected error in the model") == "Unexpected\N{NO-BREAK SPACE}error in the model"
    True
    """
    for trap, harmless in _DEFUSED:
        if trap in text:
            text = text.replace(trap, harmless)
    return text


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Return the text with every secret value replaced by `***`, as it is and as JSON escapes it.

    Values shorter than 4 characters are left: they are no secrets, and removing them would garble any text.

    >>> redact("bad key canary-1234", [Secret("canary-1234")])
    'bad key ***'
    """
    for secret in secrets:
        value = secret.reveal()
        if len(value) >= 4:  # noqa: PLR2004 - see above
            text = text.replace(value, "***").replace(msgspec.json.encode(value)[1:-1].decode(), "***")
    return text


def shown(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return upstream text as clients may see it: redacted, defused, at most `MAX_TEXT` characters, valid UTF-8."""
    text = defuse(redact(text, secrets))
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + " […]"
    return text.encode("utf-8", "replace").decode()


def shown_details(details: Any, secrets: Iterable[Secret] = ()) -> Any:
    """Return upstream details (plain JSON) as clients may see them, or None if too large or not JSON."""
    if details is None:
        return None
    try:
        encoded = msgspec.json.encode(details)
    except (TypeError, ValueError, RecursionError):
        return None
    if len(encoded) > _MAX_DETAILS:
        return None
    text = redact(defuse(encoded.decode()), secrets)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # a redacted value crossed a quote
        return None


def is_about_key(*texts: str | None) -> bool:
    """Tell whether an upstream's code, type or message is about the credential rather than about permission."""
    return any(text is not None and _ABOUT_KEY.search(text) is not None for text in texts)


def header_text(value: str | None, secrets: Iterable[Secret] = ()) -> str | None:
    """Return a value from upstream if it may stand in a header: printable ASCII, no spaces, not long, no secret.

    >>> header_text("req-1", [Secret("canary-1234")]), header_text("req-canary-1234", [Secret("canary-1234")])
    ('req-1', None)
    """
    if value is None or len(value) > _MAX_HEADER or not _SHOWABLE.fullmatch(value) or redact(value, secrets) != value:
        return None
    return value
