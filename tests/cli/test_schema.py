"""`xmc schema`, as an independent validator reads it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.command import run_cli
from tests.compiler.specs import CASES, SPEC, expected

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# What a schema can know: unknown and missing keys, types, values, either-or, names.
OF_THE_SCHEMA = re.compile(r"error XMC(201|202|203|204|207|208|212)\b")
MEANING = {
    "capability_missing": "which capabilities there are depends on the task and the installed providers",
    "scope_bad_setting": "which settings a scope has depends on the kind of the store that another part names",
    "wrong_type_bool": "the validator reads YAML 1.2, to which `no` is text",
}
"""Cases whose mistake is not one of shape."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "xmc.schema.json"
    done = run_cli(path.parent, "schema")
    assert done.returncode == 0
    path.write_text(done.stdout)
    return path


def complaints(schema: Path, specs: Iterable[Path]) -> set[str]:
    """Return the stems of the specs that check-jsonschema refuses."""
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(part) for part in (tool, "--schemafile", schema, "--output-format", "json", *specs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    told: dict[str, Any] = json.loads(done.stdout)
    return {Path(one["filename"]).stem for one in (*told.get("errors", ()), *told.get("parse_errors", ()))}


def test_it_is_a_schema(schema: Path) -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([tool, "--check-metaschema", schema], check=True, capture_output=True, timeout=60)


def test_every_good_spec_is_accepted(schema: Path) -> None:
    good = [case for case in CASES.glob("*.yaml") if not any("error" in line for line in expected(case))]
    examples = [path for path in EXAMPLES.rglob("*.yaml") if "plugin" not in path.parts]
    assert complaints(schema, [*good, *examples]) == set()


def test_every_mistake_of_shape_is_refused(schema: Path) -> None:
    bad = [case for case in CASES.glob("*.yaml") if any(OF_THE_SCHEMA.search(line) for line in expected(case))]
    assert {case.stem for case in bad} - complaints(schema, bad) == set(MEANING)


BY_NAME = SPEC.replace("endpoints:", "vars: {v: 1}\nendpoints:", 1)
CONFIG = '              openai_api_key: "{{secrets/openai/key}}"'
ROUTE = "      traffic_config: {{routes: [{{served_entity_name: main, traffic_percentage: {}}}]}}\n"
PLACES = {
    "provider": BY_NAME.replace("provider: openai", 'provider: "{{ v }}"'),
    "task": BY_NAME.replace("task: llm/v1/chat", 'task: "{{ v }}"'),
    "name": BY_NAME.replace("name: chat", 'name: "chat-{{ v }}"'),
    "config": BY_NAME.replace(f"\n{CONFIG}", ' "{{ v }}"'),
    "secret": BY_NAME.replace('"{{secrets/openai/key}}"', '"{{ v }}"'),
    "entity": BY_NAME.split("        - name: main")[0] + '        - "{{ v }}"\n',
    "endpoint": 'vars: {v: 1}\nendpoints:\n  - "{{ v }}"\n',
    "endpoints": 'vars: {v: 1}\nendpoints: "{{ v }}"\n',
    "percentage": BY_NAME + ROUTE.format('"{{ v }}"'),
    "routes": BY_NAME + '      traffic_config: {routes: "{{ v }}"}\n',
    "numbers": BY_NAME
    + '    serving: {timeouts: {total_s: "{{ v }}"}, hold_s: "{{ v }}", max_body_bytes: "{{ v }}"}\n',
    "tags": BY_NAME + '    tags: ["{{ v }}", {key: "{{ v }}", value: "{{ v }}"}]\n',
    "principals": BY_NAME + 'principals: [{name: "{{ v }}", token_hashes: ["{{ v }}"], metrics: "{{ v }}"}]\n',
    "stores": BY_NAME + 'secrets: {stores: {a: {kind: "{{ v }}"}, b: "{{ v }}"}, scopes: {c: "{{ v }}"}}\n',
    "residency": BY_NAME + 'residency: {allow: ["{{ v }}"]}\n',
}
NO_PLACES = {
    "reference_as_a_number": BY_NAME + ROUTE.format('"{{secrets/a/b}}"'),
    "text_as_a_number": BY_NAME + ROUTE.format('"half"'),
    "one_brace": BY_NAME.replace("task: llm/v1/chat", 'task: "{ v }"'),
    "unknown_key": BY_NAME + '    serving: {hold: "{{ v }}"}\n',
    "vars_list": BY_NAME.replace("{v: 1}", "[v]"),
    "vars_name": BY_NAME.replace("{v: 1}", "{two words: 1}"),
}
"""Specs with an expression where another type is wanted, and specs with what is none, or has no place."""


def test_an_expression_is_accepted_wherever_it_can_stand(schema: Path, tmp_path: Path) -> None:
    for name, text in {**PLACES, **NO_PLACES}.items():
        assert text not in (SPEC, BY_NAME), name
        (tmp_path / f"{name}.yaml").write_text(text)
    assert complaints(schema, sorted(tmp_path.glob("*.yaml"))) == set(NO_PLACES)


def test_it_has_words_for_every_key_that_is_not_obvious(schema: Path) -> None:
    definitions = json.loads(schema.read_text())["$defs"]
    external = definitions["external_model"]["properties"]
    assert {"openai_config", "cohere_config", "custom_provider_config"} <= set(external)
    for name, definition in definitions.items():
        if name.startswith("provider:"):
            assert all(part.get("description") for part in definition["properties"].values()), name


def test_editors_find_a_title_and_an_example_for_whatever_is_not_a_choice(schema: Path) -> None:
    choice = {"enum", "const", "default", "examples", "x-xmc-any-case", "x-xmc-secret", "x-xmc-no-effect", "$ref"}

    def lacking(part: Any, path: str) -> Iterable[str]:
        if isinstance(part, list):
            for one in part:
                yield from lacking(one, path)
        elif isinstance(part, dict):
            for name, one in part.get("properties", {}).items():
                forms = [one, *one.get("anyOf", ())] if isinstance(one, dict) else []
                told = {key for form in forms for key in form}
                texts = any(
                    form.get("type") in ("string", "integer", "number") for form in forms if "pattern" not in form
                )
                if "description" in told and "title" not in told:
                    yield f"{path}.{name}: title"
                if texts and not told & choice:
                    yield f"{path}.{name}: example"
            for key, one in part.items():
                if key not in {"if", "then", "else"}:
                    yield from lacking(one, f"{path}/{key}")

    assert list(lacking(json.loads(schema.read_text()), "")) == []
