"""What entities lack, beyond the cases: names, overrides, and what stands in the table."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import SPEC, codes, compile_text

from xmc.plugins import build_plugins
from xmc.schema import Task

INSTALLED = build_plugins()
RECORD = INSTALLED.providers["anthropic"].capabilities[Task.CHAT]
NAMES = sorted(set(RECORD) - {"messages", "model", "messages.image_url"})
ANTHROPIC = SPEC.replace("openai", "anthropic").replace("gpt-4o", "claude-sonnet-4-6")


def spec(requires: Iterable[str], degrade: Iterable[str] = (), overrides: dict[str, bool] | None = None) -> str:
    lines = f"    requires: [{', '.join(requires)}]\n    degrade: [{', '.join(degrade)}]\n"
    own = ", ".join(f"{name}: {str(has).lower()}" for name, has in (overrides or {}).items())
    return ANTHROPIC.replace("- name: main\n", f"- name: main\n          capabilities: {{{own}}}\n") + lines


def is_lacking(name: str) -> bool:
    return RECORD[name].status in {"refused", "dropped"}


@given(st.sets(st.sampled_from(NAMES)), st.dictionaries(st.sampled_from(NAMES), st.booleans()))
def test_every_lack_is_one_error_and_nothing_else_is(names: set[str], overrides: dict[str, bool]) -> None:
    lacking = {name for name in names if not overrides.get(name, not is_lacking(name))}
    found = compile_text(spec(names, overrides=overrides), INSTALLED)
    assert codes(found) == ["XMC320"] * len(lacking)
    said = {one.message.split("'")[1] for one in found.diagnostics}
    assert said == {{"response_format": "json_schema", "stream": "streaming"}.get(name, name) for name in lacking}


@given(st.sets(st.sampled_from(NAMES)))
def test_what_may_be_lost_is_no_error_and_idle_permission_is_said(names: set[str]) -> None:
    found = codes(compile_text(spec(names, names), INSTALLED))
    assert found == ["XMC322"] * sum(not is_lacking(name) for name in names)


def test_both_names_of_a_capability_are_one() -> None:
    assert codes(compile_text(spec(["json_schema", "response_format"]), INSTALLED)) == []
    found = compile_text(spec(["response_format"], overrides={"json_schema": False}), INSTALLED)
    assert codes(found) == ["XMC320"]


def test_the_table_says_what_an_entity_lacks() -> None:
    table = compile_text(spec([], overrides={"tools": False, "n": True}), INSTALLED).table
    assert table is not None
    lacks = set(table.endpoints[0].entities[0].lacks)
    assert {"tools", "logprobs", "seed"} < lacks
    assert not lacks & {"n", "json_schema", "messages", "model"}
