"""Read the secrets of a table into memory: once per generation, in a thread of their own, in bounded time.

A store that does not answer is asked again a few times, because Vault and the gateway often start together; after
that, or at any other refusal, the table is not served (design promise 2).
"""

import asyncio
import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from xmc.plugins import Plugins, StoreError
from xmc.schema import PLAINTEXT_STORE, Secret, SecretSlot, Table

RETRY_PAUSES_S = (0.5, 1.0, 2.0)
"""Pauses before a store that was unreachable is asked again; one attempt more than there are pauses."""

TOTAL_S = 60.0
"""How long all stores together may take, attempts and pauses included."""

_T = TypeVar("_T")
Failures = tuple[tuple[str, StoreError], ...]


class SecretsError(Exception):
    """Secrets that could not be read. `failures` pairs slot names with reasons; none holds a value."""

    def __init__(self, failures: Failures) -> None:
        super().__init__(_told(failures))
        self.failures = failures

    @property
    def unreachable(self) -> bool:
        """Whether a store did not answer (exit code 4)."""
        return any(error.kind == "unreachable" for _, error in self.failures)


def _told(failures: Failures) -> str:
    """Say each reason once, with the names of all slots that it stands for and what to do."""
    by_reason: dict[str, list[str]] = {}
    for name, error in failures:
        reason = f"{error} ({error.hint})" if error.hint else str(error)
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


async def read_secrets(
    table: Table,
    plugins: Plugins,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Mapping[str, Secret]:
    """Return the value of every slot of a table. `given` holds those that were typed into the spec or are sealed.

    A store is asked only for what is not given.

    Raises:
        SecretsError: at least one slot has no value; all of them are named.
        Exception: a store plugin's own fault, as it was raised.
    """
    read: dict[str, Secret] = {}
    try:
        failures = await asyncio.wait_for(
            in_own_thread(lambda: _read_all(read, table, plugins, environ, given, pause)), TOTAL_S
        )
    except TimeoutError:
        late = StoreError("unreachable", f"not all secrets could be read within {TOTAL_S:g} s")
        failures = tuple((name, late) for name in table.secrets if name not in read)
    if failures:
        raise SecretsError(failures)
    return read


def read_secrets_file(path: Path, digest: str) -> Mapping[str, str]:
    """Return the values of a `.xmc.secrets` file (slot name -> value), which must belong to the table of `digest`.

    Raises:
        StoreError: it cannot be read, is open to other users, or belongs to another table.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise StoreError(
            "missing", f"there is no {path}, which holds the values typed into the spec", "compile the spec again"
        ) from None
    except OSError as error:
        raise StoreError("denied", f"cannot read {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise StoreError("denied", f"{path} is open to other users (mode {mode}), so it is not used", "chmod 0600")
        data = file.read()
    return _decode_secrets_file(path, data, digest)


class _SecretsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digest: str
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"_SecretsFile({self.digest}, {len(self.secrets)} values)"


def _decode_secrets_file(path: Path, data: bytes, digest: str) -> Mapping[str, str]:
    try:
        held = msgspec.json.decode(data, type=_SecretsFile)
    except (msgspec.DecodeError, UnicodeDecodeError):  # what it says may quote the content
        raise StoreError("invalid", f"{path} is not a secrets file", "compile the spec again") from None
    if held.digest != digest:
        raise StoreError("invalid", f"{path} belongs to another table ({held.digest})", "compile the spec again")
    return held.secrets


async def in_own_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work in a new daemon thread: a store that hangs holds up neither the loop nor the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(action: Callable[[], None]) -> None:
        if not future.done():  # done: the caller gave up
            action()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - a thread's outermost boundary; raised again by the caller's await
            action = partial(future.set_exception, error)
        else:
            action = partial(future.set_result, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, action)

    threading.Thread(target=run, name="xmc-secrets", daemon=True).start()
    return await future


def _read_all(  # noqa: PLR0913, PLR0917 - the inputs of read_secrets, and where to put the result
    read: dict[str, Secret],
    table: Table,
    plugins: Plugins,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    pause: Callable[[float], None],
) -> Failures:
    failures: dict[str, StoreError] = {}
    by_store: dict[str, dict[str, SecretSlot]] = {}
    for name, slot in sorted(table.secrets.items()):
        if name in given:
            read[name] = Secret(given[name])
        elif slot.store != PLAINTEXT_STORE:
            by_store.setdefault(slot.store, {})[name] = slot
        else:
            failures[name] = StoreError("missing", "its value, typed into the spec, is not at hand", "compile again")
    for store, slots in by_store.items():
        failures.update(_read_patiently(read, slots, lambda: _store_reader(table, store, plugins, environ), pause))  # noqa: B023 - called at once
    return tuple(sorted(failures.items()))


Reader = Callable[[SecretSlot], Secret]


def _store_reader(table: Table, store: str, plugins: Plugins, environ: Mapping[str, str]) -> Reader:
    """Open a store of the table. Raises `StoreError`."""
    settings = table.stores[store]
    kind = plugins.secret_stores.get(settings.kind)
    if kind is None:
        raise StoreError(
            "invalid", f'no installed plugin provides the store kind "{settings.kind}"', "install its plugin"
        )
    session = kind.open(settings.config, environ)
    return lambda slot: session.read(slot)[0]


def _read_patiently(
    read: dict[str, Secret],
    slots: Mapping[str, SecretSlot],
    open_store: Callable[[], Reader],
    pause: Callable[[float], None],
) -> dict[str, StoreError]:
    """Read slots of one store, anew after each pause while it is unreachable; return what failed in the end."""
    failures = _read_once(read, slots, open_store)
    for pause_s in RETRY_PAUSES_S:
        if not any(error.kind == "unreachable" for error in failures.values()):
            break
        pause(pause_s)
        failures = _read_once(read, slots, open_store)
    return failures


def _read_once(
    read: dict[str, Secret], slots: Mapping[str, SecretSlot], open_store: Callable[[], Reader]
) -> dict[str, StoreError]:
    failures: dict[str, StoreError] = {}
    try:
        reader = open_store()
        for name, slot in slots.items():
            try:
                read[name] = read.get(name) or reader(slot)
            except StoreError as error:
                if error.kind == "unreachable":
                    raise
                failures[name] = error
    except StoreError as error:  # of the store as a whole: it stands for every slot that has no answer
        failures |= {name: error for name in slots if name not in read and name not in failures}
    return failures
