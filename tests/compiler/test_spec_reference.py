"""docs/spec.md names every key, and its examples compile."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.compiler.specs import codes, compile_text

from xmc.plugins import Plugins
from xmc.schema import Serving, spec_schema

TEXT = (Path(__file__).parents[2] / "docs" / "spec.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield name, value
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(dict(spec_schema()))


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_compiles(text: str, plugins: Plugins) -> None:
    assert codes(compile_text(text, plugins)) == []


def test_every_key_is_documented_here_and_in_the_schema() -> None:
    inside = {"on_update_success", "on_update_failure"} | set(spec_schema()["$defs"]["ai_gateway"]["properties"])
    hosted = {"$ref": "#/$defs/not_external"}
    for name, schema in properties(spec_schema()):
        assert "$ref" in schema or {"title", "description"} <= set(schema), name
        if schema != hosted and name not in inside:
            assert re.search(rf"`[^`]*\b{name}\b[^`]*`", TEXT), name


def test_defaults_are_those_of_the_table() -> None:
    serving = Serving()
    for name in ("connect", "first_byte", "idle", "total"):
        seconds = getattr(serving.timeouts, f"{name}_ms") // 1000
        assert re.search(rf"`timeouts\.{name}_s` \|.*\| {seconds} \|", TEXT), name
    assert re.search(rf"`hold_s` \|.*\| {serving.hold_ms // 1000} \|", TEXT)
    assert re.search(rf"`max_body_bytes` \|.*\| {serving.max_body_bytes} \|", TEXT)


def test_every_key_of_a_shipped_provider_is_documented(plugins: Plugins) -> None:
    for provider in plugins.providers.values():
        start = TEXT.index(f"### `{provider.config_key}`")
        section = TEXT[start : TEXT.index("\n##", start + 1)]
        for name, schema in properties(provider.config_schema):
            assert f"`{name}`" in section, name
            if schema.get("description", "").startswith("Extension"):
                assert re.search(rf"^\| `{name}` \| \*\*extension\*\*", section, re.MULTILINE), name
