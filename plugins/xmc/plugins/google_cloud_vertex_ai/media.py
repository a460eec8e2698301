"""Images, documents, sound and film: from blocks to Gemini's `inlineData` and `fileData`.

What stands behind a URL is fetched by Vertex AI, never by the gateway. Vertex AI wants to be told its type, which only
the end of the URL shows.
Source: Vertex AI API reference, "Part", "Blob", "FileData"; Google Cloud documentation, supported MIME types.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from xmc.plugins.translation.refused import mapping_at, text_at, unsupported

PARTS = frozenset({"input_audio"})
"""Types of OpenAI's parts that are translated here."""

_TYPES = {
    "3gp": "video/3gpp", "aac": "audio/aac", "avi": "video/avi", "csv": "text/csv", "flac": "audio/flac",
    "flv": "video/x-flv", "gif": "image/gif", "heic": "image/heic", "heif": "image/heif", "htm": "text/html",
    "html": "text/html", "jpeg": "image/jpeg", "jpg": "image/jpeg", "m4a": "audio/m4a", "md": "text/markdown",
    "mov": "video/quicktime", "mp3": "audio/mp3", "mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpg",
    "ogg": "audio/ogg", "opus": "audio/opus", "pcm": "audio/pcm", "pdf": "application/pdf", "png": "image/png",
    "txt": "text/plain", "wav": "audio/wav", "webm": "video/webm", "webp": "image/webp", "wmv": "video/wmv",
}  # fmt: skip
DOCUMENTS = frozenset(kind for kind in _TYPES.values() if kind != "text/plain") | {"audio/mpeg", "audio/webm"}
"""Media types of files beside plain text."""

_AUDIO = frozenset({"wav", "mp3", "flac", "opus", "aac", "ogg"})
_STORED = ("gs://", "https://", "http://")


def media_part(block: Mapping[str, Any]) -> dict[str, Any]:
    """Translate an image or a document. Raises `RefusedError`."""
    source = mapping_at(block.get("source"), "messages")
    match source.get("type"):
        case "base64":
            media = text_at(source.get("media_type"), "messages")
            return {"inlineData": {"mimeType": media, "data": text_at(source.get("data"), "messages")}}
        case "text":
            data = text_at(source.get("data"), "messages").encode("utf-8", "replace")
            return {"inlineData": {"mimeType": "text/plain", "data": b64encode(data).decode()}}
        case "url":
            return _file(text_at(source.get("url"), "messages"), block)
        case "file":
            return _file(text_at(source.get("file_id"), "messages"), block)
        case kind:
            raise unsupported("messages", f"Gemini takes no source of type {kind!r}")


def audio_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Translate OpenAI's `input_audio`. Raises `RefusedError`."""
    audio = mapping_at(part.get("input_audio"), "messages")
    form = audio.get("format")
    if not isinstance(form, str) or form not in _AUDIO:
        raise unsupported("messages", f"Gemini takes no sound of format {form!r}")
    return {"inlineData": {"mimeType": _TYPES[form], "data": text_at(audio.get("data"), "messages")}}


def _file(uri: str, block: Mapping[str, Any]) -> dict[str, Any]:
    if not uri.startswith(_STORED):
        raise unsupported("messages", "a file that is not in the request must be a gs:// or https:// URL")
    media = _type_of(uri) or _type_of(str(block.get("title") or ""))
    if media is None:
        what = "Vertex AI wants to be told the type of what a URL holds, and this one's end does not show it"
        raise unsupported("messages", f"{what}; send it as a data URL")
    return {"fileData": {"mimeType": media, "fileUri": uri}}


def _type_of(name: str) -> str | None:
    """Return the media type that the end of a name or URL stands for.

    >>> _type_of("gs://bucket/a.PNG?generation=1"), _type_of("gs://bucket/a")
    ('image/png', None)
    """
    try:
        path = urlsplit(name).path
    except ValueError:
        return None
    return _TYPES.get(path.rpartition(".")[2].lower())
