"""No public type shows a secret that it holds, whichever way it is printed."""

import pickle
import traceback
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec.inspect import is_struct_type
from tests.secrets.canary import found

import xmc.compiler
import xmc.plugins
import xmc.runtime
import xmc.schema
from xmc.compiler import Protection
from xmc.compiler.artifact import _File
from xmc.plugins import Credential, StoreError, build_plugins
from xmc.plugins.stores.vault_settings import AppRole, VaultSettings, vault_settings
from xmc.runtime.artifact import Loaded
from xmc.runtime.credentials import CredentialHolder, UpstreamIO
from xmc.runtime.generation import Binder
from xmc.runtime.secrets import SecretsError, _decode_secrets_file, _SecretsFile
from xmc.schema import (
    Artifact,
    Auth,
    SealKey,
    Secret,
    Table,
    UnusableKeyError,
    WireRequest,
    format_signing_key,
    load_signing_key,
    parse_seal_keys,
)

ROOMS: tuple[ModuleType, ...] = (xmc.schema, xmc.plugins, xmc.compiler, xmc.runtime)
MORE: tuple[type, ...] = (AppRole, VaultSettings, Binder)


def shown(value: object) -> str:
    """Print a value in every way that a log line or a traceback would."""
    return "\n".join((repr(value), str(value), f"{value}", f"{[value]}", f"{ {'a': value} }", f"{value!a}"))


def has_secret(hint: Any) -> bool:
    return hint is Secret or any(has_secret(inner) for inner in typing.get_args(hint))


def made(hint: Any, canary: str) -> Any:
    """Make a value of a type; every `Secret` in it holds the canary."""
    if hint is Secret:
        return Secret(canary)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return made(next(one for one in inner if has_secret(one) or one is inner[0]), canary)
    if origin in {Mapping, dict}:
        return {"scope/key": made(inner[1], canary)}
    if origin in {tuple, list} and inner:
        return (made(inner[0], canary),)
    if hint in {str, int, bytes, bool, float}:
        return hint()
    return None


def holders() -> list[type]:
    """Return every public type with a field that can hold a `Secret`."""
    public = [getattr(room, name) for room in ROOMS for name in getattr(room, "__all__", ())]
    types_ = [one for one in (*public, *MORE) if isinstance(one, type) and (is_dataclass(one) or is_struct_type(one))]
    return [one for one in types_ if any(has_secret(hint) for hint in typing.get_type_hints(one).values())]


def test_the_walk_finds_holders() -> None:
    assert {"Compiled", "AppRole", "VaultSettings", "Binder"} <= {one.__name__ for one in holders()}


@pytest.mark.parametrize("kind", holders(), ids=lambda kind: kind.__name__)
def test_a_type_with_a_secret_does_not_show_it(kind: Any, canary: str) -> None:
    hints = typing.get_type_hints(kind)
    names = kind.__struct_fields__ if is_struct_type(kind) else [one.name for one in fields(kind) if one.init]
    value = kind(**{name: made(hints[name], canary) for name in names})
    held = [getattr(value, name) for name, hint in hints.items() if has_secret(hint)]
    assert any("Secret(***)" in repr(one) for one in held)
    assert not found(canary, shown(value))


def _denied(key: str) -> StoreError:
    try:
        _decode_secrets_file(Path("e"), key.encode(), "sha256:1")
    except StoreError as error:
        return error
    raise AssertionError


def _unusable(key: str) -> UnusableKeyError:
    try:
        parse_seal_keys(key)
    except UnusableKeyError as error:
        return error
    raise AssertionError


Make = Callable[[str], object]
MADE: dict[str, Make] = {
    "Secret": Secret,
    "Credential": lambda key: Credential(headers=(("authorization", key),), data=key),
    "WireRequest": lambda key: WireRequest("POST", f"http://h/?k={key}", (("authorization", key),), key.encode()),
    "StoreError": _denied,
    "_File": lambda key: _File(Path("e"), key.encode(), 0o600),
    "SealKey": lambda key: SealKey((key.encode() * 32)[:32]),
    "Protection": lambda key: Protection(seal_key=SealKey((key.encode() * 32)[:32])),
    "SigningKey": lambda key: load_signing_key(format_signing_key((key.encode() * 32)[:32])[0]),
    "Loaded": lambda key: Loaded(Table(endpoints=(), contract=0), sealed={"a": key}),
    "Artifact": lambda key: Artifact(key.encode(), sealed=key.encode()),
    "a key that is none": _unusable,
    "_SecretsFile": lambda key: _SecretsFile(digest="sha256:1", secrets={"a": key}),
    "env session": lambda key: build_plugins().secret_stores["env"].open({}, {"A": key}),
    "vault settings": lambda key: vault_settings({}, {"VAULT_TOKEN": key, "HTTPS_PROXY": f"http://u:{key}@p"}),
    "vault session": lambda key: build_plugins().secret_stores["vault"].open({}, {"VAULT_TOKEN": key}),
    "holder": lambda key: CredentialHolder(
        build_plugins().auth_schemes["bearer"],
        Auth(scheme="bearer", slots={"token": "a"}),
        {"token": Secret(key)},
        UpstreamIO(None),  # type: ignore[arg-type]  # never called
        None,  # type: ignore[arg-type]  # never read
    ),
    "mapping": lambda key: {"scope/key": Secret(key)},
}


@pytest.mark.parametrize("name", MADE)
def test_what_holds_a_key_does_not_show_it(name: str, canary: str) -> None:
    assert not found(canary, shown(MADE[name](canary)))


def test_a_secret_is_neither_pickled_nor_encoded_by_chance(canary: str) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(canary))
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(canary))
    assert not found(canary, f"{Secret(canary):>40}")


def test_a_traceback_with_a_store_error_does_not_show_it(canary: str) -> None:
    error = SecretsError((("a/b", _denied(canary)),))
    text = "".join(traceback.format_exception(error))
    assert not found(canary, text)
    assert not found(canary, "".join(traceback.format_exception(_denied(canary))))


@pytest.mark.parametrize("name", ["store-env", "store-file", "store-vault"])
def test_the_host_starts_without_any_store(name: str) -> None:
    kept = build_plugins(without=[name])
    assert set(kept.secret_stores) == {"env", "file", "vault"} - {name.removeprefix("store-")}
