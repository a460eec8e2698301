"""Variables in specs: what they become, where they may stand, and that nothing of them is shown."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import SPEC, codes, compile_text

from xmc.compiler import Compiled, Source, ValueTextError, compile_source, read_values
from xmc.plugins import Plugins, build_plugins
from xmc.schema import encode_table

INSTALLED = build_plugins()


def given_values(text: str, **values: Any) -> Compiled:
    return compile_source(Source("spec.yaml", text.encode()), INSTALLED, values=values)


def with_vars(text: str, **variables: Any) -> str:
    """JSON is YAML, so any value can be written down."""
    return f"vars: {json.dumps(variables)}\n{text}"


@pytest.mark.parametrize("word", ["gpt-4o", "chat", "llm/v1/chat", "openai", "main"])
@pytest.mark.parametrize(
    ("expression", "variables"),
    [
        ("{{ v }}", {"v": "?"}),
        ("{{ a.b }}", {"a": {"b": "?"}}),
        ("{{ v | default('x') }}", {"v": "?"}),
        ("{{ listed[0] }}", {"listed": ["?"]}),
        ("{{ of_others }}", {"of_others": "{{ v ~ '' }}", "v": "?"}),
    ],
)
def test_an_expression_means_what_its_value_means(word: str, expression: str, variables: Any) -> None:
    text = SPEC.replace(f" {word}\n", f' "{expression}"\n')
    assert text != SPEC
    found = compile_text(with_vars(text, **json.loads(json.dumps(variables).replace("?", word))), INSTALLED)
    assert found.diagnostics == ()
    assert found.table == compile_text(SPEC, INSTALLED).table


ANY = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab")


@given(ANY | st.lists(ANY, max_size=2))
def test_a_whole_expression_keeps_the_type(value: Any) -> None:
    """A number given as a description is as wrong as a number written there."""
    lines = "    description: {}\n"
    direct = compile_text(SPEC + lines.format(json.dumps(value)), INSTALLED)
    by_name = given_values(with_vars(SPEC + lines.format('"{{ v }}"'), v="-"), v=value)
    assert codes(by_name) == (["XMC224"] if value is None else codes(direct))


def test_values_win_over_those_of_the_spec_and_are_merged() -> None:
    spec = with_vars(SPEC.replace("gpt-4o", '"{{ m.name }}"'), m={"name": "a", "other": 1})
    table = given_values(spec, m={"name": "gpt-4o"}).table
    assert table == compile_text(SPEC, INSTALLED).table


def test_a_value_for_nothing_is_an_error_at_vars() -> None:
    (found,) = given_values(with_vars(SPEC.replace("gpt-4o", '"{{ model }}"'), model="gpt-4o"), modle="x").diagnostics
    assert (found.code, found.hint, str(found.span)) == ("XMC225", "did you mean 'model'?", "spec.yaml:1:1")
    assert codes(given_values(SPEC, a=1)) == ["XMC225"]


def test_a_variable_without_a_value_is_asked_for_once_it_is_used() -> None:
    spec = "vars: {model: }\n" + SPEC.replace("gpt-4o", '"{{ model }}"')
    (found,) = given_values(spec).diagnostics
    assert (found.code, found.hint) == ("XMC224", "give it one: --set model=…")
    assert given_values(spec, model="gpt-4o").table == compile_text(SPEC, INSTALLED).table


def test_a_reference_can_come_out_of_a_variable_and_counts_as_one() -> None:
    spec = with_vars(SPEC.replace('"{{secrets/openai/key}}"', '"{{ key }}"'), key="{{secrets/openai/key}}")
    assert given_values(spec).table == compile_text(SPEC, INSTALLED).table
    found = compile_text(with_vars(SPEC.replace("gpt-4o", '"x{{ key }}"'), key="{{secrets/a/b}}"), INSTALLED)
    assert codes(found) == ["XMC502"]


@pytest.mark.parametrize("place", ["openai_api_key", "openai_api_key_plaintext"])
@pytest.mark.parametrize(
    "text", ["{{ key }}", "{{ key | int }}", "{{ key + 1 }}", "{{ key.part }}", "x{{ [key] }}", "{{ hosts[key] }}"]
)
def test_no_message_shows_a_value(place: str, text: str) -> None:
    spec = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f'{place}: "{text}"')
    found = given_values(f"vars: {{key: , hosts: {{a: b}}}}\n{spec}", key="c4n4ry-v4lue")
    assert found.diagnostics
    assert "c4n4ry" not in "".join(f"{one.message}{one.hint}" for one in found.diagnostics)
    assert found.table is None or b"c4n4ry" not in encode_table(found.table)


def test_what_is_shared_by_an_alias_is_worked_out_once_and_said_once(plugins: Plugins) -> None:
    text = 'vars: {x: t}\nendpoints:\n  - &a {name: "{{ nope }}", description: "{{ x }}"}\n  - *a\n'
    assert codes(compile_text(text, plugins)) == ["XMC208", "XMC220"]


def test_expressions_may_not_make_a_spec_without_end() -> None:
    variables: dict[str, Any] = {"v0": ["x" * 100] * 10}
    lines = "".join(f'    - {{key: "k{n}", value: "{{{{ v0 | join }}}}"}}\n' for n in range(1500))
    found = compile_text(with_vars(f"{SPEC}    tags:\n{lines}", **variables), INSTALLED)
    assert codes(found) == ["XMC222"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_expression_in_a_spec_is_a_value_or_a_diagnostic(name: str, other: str) -> None:
    text = with_vars(SPEC, v=name) + f"    description: {json.dumps(f'{name}{{{{ {other} }}}}')}\n"
    compile_text(text, INSTALLED)


@pytest.mark.parametrize(
    ("single", "value"),
    [
        ("a=1", {"a": 1}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a.b.c=[1, x]", {"a": {"b": {"c": [1, "x"]}}}),
        ("a=2026-01-01", {"a": "2026-01-01"}),
        ("a={{secrets/x/y}}", {"a": "{{secrets/x/y}}"}),
    ],
)
def test_single_values_are_read_as_a_spec_reads_them(single: str, value: Any) -> None:
    assert read_values((), (single,)) == (value, ())


def test_later_values_win_and_files_come_first() -> None:
    files = (Source("a.yaml", b"a: 1\nb: {c: 1, d: 1}\n"), Source("b.yaml", b"b: {c: 2}\n"))
    assert read_values(files, ("a=3", "b.d=4")) == ({"a": 3, "b": {"c": 2, "d": 4}}, ())


def test_what_is_no_value_is_said_without_it() -> None:
    for wrong in ("a", "=b", "a=[c4n4ry"):
        with pytest.raises(ValueTextError) as caught:
            read_values((), (wrong,))
        assert "c4n4ry" not in str(caught.value)
    (found,) = read_values((Source("a.yaml", b"- 1\n"),), ())[1]
    assert (found.code, str(found.span)) == ("XMC203", "a.yaml:1:1")


@pytest.mark.process
def test_a_spec_without_expressions_does_not_pay_for_them() -> None:
    code = (
        "import sys; from xmc.compiler import Source, compile_source; from xmc.plugins import build_plugins;"
        f"compile_source(Source('s', {SPEC.encode()!r}), build_plugins()); sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
