"""The registry, its pages, and a proof that every code can happen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.specs import (
    CASES,
    FAKE_SPEC,
    SPEC,
    FakeProvider,
    FakeStore,
    codes,
    compile_files,
    compile_text,
    expected,
    store_plugins,
    with_fake,
)

from xmc.compiler import CODES, Compiled, Source, compile_source, prove
from xmc.compiler.parse import MAX_BYTES
from xmc.plugins import Plugins, Proof, StoreError, build_plugins
from xmc.schema import Auth, SecretSlot, Severity, Span, Store, Table

PAGES = Path(__file__).parents[2] / "docs" / "errors"
EXAMPLE = re.compile(r"^## (\w+(?: \w+)?)\n\n```yaml\n(.*?)\n```", re.MULTILINE | re.DOTALL)


def proof_codes(answer: Callable[[SecretSlot], Proof], *, offline: bool = False) -> list[str]:
    slot = SecretSlot(ref="{{secrets/a/b}}", store="main", path="a", field="b")
    table = Table(endpoints=(), contract=0, stores={"main": Store(kind="fake")}, secrets={"a/b": slot})
    compiled = Compiled(table, (), references={"a/b": (Span("f", 1, 1, 1, 2),)})
    return [one.code for one in prove(compiled, store_plugins(FakeStore(answer)), {}, offline=offline).diagnostics]


def refuse(kind: str) -> Callable[[SecretSlot], Proof]:
    def answer(slot: SecretSlot) -> Proof:
        raise StoreError(kind, f"no {slot.field}")

    return answer


def fake_codes(**changes: Any) -> list[str]:
    return codes(compile_text(FAKE_SPEC, with_fake(FakeProvider(changes=changes))))


BY_CODE: dict[str, Callable[[], list[str]]] = {
    "XMC108": lambda: codes(compile_text(b"#" * (MAX_BYTES + 1), with_fake(FakeProvider()))),
    "XMC213": lambda: codes(compile_files("version: 1\nsecrets: {}\nendpoints: []\n", "version: 1\nsecrets: {}\n")),
    "XMC225": lambda: codes(compile_source(Source("a.yaml", b"endpoints: []\n"), build_plugins({}), values={"a": 1})),
    "XMC404": lambda: codes(compile_text(FAKE_SPEC.replace("v1/chat", "v1/embeddings"), with_fake(FakeProvider()))),
    "XMC407": lambda: fake_codes(auth=Auth(scheme="absent")),
    "XMC510": lambda: proof_codes(refuse("missing")),
    "XMC511": lambda: proof_codes(refuse("denied")),
    "XMC512": lambda: proof_codes(refuse("unreachable")),
    "XMC513": lambda: proof_codes(refuse("invalid")),
    "XMC514": lambda: proof_codes(lambda _: Proof(value_was_read=True)),
    "XMC515": lambda: proof_codes(refuse("missing"), offline=True),
    "XMC516": lambda: proof_codes(lambda _: Proof(warning="others can read it")),
    "XMC902": lambda: fake_codes(provider="other"),
}
"""Codes that no spec alone brings about. XMC901 is brought about in tests/cli/test_compile.py."""


def examples(page: Path) -> dict[str, str]:
    return {title: text + "\n" for title, text in EXAMPLE.findall(page.read_text())}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {page.stem for page in PAGES.glob("XMC*.md")} == set(CODES)
    index = (PAGES / "README.md").read_text()
    rows = re.findall(r"\| \[(XMC\d{3})\]\((XMC\d{3})\.md\) \| (\w+) \| (.+) \|", index)
    assert rows == [(code, code, entry.severity.value, entry.title) for code, entry in CODES.items()]


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_the_registry_says(code: str) -> None:
    entry = CODES[code]
    text = (PAGES / f"{code}.md").read_text()
    assert text.startswith(f"# {code}: {entry.title}\n\nSeverity: {entry.severity}. {entry.explanation}\n")
    assert entry.anchor == f"docs/errors/{code}.md"


def test_codes_are_in_order_and_in_families() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(re.fullmatch(r"XMC[123459]\d\d", code) for code in CODES)


@pytest.mark.parametrize("code", [code for code in CODES if "Reported" in examples(PAGES / f"{code}.md")])
def test_the_bad_example_of_a_page_is_reported(code: str, plugins: Plugins) -> None:
    compiled = compile_text(examples(PAGES / f"{code}.md")["Reported"], plugins)
    assert set(codes(compiled)) == {code}
    assert (compiled.table is None) == (CODES[code].severity is Severity.ERROR)


@pytest.mark.parametrize("code", [code for code in CODES if len(examples(PAGES / f"{code}.md")) > 0])
def test_the_good_example_of_a_page_compiles(code: str, plugins: Plugins) -> None:
    shown = examples(PAGES / f"{code}.md")
    compiled = compile_text(shown.get("Accepted") or shown["Not reported"], plugins)
    assert compiled.table is not None
    assert codes(compiled) == []


@pytest.mark.parametrize("code", BY_CODE)
def test_what_no_spec_alone_brings_about(code: str) -> None:
    assert BY_CODE[code]() == [code]


def test_every_code_is_brought_about_by_a_case() -> None:
    in_cases = {line.split()[2] for case in CASES.glob("*.yaml") for line in expected(case)}
    assert set(CODES) - in_cases - set(BY_CODE) == {"XMC901"}
    assert in_cases <= set(CODES)


def test_the_smallest_spec_is_clean(plugins: Plugins) -> None:
    assert codes(compile_text(SPEC, plugins)) == []
