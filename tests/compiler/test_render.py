import json
import re

import pytest
from tests.compiler.specs import CASES, SPEC, compile_text

from xmc.compiler import Source, compile_source, render_human, render_json
from xmc.compiler.render import MOST_SHOWN
from xmc.plugins import Plugins

PLACE = re.compile(r"^spec\.yaml:\d+:\d+: ")


def render(text: str, plugins: Plugins, *, color: bool = False) -> str:
    source = Source("spec.yaml", text.encode())
    return render_human(compile_source(source, plugins).diagnostics, (source,), color=color)


def test_human_form(plugins: Plugins) -> None:
    text = SPEC + SPEC.removeprefix("endpoints:\n")
    assert render(text, plugins) == (
        "spec.yaml:12:11: error[XMC301]: the endpoint 'chat' is defined twice\n"
        "  12 |   - name: chat\n"
        "     |           ^^^^\n"
        "spec.yaml:2:11: first defined here\n"
        "  hint: rename one of them\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_lines_end_as_in_yaml(end: str, plugins: Plugins) -> None:
    out = render(SPEC.replace("task:", "tsk:").replace("\n", end), plugins)
    assert out.startswith("spec.yaml:9:13: error[XMC201]: ")
    assert "  9 |             tsk: llm/v1/chat\n    |             ^^^\n" in out


def test_colour_only_when_asked(plugins: Plugins) -> None:
    text = SPEC.replace("task:", "tsk:")
    plain, colored = render(text, plugins), render(text, plugins, color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain != colored


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_every_place_begins_a_line_and_a_caret_follows_the_first(case: object, plugins: Plugins) -> None:
    source = Source("spec.yaml", (CASES / str(case)).read_bytes())
    diagnostics = compile_source(source, plugins).diagnostics
    lines = render_human(diagnostics, (source,)).splitlines()
    places = [line for line in lines if PLACE.match(line)]
    assert len(places) == sum(1 + len(one.labels) for one in diagnostics)
    heads = [one for one in diagnostics if one.code != "XMC109"]  # an empty file has no line to show
    assert sum(bool(re.fullmatch(r" +\| *\^+", line)) for line in lines) >= len(heads)


def test_a_spec_cannot_steer_the_terminal(plugins: Plugins) -> None:
    text = SPEC.replace("name: chat", 'name: "a\\e[31m\\nspec.yaml:1:1: error"')
    out = render(text, plugins)
    assert "\x1b" not in out
    assert len([line for line in out.splitlines() if PLACE.match(line)]) == 1


def test_json_form_is_stable(plugins: Plugins) -> None:
    compiled = compile_text(SPEC.replace("chat\n    config", "my chat\n    config"), plugins)
    assert json.loads(render_json(compiled.diagnostics)) == {
        "diagnostics": [
            {
                "code": "XMC212",
                "severity": "error",
                "title": "unusable name",
                "message": "'my chat' cannot be a name: letters, digits, - and _ only, 1 to 63 of them",
                "hint": "choose another name",
                "span": {"file": "spec.yaml", "line": 2, "column": 11, "end_line": 2, "end_column": 18},
                "labels": [],
                "doc": "docs/errors/XMC212.md",
            }
        ],
        "errors": 1,
        "warnings": 0,
        "notes": 0,
    }


def test_of_very_many_diagnostics_the_first_are_shown_and_errors_before_others(plugins: Plugins) -> None:
    warnings = "".join(f"- {{name: w{i}, tags: [], route_optimized: true, served_entities: []}}\n" for i in range(150))
    out = render(f"endpoints:\n{warnings}- {{name: last, colour: red}}\n", plugins)
    assert len([line for line in out.splitlines() if PLACE.match(line)]) == MOST_SHOWN
    assert out.endswith(f"… and {150 * 2 + 2 - MOST_SHOWN} more; the JSON form holds all {150 * 2 + 2}\n")
    assert "warning" not in out


CANARY = "c4n4ry-8f2d71aa0b"
LEAKY = [
    SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f"openai_api_key_plaintext: {CANARY}"),
    SPEC.replace('"{{secrets/openai/key}}"', CANARY),
    SPEC.replace('"{{secrets/openai/key}}"', f"[{CANARY}]"),
    SPEC.replace('"{{secrets/openai/key}}"', f"\n                - {CANARY}"),
    SPEC.replace('"{{secrets/openai/key}}"', f'"{{{{secrets/openai/key}}}}{CANARY}"'),
    SPEC.replace('"{{secrets/openai/key}}"', f"!{CANARY} x"),
    SPEC.replace('"{{secrets/openai/key}}"', f"*{CANARY}"),
    SPEC.replace('"{{secrets/openai/key}}"', f"'{CANARY}"),
    SPEC.replace('"{{secrets/openai/key}}"', f"|\n{CANARY}"),
    SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f"openai_api_key_plaintex: {CANARY}"),
    SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f"openai_api_key_plaintext: @{CANARY}"),
    SPEC.replace("openai_config:\n", f"openai_config: {CANARY}\n").replace(
        "              openai_api_key", "            x"
    ),
    SPEC.replace("provider: openai", "provider: opnai").replace("{{secrets/openai/key}}", CANARY),
    SPEC + f"principals:\n  - name: a\n    token_hashes: [{CANARY}]\n",
    SPEC + f"principals:\n  - name: a\n    token_hashes:\n      - {CANARY}\n",
    SPEC + f"              openai_api_key: {CANARY}\n",
    SPEC + f"              openai_api_key_plaintext: {CANARY}\n",
    SPEC.replace("openai_api_key:", "openai_api_kye:").replace("{{secrets/openai/key}}", CANARY),
    *(
        f"endpoints: [{{name: a, colour: red, openai_config: {{{inner}, typo: 1}}}}]\n"
        for inner in (
            f"openai_api_key_plaintext: {CANARY}",
            f'openai_api_key_plaintext: "a, {CANARY}"',
            f"openai_api_key_plaintext: 'a'' {CANARY}'",
            f"openai_api_key_plaintext: a#{CANARY}",
            f"openai_api_key_plaintext: &x {CANARY}",
            f'"openai_api_key_plaintext":"a\\"{CANARY}"',
            f"openai_api_key: [{CANARY}]",
            f"openai_api_key: {{a: {CANARY}}}",
            f"b: it's, token_plaintext: '{CANARY}'",
        )
    ),
    *(
        SPEC.replace("openai_config:\n", f'openai_config:\n              openai_api_base: "{url}"\n')
        for url in (
            f"https://u:{CANARY}@host/v1",
            f"https://u:a={CANARY}@host/v1",
            f"ftp://{CANARY}@host/v1",
            f"https://host/v1?key={CANARY}",
            f"https://host:99999/v1?a=b&x-api-key={CANARY}",
        )
    ),
    f"{CANARY}\n",
]


@pytest.mark.parametrize("text", LEAKY, ids=range(len(LEAKY)))
def test_what_may_be_a_secret_is_never_shown(text: str, plugins: Plugins) -> None:
    source = Source("spec.yaml", text.encode())
    compiled = compile_source(source, plugins)
    assert compiled.diagnostics
    shown = render_human(compiled.diagnostics, (source,)) + render_json(compiled.diagnostics) + repr(compiled)
    assert CANARY not in shown
