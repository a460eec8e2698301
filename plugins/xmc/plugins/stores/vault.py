"""The secret store `vault`: HashiCorp Vault or OpenBao, KV version 1 and 2, through hvac.

`{{secrets/scope/key}}` is the field `key` of the secret `scope` in the mount `secret`, unless the scope map says
otherwise. hvac and requests are imported when a store is opened, not before: they cost 100 ms.

Source: https://developer.hashicorp.com/vault/api-docs/secret/kv, https://openbao.org/api-docs/secret/kv/.
"""

from collections.abc import Iterable, Mapping

from xmc.plugins.contract import SecretStore, StoreError, StoreSession
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import JsonObject

XMC_CONTRACT = 1

_TEXT: JsonObject = {"type": "string", "minLength": 1}
_AUTH: JsonObject = {
    "type": "object",
    "description": "How to log in. Default: the token of the environment. No secret stands here, only where it is.",
    "properties": {
        "method": {"enum": ["token", "token_file", "approle"]},
        "path": {**_TEXT, "description": "token_file: the file that holds the token."},
        "mount": {**_TEXT, "description": "approle: where the method is mounted; default approle."},
        "role_id": {**_TEXT, "description": "approle: the role id (it is not a secret by itself)."},
        "role_id_file": _TEXT,
        "role_id_env": _TEXT,
        "secret_id_file": _TEXT,
        "secret_id_env": _TEXT,
    },
    "required": ["method"],
    "additionalProperties": False,
}
_CONFIG: JsonObject = {
    "type": "object",
    "properties": {
        "address": {
            "type": "string",
            "pattern": "^https?://[^/@]+/?$",
            "description": "Default: VAULT_ADDR, else https://127.0.0.1:8200.",
        },
        "namespace": {**_TEXT, "description": "Default: VAULT_NAMESPACE."},
        "ca_cert": {
            **_TEXT,
            "description": "PEM file of the CA to trust. Default: VAULT_CACERT, VAULT_CAPATH, system.",
        },
        "timeout_s": {"type": "integer", "minimum": 1, "maximum": 60, "description": "Per answer. Default: 10."},
        "auth": _AUTH,
    },
    "additionalProperties": False,
}
_SCOPE: JsonObject = {
    "type": "object",
    "properties": {
        "mount": {"type": "string", "pattern": "^[^:]+$", "description": "Default: secret."},
        "path": {**_TEXT, "description": "Default: the scope's name. {key} stands for the key of the reference."},
        "field": {**_TEXT, "description": "Default: the key. {key} stands for the key of the reference."},
        "version": {"enum": [1, 2], "description": "Of the KV engine. Default: asked of Vault, once per mount."},
    },
    "additionalProperties": False,
}


class VaultStore:
    """Vault or OpenBao."""

    name = "vault"
    config_schema = _CONFIG
    scope_schema = _SCOPE

    def locate(self, scope: str, key: str, settings: JsonObject) -> tuple[str, str]:
        """Return `mount:engine:path` and the field; engine is `kv1`, `kv2`, or `kv` if Vault is to be asked.

        >>> VaultStore().locate("openai", "key", {})
        ('secret:kv:openai', 'key')
        >>> VaultStore().locate("openai", "key", {"mount": "team/kv", "path": "llm/{key}", "field": "v", "version": 2})
        ('team/kv:kv2:llm/key', 'v')
        """
        mount = settings.get("mount", "secret").strip("/")
        path = settings.get("path", scope).replace("{key}", key).strip("/")
        if {"", ".", ".."} & {*mount.split("/"), *path.split("/")}:
            raise StoreError(
                "invalid", f"{mount}/{path} is not a path of Vault", "name mount and path without . and //"
            )
        return f"{mount}:kv{settings.get('version', '')}:{path}", settings.get("field", key).replace("{key}", key)

    def open(self, config: JsonObject, environ: Mapping[str, str]) -> StoreSession:
        """Log in, if the method has a login; a token is first looked at when something is asked."""
        from xmc.plugins.stores.vault_settings import vault_settings  # noqa: PLC0415 - only when it is needed

        settings = vault_settings(config, environ)
        from xmc.plugins.stores.vault_kv import open_session  # noqa: PLC0415 - as above, and it brings hvac

        return open_session(settings)


@hookimpl
def xmc_secret_stores() -> Iterable[SecretStore]:
    """Add the store `vault`."""
    return [VaultStore()]
