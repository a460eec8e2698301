"""Prove: the only step of a compile that talks to anyone. Shows that every secret reference can be read.

Stores are asked side by side, each in a thread of its own under a deadline, so that neither a slow store nor a hung
one can hang a compile. No value is kept, unless it is to be sealed: a store that can only prove by reading says so, and
the user gets a note.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from xmc.compiler.compile import Compiled
from xmc.plugins import Plugins, Proof, StoreError, StoreSession
from xmc.schema import PLAINTEXT_STORE, Diagnostic, Secret, SecretSlot, Severity, Store

STORE_DEADLINE_S = 60.0
"""How long one store may take to prove all of its references."""

CODES = {"missing": "XMC510", "denied": "XMC511", "unreachable": "XMC512", "invalid": "XMC513"}
"""Kind of a store's error -> diagnostic code."""

SHARED_KINDS = frozenset({"unreachable", "invalid"})
"""Kinds that can have one root cause for many references: the same words are then said once."""


class Proven(msgspec.Struct, frozen=True):
    """What the stores said. `proofs` maps slot names; a slot without a proof failed or was not asked.

    `unreachable` is true if a store did not answer (exit code 4). `values` are those of slots, if they were kept.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    proofs: Mapping[str, Proof] = {}
    unreachable: bool = False
    values: Mapping[str, Secret] = {}


class _Visit(msgspec.Struct):
    """One store's visit, filled in by its thread: outcomes by slot name, or why the store could not be asked."""

    store: str
    keep: bool = False
    outcomes: dict[str, Proof | StoreError] = {}
    values: dict[str, Secret] = {}
    failure: StoreError | None = None
    fault: Exception | None = None


def prove(
    compiled: Compiled, plugins: Plugins, environ: Mapping[str, str], *, offline: bool, keep: bool = False
) -> Proven:
    """Ask every store about the references into it.

    With `offline` no store is asked, and a note says so. With `keep` every value is also read, to be sealed. Without a
    table there is nothing to prove.

    Raises:
        Exception: a store plugin's own fault, as it was raised.
    """
    if compiled.table is None:
        return Proven()
    slots = {name: slot for name, slot in compiled.table.secrets.items() if slot.store != PLAINTEXT_STORE}
    if offline:
        return Proven(tuple(_skipped(compiled, slots)))
    by_store: dict[str, dict[str, SecretSlot]] = {}
    for name in sorted(slots, key=lambda name: (compiled.references[name][0], name)):
        by_store.setdefault(slots[name].store, {})[name] = slots[name]
    visits = _visit_all(by_store, compiled.table.stores, plugins, environ, keep)
    errors = [error for visit in visits for error in _failures(visit, by_store[visit.store])]
    proofs = {
        name: outcome for visit in visits for name, outcome in visit.outcomes.items() if isinstance(outcome, Proof)
    }
    return Proven(
        _ordered([*_error_diagnostics(compiled, errors), *_remarks(compiled, visits)]),
        proofs,
        any(error.kind == "unreachable" for _, error, _ in errors),
        {name: value for visit in visits for name, value in visit.values.items()},
    )


def _ordered(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda diagnostic: diagnostic.order))


# --- asking --------------------------------------------------------------------------------------------------------


def _visit_all(
    by_store: Mapping[str, Mapping[str, SecretSlot]],
    stores: Mapping[str, Store],
    plugins: Plugins,
    environ: Mapping[str, str],
    keep: bool,
) -> list[_Visit]:
    visits = [_Visit(name, keep) for name in sorted(by_store)]

    def work(visit: _Visit) -> Callable[[], None]:
        return lambda: _visit(visit, by_store[visit.store], stores, plugins, environ)

    # Daemons: a thread that hangs in a store must not keep the process alive.
    threads = [threading.Thread(target=work(visit), name=f"prove-{visit.store}", daemon=True) for visit in visits]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + STORE_DEADLINE_S
    for index, thread in enumerate(threads):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():  # it may still write into its visit: go on with a copy
            late = StoreError("unreachable", f"it did not answer all questions within {STORE_DEADLINE_S:g} s")
            visits[index] = msgspec.structs.replace(
                visits[index], outcomes=dict(visits[index].outcomes), values={}, failure=late
            )
    for visit in visits:
        if visit.fault is not None:
            raise visit.fault
    return visits


def _visit(
    visit: _Visit,
    slots: Mapping[str, SecretSlot],
    stores: Mapping[str, Store],
    plugins: Plugins,
    environ: Mapping[str, str],
) -> None:
    """Ask one store about its slots; stops at the first sign that it is unreachable."""
    try:
        store = stores[visit.store]
        session = plugins.secret_stores[store.kind].open(store.config, environ)
        for name, slot in slots.items():
            try:
                visit.outcomes[name] = _ask(visit, session, name, slot)
            except StoreError as error:
                if error.kind == "unreachable":
                    raise
                visit.outcomes[name] = error
    except StoreError as error:
        visit.failure = error
    except Exception as error:  # noqa: BLE001 - a thread's outermost boundary; raised again in the caller's thread
        visit.fault = error


def _ask(visit: _Visit, session: StoreSession, name: str, slot: SecretSlot) -> Proof:
    proof = session.prove(slot)
    if visit.keep:
        visit.values[name], version = session.read(slot)
        proof = msgspec.structs.replace(proof, value_was_read=True, version=version or proof.version)
    return proof


# --- saying --------------------------------------------------------------------------------------------------------

_Error = tuple[tuple[str, ...], StoreError, str]
"""Slot names that share one root cause, the error, and the store's name. Several names: said once."""


def _failures(visit: _Visit, slots: Mapping[str, SecretSlot]) -> Iterator[_Error]:
    unanswered = tuple(name for name in slots if name not in visit.outcomes)
    if visit.failure is not None and unanswered:
        yield unanswered, visit.failure, visit.store
    shared: dict[tuple[str, str], tuple[list[str], StoreError]] = {}
    for name, outcome in visit.outcomes.items():
        if isinstance(outcome, StoreError):
            if outcome.kind in SHARED_KINDS:
                shared.setdefault((outcome.kind, str(outcome)), ([], outcome))[0].append(name)
            else:
                yield (name,), outcome, visit.store
    for names, error in shared.values():
        yield tuple(names), error, visit.store


def _error_diagnostics(compiled: Compiled, errors: list[_Error]) -> Iterator[Diagnostic]:
    for names, error, store in errors:
        first = names[0]
        places = compiled.references[first]
        if error.kind == "unreachable" or len(names) > 1:
            count = "1 reference" if len(names) == 1 else f"{len(names)} references"
            message = f'secret store "{store}" could not prove {count}: {error}'
            places = places[:1]
        else:
            scope, _, key = first.partition("/")
            message = f'{{{{secrets/{scope}/{key}}}}} (store "{store}"): {error}'
        for span in places:
            yield Diagnostic(
                code=CODES[error.kind], severity=Severity.ERROR, message=message, span=span, hint=error.hint
            )


def _remarks(compiled: Compiled, visits: list[_Visit]) -> Iterator[Diagnostic]:
    """Yield what is to be said about references that were proven: one note per store, one warning per slot."""
    for visit in visits:
        proofs = [(name, outcome) for name, outcome in visit.outcomes.items() if isinstance(outcome, Proof)]
        for name, proof in proofs:
            if proof.warning is not None:
                span = compiled.references[name][0]
                yield Diagnostic(code="XMC516", severity=Severity.WARNING, message=proof.warning, span=span)
        read = [name for name, proof in proofs if proof.value_was_read and not visit.keep]
        if read:
            what = "1 value was read" if len(read) == 1 else f"{len(read)} values were read"
            yield Diagnostic(
                code="XMC514",
                severity=Severity.NOTE,
                message=f'{what} to prove references into store "{visit.store}" (nothing was kept)',
                span=compiled.references[read[0]][0],
                hint="KV version 2 and a policy that allows its `subkeys` prove without reading: docs/secrets.md",
            )


def _skipped(compiled: Compiled, slots: Mapping[str, SecretSlot]) -> Iterator[Diagnostic]:
    if slots:
        span = min(compiled.references[name][0] for name in slots)
        count = "1 secret reference was" if len(slots) == 1 else f"{len(slots)} secret references were"
        yield Diagnostic(code="XMC515", severity=Severity.NOTE, message=f"{count} not proven (--offline)", span=span)
