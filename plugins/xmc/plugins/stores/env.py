"""The secret store `env`: values from environment variables of the process.

`{{secrets/openai/api-key}}` is the variable `OPENAI_API_KEY`. For development, for CI, and wherever a supervisor
already puts secrets into the environment.
"""

import re
from collections.abc import Iterable, Mapping

from xmc.plugins.contract import Proof, SecretStore, StoreError, StoreSession
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import JsonObject, Secret, SecretSlot

XMC_CONTRACT = 1

_VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"


def _upper(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", text.upper())


class EnvSession:
    """The environment, open for reading. Its repr shows nothing of it."""

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._environ = environ

    def prove(self, slot: SecretSlot) -> Proof:
        """Show that the variable is set and not empty."""
        self.read(slot)
        return Proof()

    def read(self, slot: SecretSlot) -> tuple[Secret, None]:
        """Return the variable's value; the environment counts no versions."""
        variable = self._variable(slot)
        value = self._environ.get(variable)
        if not value:
            state = "is not set" if value is None else "is empty"
            raise StoreError("missing", f"environment variable {variable} {state}", f"set {variable}, then try again")
        return Secret(value), None

    def _variable(self, slot: SecretSlot) -> str:
        # A renamed variable has no path and is taken to the letter; the prefix belongs to derived names.
        return f"{self._prefix}{slot.path}_{slot.field}" if slot.path else slot.field


_CONFIG: JsonObject = {
    "type": "object",
    "properties": {
        "prefix": {
            "type": "string",
            "pattern": _VARIABLE,
            "description": "Put in front of every derived variable name.",
        }
    },
    "additionalProperties": False,
}
_SCOPE: JsonObject = {
    "type": "object",
    "properties": {
        "variables": {
            "type": "object",
            "x-xmc-per-key": True,
            "description": "Key -> the exact name of its variable.",
            "additionalProperties": {"type": "string", "pattern": _VARIABLE},
        }
    },
    "additionalProperties": False,
}


class EnvStore:
    """Environment variables, named `PREFIX` + `SCOPE_KEY` unless the scope map renames them."""

    name = "env"
    config_schema = _CONFIG
    scope_schema = _SCOPE

    def locate(self, scope: str, key: str, settings: JsonObject) -> tuple[str, str]:
        """Return the two halves of the variable name; a renamed variable has an empty path.

        >>> EnvStore().locate("my-scope", "api.key", {})
        ('MY_SCOPE', 'API_KEY')
        >>> EnvStore().locate("my-scope", "api.key", {"variables": {"api.key": "OTHER"}})
        ('', 'OTHER')
        """
        renamed = settings.get("variables", {}).get(key)
        return ("", renamed) if renamed else (_upper(scope), _upper(key))

    def open(self, config: JsonObject, environ: Mapping[str, str]) -> StoreSession:
        """Open the environment given."""
        return EnvSession(config.get("prefix", ""), environ)


@hookimpl
def xmc_secret_stores() -> Iterable[SecretStore]:
    """Add the store `env`."""
    return [EnvStore()]
