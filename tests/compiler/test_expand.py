"""Variables in specs: what they become, where they may stand, and that nothing of them is shown."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import SPEC, codes, compile_text

from xmc.compiler import Compiled, Source, ValueTextError, compile_source, read_values, render_human
from xmc.compiler.expression import LONGEST_TEXT
from xmc.compiler.sandbox import DEEPEST_RESULT, FILTERS, LONGEST_RESULT, TESTS
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


def spec_of(description: str, **variables: Any) -> str:
    return with_vars(f"{SPEC}    description: {json.dumps(description)}\n", **variables)


def said(compiled: Compiled) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in compiled.diagnostics]


def description(compiled: Compiled) -> str:
    assert compiled.table is not None, compiled.diagnostics
    text: str = compiled.table.endpoints[0].document["description"]
    return text


def test_a_long_way_from_variable_to_variable_is_walked() -> None:
    chain = {f"v{n}": f"{{{{ v{n + 1} }}}}" for n in range(1500)}
    assert description(compile_text(spec_of("{{ v0 }}", **chain, v1500="end"), INSTALLED)) == "end"


def test_each_circle_is_said_once_however_many_lean_on_it() -> None:
    circle = {"a": "{{ b }}", "b": ["{{ c }}"], "c": {"x": "{{ a }}"}, "self": "{{ self }}", "leans": "{{ a }}"}
    found = compile_text(spec_of("{{ leans }} {{ a }} {{ c.x }}", **circle), INSTALLED)
    loops = ["a -> b -> c -> a", "self -> self"]
    assert said(found) == [("XMC223", f"variables refer to each other in a circle: {loop}") for loop in loops]


@pytest.mark.parametrize("name", ["self", "loop", "context", "result", "super", "caller", "environment", "class", "_x"])
def test_no_name_of_a_variable_means_anything_to_jinja(name: str) -> None:
    assert description(compile_text(spec_of(f"{{{{ {name} }}}}", **{name: "own"}), INSTALLED)) == "own"


def test_a_default_is_for_a_variable_without_a_value_and_not_for_a_typing_mistake() -> None:
    spec = spec_of("{{ region | default('eu') }}", region=None)
    assert description(given_values(spec)) == "eu"
    assert description(given_values(spec, region="us")) == "us"
    assert codes(compile_text(spec_of("{{ regoin | default('eu') }}", region=None), INSTALLED)) == ["XMC220"]


def test_a_given_value_takes_the_place_of_one_that_cannot_be_worked_out() -> None:
    spec = spec_of("{{ base }}", stage=None, base="https://{{ stage }}.example")
    assert codes(given_values(spec)) == ["XMC224"]
    assert said(given_values(spec, base="x")) == []
    assert description(given_values(spec, base="x")) == "x"


def test_a_part_that_is_given_must_be_one_that_is_declared() -> None:
    spec = spec_of("{{ hosts.live ~ open.any }}", hosts={"live": "a", "test": {"x": 1}}, open={"any": "1"})
    message = "a value is given for '{}', which `vars` does not declare"
    wrong = given_values(spec, hosts={"lvie": "b", "test": {"y": 2}})
    assert said(wrong) == [("XMC225", message.format(name)) for name in ("hosts.lvie", "hosts.test.y")]
    assert wrong.diagnostics[0].hint == "did you mean 'live'?"
    free = spec_of("{{ open.any }}", open={})
    assert description(given_values(free, open={"any": "1"})) == "1"


def test_text_around_an_expression_stays_as_it_is() -> None:
    block = with_vars(SPEC, v="w") + "    description: |\n      a  {{ v }}\n\n       {{ v }} {%\n      }}\n"
    assert description(compile_text(block, INSTALLED)) == "a  w\n\n w {%\n}}\n"
    assert description(compile_text(spec_of("a\r\n{{ v }}\r\n", v="w"), INSTALLED)) == "a\r\nw\r\n"
    assert description(compile_text(spec_of(" {{ v }}", v=7), INSTALLED)) == " 7"


@pytest.mark.parametrize("text", ["100{% off", "{#", "a }} b", "%} {%"])
def test_braces_that_are_nothing_are_text(text: str) -> None:
    assert description(compile_text(SPEC + f"    description: {json.dumps(text)}\n", INSTALLED)) == text


@pytest.mark.parametrize("text", ["{# c #}", "{% if x %}", "{{ v }} {#\n#}"])
def test_statements_are_refused_with_or_without_an_expression(text: str) -> None:
    assert codes(compile_text(spec_of(text, v="w"), INSTALLED)) == ["XMC221"]


def test_every_mistake_of_a_scalar_is_said_and_those_of_unused_variables_too() -> None:
    found = compile_text(spec_of("{{ a }} {{ b | }} {{ c }}", unused="{{ d }} {{ }}"), INSTALLED)
    missing = [("XMC220", f"there is no variable {name!r}") for name in "dac"]
    no_end = ("XMC221", "something is missing at the end of this expression")
    assert sorted(said(found)) == sorted([*missing, no_end, no_end])


@pytest.mark.parametrize("key", ["openai_api_key_plaintext", "openai_api_key"])
@pytest.mark.parametrize("secret", ["ab{{c4n4ry}}", "{{c4n4ry", "{{ 'c4n4ry }}", "{{c4n4ry.x|c4n4ry}}", "{% c4n4ry %}"])
def test_a_typed_in_secret_that_looks_like_an_expression_is_not_shown(key: str, secret: str) -> None:
    spec = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f"{key}: {json.dumps(secret)}")
    for text in (spec, f"vars: {{api_key: {json.dumps(secret)}}}\n{SPEC}"):
        source = Source("spec.yaml", text.encode())
        found = compile_source(source, INSTALLED)
        assert found.table is None
        assert "c4n4ry" not in render_human(found.diagnostics, (source,))


def test_a_near_miss_is_still_suggested_where_a_secret_may_stand() -> None:
    spec = with_vars(SPEC.replace('"{{secrets/openai/key}}"', '"{{ opnai_key }}"'), openai_key="{{secrets/openai/key}}")
    (found,) = compile_text(spec, INSTALLED).diagnostics
    assert (found.code, found.hint) == ("XMC220", "did you mean 'openai_key'?")
    assert "opnai" not in found.message


def test_a_typed_in_secret_through_a_variable_works_like_one_typed_there() -> None:
    spec = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', 'openai_api_key_plaintext: "{{ token }}"')
    found = given_values(f"vars: {{token: }}\n{spec}", token="c4n4ry")
    assert codes(found) == ["XMC503"]
    assert found.table is not None
    assert b"c4n4ry" not in encode_table(found.table)
    assert [value.reveal() for value in found.plaintext.values()] == ["c4n4ry"]


def test_braces_can_be_typed_in_by_an_expression() -> None:
    spec = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', """openai_api_key_plaintext: "a{{ '{{' }}b" """)
    assert [value.reveal() for value in compile_text(spec, INSTALLED).plaintext.values()] == ["a{{b"]


def test_the_number_of_different_expressions_is_bounded_and_of_equal_ones_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xmc.compiler.expand._MOST_WORK", 1000)
    tags = "".join(f'      - {{key: "k{n}", value: "{{{{ v }}}}"}}\n' for n in range(500))
    assert codes(compile_text(with_vars(f"{SPEC}    tags:\n{tags}", v="w"), INSTALLED)) == []
    tags = "".join(f'      - {{key: "k{n}", value: "{{{{ v ~ {n} }}}}"}}\n' for n in range(500))
    assert codes(compile_text(with_vars(f"{SPEC}    tags:\n{tags}", v="w"), INSTALLED)) == ["XMC222"]


def test_values_may_not_grow_or_nest_without_end() -> None:
    wide: dict[str, Any] = {"v0": "x", **{f"v{n}": f"{{{{ [{', '.join([f'v{n - 1}'] * 60)}] }}}}" for n in range(1, 9)}}
    found = compile_text(spec_of("{{ v8 | length }}", **wide), INSTALLED)
    assert said(found) == [("XMC222", "the result has more than 65536 characters")]
    deep = {"v0": "x", **{f"v{n}": f"{{{{ [[[v{n - 1}]]] }}}}" for n in range(1, 40)}}
    found = compile_text(spec_of("{{ v39 | length }}", **deep), INSTALLED)
    assert said(found) == [("XMC222", "the result is nested more than 32 levels deep")]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=4, max_size=4), st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_variables_does_not_matter(reads: list[str], order: list[str]) -> None:
    """Each reads one other, itself, or nothing; whatever comes of it comes of it in any order."""
    texts = {name: "end" if name == read else f"{{{{ {read} }}}}" for name, read in zip("abcd", reads, strict=True)}
    usual = compile_text(spec_of("{{ a }}", **texts), INSTALLED)
    turned = compile_text(spec_of("{{ a }}", **{name: texts[name] for name in order}), INSTALLED)
    assert usual.table == turned.table
    assert sorted(codes(usual)) == sorted(codes(turned))


@pytest.mark.parametrize("single", ["a..b=1", ".a=1", "a.=1", "=1", ".".join(["a"] * 5000) + "=1"])
def test_names_that_are_none_are_refused(single: str) -> None:
    with pytest.raises(ValueTextError):
        read_values((), (single,))


@pytest.mark.parametrize(
    "chain",
    ["a.b[0]", "a['b'][1].c", "a.b", "a.c", "s.upper", "s[0]", "a.b.c", "a.b['0']", "n", "n.x", "a[0]", "a.b[7]"],
)
def test_the_short_way_and_the_sandbox_agree(chain: str) -> None:
    variables: dict[str, Any] = {"a": {"b": ["x", {"c": "y"}]}, "s": "text", "n": None}
    read = {name: value for name, value in variables.items() if name == chain[0]}
    short = compile_text(spec_of(f"{{{{ {chain} }}}}", **read), INSTALLED)
    long = compile_text(spec_of(f"{{{{ {chain} if true else 1 }}}}", **read), INSTALLED)
    assert short.table == long.table
    assert said(short) == said(long)


@pytest.mark.parametrize(
    "variables",
    [
        "vars: {api: c4n4ry, region: }",
        "vars:\n  api: c4n4ry\n  region:",
        "vars:\n  api: {deep: c4n4ry, a: {{x}}}\n  region:",
        "vars:\n  region: {a: c4n4ry, b: '{{ regoin }}'}",
        "vars:\n  region:\n    - {a: c4n4ry, 1: x}",
        "vars:\n  region:\n  - c4n4ry\n  -  *c4n4rz c4n4ry",
        "vars:\n  region: c4n4ry\n  region: c4n4ry",
        "vars:\n  region: c4n4ry'",
        'version: 1\n"vars": {\n  "region": "c4n4ry", "region": 2}',
        "vars:\n  region:\n  unused: [c4n4ry, *x]",
    ],
)
def test_no_line_of_variables_shows_a_value(variables: str) -> None:
    source = Source("spec.yaml", f"{variables}\n{SPEC}    description: '{{{{ region }}}}'\n".encode())
    found = compile_source(source, INSTALLED)
    assert found.diagnostics
    assert "c4n4ry" not in render_human(found.diagnostics, (source,))


def test_the_expression_of_a_variable_is_shown_with_its_mistake() -> None:
    source = Source("spec.yaml", f'vars:\n  base: "https://{{{{ regoin }}}}/v1"\n{SPEC}'.encode())
    shown = render_human(compile_source(source, INSTALLED).diagnostics, (source,))
    assert '  2 |   base: "https://{{ regoin }}/v1"\n    |                     ^^^^^^\n' in shown


DOCS = Path(__file__).parents[2] / "docs" / "expressions.md"


def test_the_examples_of_the_documentation_compile() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    live = given_values(example, region="eu-north-1", share=50, stage="live")
    assert said(live) == []
    assert live.table is not None
    assert [one.weight for one in live.table.endpoints[0].entities] == [50, 50]
    assert live.table.endpoints[0].entities[1].target.url == "https://models.example.com/v1/chat/completions"
    assert codes(given_values(example)) == ["XMC224"]


def test_the_documentation_names_every_filter_test_and_limit() -> None:
    text = DOCS.read_text()
    for line, names in (("filters", FILTERS), ("tests", TESTS)):
        (row,) = re.findall(rf"^\| {line} \| (.*) \|$", text, re.MULTILINE)
        assert sorted(re.findall(r"`(?:is )?(\w+)`", row)) == sorted(names)
    for limit in (LONGEST_TEXT, LONGEST_RESULT):
        assert f"{limit:,} characters" in text
    assert f"{DEEPEST_RESULT} levels deep" in text
