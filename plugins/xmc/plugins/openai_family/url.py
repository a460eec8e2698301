"""From a configured base URL to the complete URL of one task, composed by parts and never by adding strings."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from xmc.schema import Task

ROUTES = {Task.CHAT: "chat/completions", Task.COMPLETIONS: "completions", Task.EMBEDDINGS: "embeddings"}
"""The path of each task below the base."""

_KEPT = 1024
"""Entities of one spec mostly share their base."""

_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?"
_VERSION_AT_END = re.compile(r"/v[12]$")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_CREDENTIAL = re.compile(r"(?:^|[-_.])(?:key|apikey|token|secret|password|sig|signature)$", re.IGNORECASE)


class BaseUrlError(ValueError):
    """A base URL that cannot be used. `hint` is what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@lru_cache(_KEPT)
def compose_url(base: str, task: Task, api_version: str | None = None) -> str:
    """Append a task's route to `base`, unless the path ends in it already; keep the base's own query.

    `/v1` is neither added nor removed. `api_version` adds or replaces `api-version` in the query.

    Raises:
        BaseUrlError: not an absolute http(s) URL, credentials or a fragment in it, or the route of another task.

    >>> compose_url("https://host/v1/?tenant=7", Task.CHAT, "v2")
    'https://host/v1/chat/completions?tenant=7&api-version=v2'
    """
    parts = _split(base)
    path = parts.path.rstrip("/")
    route = ROUTES[task]
    ending = _route_at_end(path)
    if ending is not None and ending != route:
        raise BaseUrlError(
            f"{_shown(base)!r} ends in the path of another task; {task.value} uses `/{route}`",
            f"remove `/{ending}`: xmc appends the path of the task",
        )
    if ending is None:
        path = f"{path}/{route}"
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_version(pair, api_version))
    if api_version is not None:
        query = f"{query}&api-version={quote(api_version, safe='')}".lstrip("&")
    url = f"{parts.scheme}://{_authority(parts)}{quote(path, safe=_PATH_SAFE)}"
    return f"{url}?{quote(query, safe=_QUERY_SAFE)}" if query else url


@lru_cache(_KEPT)
def compose_versioned_url(base: str, path: str) -> str:
    """Append `path`, which begins with its API version, to `base`.

    A version at the end of the base is the same as none, and a base that ends in the whole path is taken as it is.
    The base's own query is kept.

    Raises:
        BaseUrlError: not an absolute http(s) URL, or credentials or a fragment in it.

    >>> compose_versioned_url("https://host/proxy/v1/?tenant=7", "v1/messages")
    'https://host/proxy/v1/messages?tenant=7'
    """
    parts = _split(base)
    stem = parts.path.rstrip("/").removesuffix(f"/{path}").rstrip("/")
    stem = _VERSION_AT_END.sub("", stem).rstrip("/")
    url = f"{parts.scheme}://{_authority(parts)}{quote(f'{stem}/{path}', safe=_PATH_SAFE)}"
    return f"{url}?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else url


@lru_cache(_KEPT)
def compose_path(base: str, path: str) -> str:
    """Append `path`, which is percent-encoded already, to `base`; keep the base's own query.

    Raises:
        BaseUrlError: not an absolute http(s) URL, or credentials or a fragment in it.

    >>> compose_path("https://host/proxy/", "model/a%3A0/converse")
    'https://host/proxy/model/a%3A0/converse'
    """
    parts = _split(base)
    stem = quote(parts.path.rstrip("/"), safe=_PATH_SAFE)
    url = f"{parts.scheme}://{_authority(parts)}{stem}/{path}"
    return f"{url}?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else url


def _shown(base: str) -> str:
    """Return a base URL as a message may repeat it: without user, password and query.

    >>> _shown("ftp://me:secret@host/v1?key=secret")
    'ftp://***@host/v1?***'
    """
    return re.sub(r"\?[^#]+", "?***", re.sub(r"(?<=//)[^/?#]*(?=@)", "***", base))


def _split(base: str) -> SplitResult:
    if not base.strip() or any(character <= " " or character == "\x7f" for character in base):
        raise BaseUrlError(f"{_shown(base)!r} is no URL: it is empty or holds white space", "write https://HOST/PATH")
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError as error:
        raise BaseUrlError(f"{_shown(base)!r} is no URL: {error}", "write https://HOST/PATH") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BaseUrlError(f"{_shown(base)!r} is no absolute http or https URL", "write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        # Not repeated in the message: it may hold a password.
        raise BaseUrlError("this URL holds a user name or password", "put credentials into the fields for secrets")
    for name in (pair.partition("=")[0] for pair in parts.query.split("&")):
        if _CREDENTIAL.search(name):
            # The table, the management API and the log show URLs.
            raise BaseUrlError(
                f"this URL holds a credential: the query parameter {name!r}",
                "put credentials into the fields for secrets, which are sent as a header",
            )
    if parts.fragment or "#" in base:
        raise BaseUrlError(f"{_shown(base)!r} has a fragment, which is never sent", "remove everything from `#` on")
    if _BAD_ESCAPE.search(parts.path + parts.query):
        raise BaseUrlError(f"{_shown(base)!r} holds a `%` that is no escape", "write `%25` for a percent sign")
    return parts


def _authority(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BaseUrlError(f"{host!r} is no host name: {error}", "write https://HOST/PATH") from error
    host = f"[{host}]" if ":" in host else host
    return host if parts.port is None else f"{host}:{parts.port}"


def _route_at_end(path: str) -> str | None:
    """Return the longest route that the path ends in."""
    found = [route for route in ROUTES.values() if path.endswith(f"/{route}")]
    return max(found, key=len, default=None)


def _is_version(pair: str, api_version: str | None) -> bool:
    return api_version is not None and pair.partition("=")[0] == "api-version"
