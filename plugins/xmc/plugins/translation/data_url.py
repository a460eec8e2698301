"""Images and files that stand in a request as data URLs. Source: RFC 2397."""

import re
from base64 import b64decode

from xmc.plugins.translation.refused import RefusedError

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)


def is_remote(url: str) -> bool:
    """Tell an http(s) URL. What stands there is for the provider to fetch, never for the gateway."""
    return url[:8].lower().startswith(("http://", "https://"))


def read_data_url(url: str, where: str) -> tuple[str, str]:
    """Return media type (`image/jpg` as `image/jpeg`) and base64 data of a data URL. Raises `RefusedError`."""
    match = _DATA_URL.match(url)
    if match is None:
        raise RefusedError(f"`{where}` is neither an http(s) URL nor a data URL", where)
    if not match[2].lower().endswith(";base64"):
        raise RefusedError(f"the data URL in `{where}` is not in base64", where)
    media = match[1].lower() or "text/plain"
    return "image/jpeg" if media == "image/jpg" else media, url[match.end() :]


def decode_text(data: str, where: str) -> str:
    """Return base64 data as text. Raises `RefusedError`."""
    try:
        return b64decode(data, validate=True).decode()
    except ValueError as error:
        raise RefusedError(f"`{where}` is not base64 of UTF-8 text", where) from error
