"""A third party's secret store that answers from functions."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xmc.plugins import Plugins, Proof, StoreError, build_plugins, hookimpl
from xmc.schema import Secret, SecretSlot

Prove = Callable[[SecretSlot], Proof]
Read = Callable[[SecretSlot], tuple[Secret, str | None]]


def _unexpected(_: SecretSlot) -> Any:
    pytest.fail("not expected to be asked")


class _Session:
    def __init__(self, prove: Prove, read: Read) -> None:
        self.prove = prove
        self.read = read


class _Store:
    name = "fake"
    config_schema: Mapping[str, Any] = {}
    scope_schema: Mapping[str, Any] = {}

    def __init__(self, session: _Session) -> None:
        self._session = session

    def locate(self, scope: str, key: str, _: Any) -> tuple[str, str]:
        return scope, key

    def open(self, config: Mapping[str, Any], _: Mapping[str, str]) -> Any:
        if "broken" in config:
            raise StoreError("invalid", "its settings are wrong", "mend them")
        return self._session


class _Plugin:
    XMC_CONTRACT = 1

    def __init__(self, store: _Store) -> None:
        self._store = store

    @hookimpl
    def xmc_secret_stores(self) -> list[Any]:
        return [self._store]


def fake_plugins(*, prove: Prove = _unexpected, read: Read = _unexpected) -> Plugins:
    """Return plugins with one store kind, `fake`, that answers from functions; not asked for what is left out."""
    return build_plugins({"fake": _Plugin(_Store(_Session(prove, read)))})
