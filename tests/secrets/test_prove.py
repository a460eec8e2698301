import threading
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from tests.secrets.fake_store import fake_plugins

from xmc.compiler import prove
from xmc.plugins import CONTRACT, Plugins, Proof, StoreError
from xmc.schema import SecretSlot, Severity, Span, Store, Table

Ask = Callable[[SecretSlot], Proof]


def plugins(ask: Ask) -> Plugins:
    return fake_plugins(prove=ask)


def place(line: int) -> Span:
    return Span("e.yaml", line, 5, line, 20)


def compiled(places: dict[str, list[int]], config: dict[str, Any] | None = None) -> Any:
    slots = {
        name: SecretSlot(ref=f"{{{{secrets/{name}}}}}", store="main", path=name.split("/")[0], field=name.split("/")[1])
        for name in places
    }
    table = Table(
        endpoints=(), contract=CONTRACT, stores={"main": Store(kind="fake", config=config or {})}, secrets=slots
    )
    return SimpleNamespace(table=table, references={n: tuple(place(i) for i in lines) for n, lines in places.items()})


def refuse(kind: str, words: str = "no") -> Ask:
    def ask(slot: SecretSlot) -> Proof:
        raise StoreError(kind, words.format(slot.field), "do something")

    return ask


@pytest.mark.parametrize(("kind", "code"), [("missing", "XMC510"), ("denied", "XMC511"), ("invalid", "XMC513")])
def test_a_failing_reference_is_reported_at_each_place_of_use(kind: str, code: str) -> None:
    proven = prove(compiled({"a/b": [7, 3]}), plugins(refuse(kind)), {}, offline=False)
    assert [(d.code, d.span.line, d.severity) for d in proven.diagnostics] == [
        (code, 3, Severity.ERROR),
        (code, 7, Severity.ERROR),
    ]
    assert proven.diagnostics[0].message.startswith("{{secrets/a/b}}")
    assert proven.diagnostics[0].hint == "do something"
    assert not proven.unreachable


def test_an_unreachable_store_is_one_diagnostic_and_is_asked_once() -> None:
    asked: list[str] = []

    def ask(slot: SecretSlot) -> Proof:
        asked.append(slot.field)
        raise StoreError("unreachable", "connection refused")

    proven = prove(compiled({"a/b": [9], "a/c": [2, 4], "a/d": [5]}), plugins(ask), {}, offline=False)
    assert [(d.code, d.span.line) for d in proven.diagnostics] == [("XMC512", 2)]
    assert "3 references" in proven.diagnostics[0].message
    assert asked == ["c"]
    assert proven.unreachable


def test_one_root_cause_is_said_once_and_different_ones_each() -> None:
    same = prove(compiled({"a/b": [2], "a/c": [3]}), plugins(refuse("invalid", "bad token")), {}, offline=False)
    assert [(d.code, d.span.line) for d in same.diagnostics] == [("XMC513", 2)]
    each = prove(compiled({"a/b": [2], "a/c": [3]}), plugins(refuse("invalid", "{} is no text")), {}, offline=False)
    assert [d.span.line for d in each.diagnostics] == [2, 3]


def test_a_store_that_does_not_open_is_one_diagnostic() -> None:
    places = {"a/b": [2], "a/c": [3]}
    proven = prove(compiled(places, {"broken": 1}), plugins(refuse("missing")), {}, offline=False)
    assert [(d.code, d.span.line, d.hint) for d in proven.diagnostics] == [("XMC513", 2, "mend them")]
    assert not proven.unreachable


def test_proofs_and_remarks() -> None:
    answers = {"b": Proof("4"), "c": Proof("5", value_was_read=True), "d": Proof(warning="mind the gap")}
    proven = prove(
        compiled({"a/b": [2], "a/c": [3], "a/d": [4]}), plugins(lambda slot: answers[slot.field]), {}, offline=False
    )
    assert [(d.code, d.severity, d.span.line) for d in proven.diagnostics] == [
        ("XMC514", Severity.NOTE, 3),
        ("XMC516", Severity.WARNING, 4),
    ]
    assert proven.proofs == {"a/b": answers["b"], "a/c": answers["c"], "a/d": answers["d"]}


def test_offline_asks_nobody_and_says_so_once() -> None:
    proven = prove(compiled({"a/b": [9], "a/c": [2]}), plugins(lambda _: pytest.fail("asked")), {}, offline=True)
    assert [(d.code, d.severity, d.span.line) for d in proven.diagnostics] == [("XMC515", Severity.NOTE, 2)]
    assert proven.proofs == {}
    assert prove(compiled({}), plugins(refuse("missing")), {}, offline=True).diagnostics == ()


def test_a_store_that_hangs_is_unreachable_after_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("xmc.compiler.prove"), "STORE_DEADLINE_S", 0.05)
    release = threading.Event()

    def ask(slot: SecretSlot) -> Proof:
        if slot.field == "c":
            release.wait(30)
        return Proof()

    try:
        proven = prove(compiled({"a/b": [2], "a/c": [3]}), plugins(ask), {}, offline=False)
    finally:
        release.set()
    assert [(d.code, d.span.line) for d in proven.diagnostics] == [("XMC512", 3)]
    assert "1 reference:" in proven.diagnostics[0].message
    assert list(proven.proofs) == ["a/b"]
    assert proven.unreachable


def test_a_fault_of_a_plugin_is_not_hidden() -> None:
    def ask(_: SecretSlot) -> Proof:
        raise KeyError("a plugin's own bug")

    with pytest.raises(KeyError, match="own bug"):
        prove(compiled({"a/b": [2]}), plugins(ask), {}, offline=False)
