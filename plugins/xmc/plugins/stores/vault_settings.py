"""Where Vault is and how to log in: from a store's settings in the spec, else as the vault CLI reads the environment.

Source: https://developer.hashicorp.com/vault/docs/commands#configure-environment-variables
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from xmc.plugins.contract import StoreError
from xmc.schema import JsonObject, Secret

DEFAULT_ADDRESS = "https://127.0.0.1:8200"
DEFAULT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class AppRole:
    """An AppRole login. `mount` is where the method is mounted."""

    mount: str
    role_id: Secret
    secret_id: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Everything needed to open a session. `timeout_s` bounds connecting, and each read of an answer.

    Exactly one of `token` and `approle` is set. Of several ways to name trusted CAs the file wins.
    """

    address: str
    namespace: str | None = None
    ca_cert: str | None = None
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    server_name: str | None = None
    skip_verify: bool = False
    timeout_s: int = DEFAULT_TIMEOUT_S
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    token: Secret | None = None
    approle: AppRole | None = None


def vault_settings(config: JsonObject, environ: Mapping[str, str]) -> VaultSettings:
    """Merge the spec's settings with the environment; the spec wins.

    Raises:
        StoreError: something is missing or makes no sense, by name.
    """
    address = config.get("address") or environ.get("VAULT_ADDR") or DEFAULT_ADDRESS
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise StoreError(
            "invalid", "the address of Vault is not usable", "write it as https://HOST:PORT, as in VAULT_ADDR"
        )
    auth = config.get("auth", {"method": "token"})
    is_approle = auth["method"] == "approle"
    return VaultSettings(
        address=address.rstrip("/"),
        namespace=config.get("namespace") or environ.get("VAULT_NAMESPACE") or None,
        ca_cert=config.get("ca_cert") or environ.get("VAULT_CACERT") or None,
        ca_path=environ.get("VAULT_CAPATH") or None,
        client_cert=environ.get("VAULT_CLIENT_CERT") or None,
        client_key=environ.get("VAULT_CLIENT_KEY") or None,
        server_name=environ.get("VAULT_TLS_SERVER_NAME") or None,
        skip_verify=_flag(environ, "VAULT_SKIP_VERIFY"),
        timeout_s=config.get("timeout_s") or _timeout_s(environ),
        proxy=_proxy(parts.scheme, parts.hostname, environ),
        token=None if is_approle else _token(auth, environ),
        approle=_approle(auth, environ) if is_approle else None,
    )


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").lower()
    if text in {"1", "t", "true"}:
        return True
    if text in {"", "0", "f", "false"}:
        return False
    raise StoreError("invalid", f"{name} is neither true nor false")


def _timeout_s(environ: Mapping[str, str]) -> int:
    text = environ.get("VAULT_CLIENT_TIMEOUT", "")
    if not text:
        return DEFAULT_TIMEOUT_S
    match = re.fullmatch(r"([1-9][0-9]{0,3})s?", text)
    if match is None:
        raise StoreError("invalid", "VAULT_CLIENT_TIMEOUT is not a number of seconds, such as 10 or 10s")
    return int(match[1])


def _proxy(scheme: str, host: str, environ: Mapping[str, str]) -> str | None:
    own = environ.get("VAULT_PROXY_ADDR")
    if own:
        return own
    both = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    proxy = next((environ[name] for name in both if environ.get(name)), None)
    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return None if proxy is None or _is_exempt(host, no_proxy) else proxy


def _is_exempt(host: str, no_proxy: str) -> bool:
    """Tell whether NO_PROXY names a host: itself, a domain above it, or `*`.

    >>> _is_exempt("vault.example.org", "localhost, .example.org"), _is_exempt("vault.example.org", "ample.org")
    (True, False)
    """
    names = [name.strip().lstrip(".").lower() for name in no_proxy.split(",")]
    return any(name and (name in {"*", host} or host.endswith("." + name)) for name in names)


def _token(auth: JsonObject, environ: Mapping[str, str]) -> Secret:
    if auth["method"] == "token_file":
        if "path" not in auth:
            raise StoreError("invalid", "auth method token_file needs `path`", "name the file that holds the token")
        return Secret(_from_file(Path(auth["path"]), "token"))
    text = environ.get("VAULT_TOKEN", "").strip()
    if text:
        return Secret(text)
    path = Path(environ.get("HOME") or "/nonexistent", ".vault-token")
    if path.is_file():
        return Secret(_from_file(path, "token"))
    raise StoreError(
        "invalid",
        "there is no token for Vault: VAULT_TOKEN is not set and there is no ~/.vault-token",
        "set VAULT_TOKEN, or choose another `auth` method for the store",
    )


def _approle(auth: JsonObject, environ: Mapping[str, str]) -> AppRole:
    role_id = auth.get("role_id") or _lookup(auth, "role_id", environ)
    if role_id is None:
        raise StoreError("invalid", "auth method approle needs `role_id`, `role_id_file` or `role_id_env`")
    secret_id = _lookup(auth, "secret_id", environ)
    return AppRole(auth.get("mount", "approle").strip("/"), Secret(role_id), Secret(secret_id) if secret_id else None)


def _lookup(auth: JsonObject, name: str, environ: Mapping[str, str]) -> str | None:
    """Return what `<name>_file` or `<name>_env` lead to; None if neither is set."""
    if f"{name}_file" in auth:
        return _from_file(Path(auth[f"{name}_file"]), name)
    variable = auth.get(f"{name}_env")
    if variable is None:
        return None
    text = environ.get(variable, "").strip()
    if not text:
        raise StoreError("invalid", f"{variable}, which holds the {name} for Vault, is not set")
    return text


def _from_file(path: Path, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreError("invalid", f"cannot read the {what} for Vault from {path}: {reason}") from None
    if not text:
        raise StoreError("invalid", f"the file {path}, which holds the {what} for Vault, is empty")
    return text
