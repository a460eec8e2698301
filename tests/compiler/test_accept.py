"""The law of the acceptor: it answers as jsonschema does, or it is not there."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import CASES

from xmc.compiler.accept import acceptor
from xmc.compiler.check import _any_external, _around_external, _Validators
from xmc.compiler.judge import validator
from xmc.compiler.node import plain
from xmc.compiler.parse import Source, parse
from xmc.plugins import Plugins, build_plugins
from xmc.schema import JsonObject, spec_schema

NAMES = ("a", "b", "enabled", "x_config")
PATTERNS = ("^a", "b$", "[0-9]", "^(a|b)$", "^.{2,3}$")
TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from([0.0, 1.0, 1.5, -2.0])
    | st.sampled_from(["", "a", "b", "A", "NONE", "12", "abc", "aaaa"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


def _object(known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=known)


def _holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    parts: dict[str, st.SearchStrategy[Any]] = {
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "items": inner,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
    }
    return st.lists(st.sampled_from(sorted(parts)), unique=True, max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: parts[name] for name in names})
    )


names = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
counts = st.integers(0, 3)
leaves: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), unique=True, min_size=1, max_size=3),
    "const": scalars,
    "enum": st.lists(scalars, min_size=1, max_size=4),
    "required": names,
    "dependentRequired": st.dictionaries(st.sampled_from(NAMES), names, max_size=2),
    "pattern": st.sampled_from(PATTERNS),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), counts),
    **dict.fromkeys(("minimum", "maximum"), st.integers(-2, 3) | st.sampled_from([0.5, 1.0])),
    "x-xmc-any-case": st.lists(st.sampled_from(["a", "b", "none"]), max_size=2),
    "x-xmc-not-enforced": st.just("why"),
    "x-xmc-no-effect": st.just("why"),
    "x-xmc-not-external": st.just("why"),
    "x-xmc-secret": st.just("reference"),
    "title": st.just("t"),
    "default": scalars,
}
own = st.lists(st.sampled_from(sorted(leaves)), unique=True, max_size=3).flatmap(
    lambda chosen: st.fixed_dictionaries({name: leaves[name] for name in chosen})
)
schemas = st.recursive(
    st.booleans() | own, lambda inner: st.builds(lambda one, two: {**one, **two}, own, _holding(inner)), max_leaves=5
)


def _without_references(schema: Any) -> Any:
    """What is referred to refers to nothing itself: a circle that eats nothing would be endless for both."""
    if isinstance(schema, list):
        return [_without_references(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _without_references(part) for key, part in schema.items() if key != "$ref"}
    return schema


roots = st.builds(
    lambda root, a, b: {**(root if isinstance(root, dict) else {"not": root}), "$defs": {"a": a, "b": b}},
    schemas,
    schemas.map(_without_references),
    schemas.map(_without_references),
)


@given(roots, st.lists(values, min_size=1, max_size=5))
def test_a_known_schema_takes_exactly_what_jsonschema_takes(schema: dict[str, Any], some: list[Any]) -> None:
    fits, judge = acceptor(schema), validator(schema)
    assert fits is not None
    for value in some:
        assert fits(value) is judge.is_valid(value), (schema, value)


UNKNOWN: list[JsonObject] = [
    {"unevaluatedProperties": False},
    {"uniqueItems": True},
    {"contains": {"type": "string"}},
    {"prefixItems": [True]},
    {"x-stranger": 1},
    {"$ref": "https://elsewhere.test/schema"},
    {"$ref": "#"},
    {"$ref": "#/$defs/missing"},
    {"$ref": "#/$defs/own", "$defs": {"own": {"$id": "https://a.test/"}}},
    {"$schema": "http://json-schema.org/draft-07/schema#"},
    {"type": "text"},
    {"type": []},
    {"pattern": "("},
    {"const": {"a": 1}},
    {"enum": [["a"]]},
    {"minLength": "1"},
    {"required": "a"},
    {"properties": ["a"]},
    {"anyOf": {"a": True}},
    {"additionalProperties": None},
]


@pytest.mark.parametrize("schema", UNKNOWN, ids=str)
@pytest.mark.parametrize("depth", [0, 1])
def test_what_is_not_known_is_left_to_jsonschema_wherever_it_stands(schema: JsonObject, depth: int) -> None:
    inside = {"type": "object", "properties": {"a": {"anyOf": [{"not": {"items": schema}}]}}}
    if "$defs" in schema:
        inside["$defs"] = schema["$defs"]
    assert acceptor(inside if depth else schema) is None


def test_a_schema_that_refers_to_itself() -> None:
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    fits = acceptor(tree)
    assert fits is not None
    assert fits([[], [[]]])
    assert not fits([[], [1]])


PLUGINS = build_plugins()


def installed_schemas(plugins: Plugins) -> Iterator[tuple[str, JsonObject]]:
    """Every schema that a compile holds values against."""
    yield "spec", spec_schema()
    yield "around external models", _around_external()
    yield "unknown provider", _any_external(plugins)
    for name, provider in plugins.providers.items():
        yield f"{name} config", provider.config_schema
        yield f"{name} external model", _Validators(plugins, name).external().schema
    for name, store in plugins.secret_stores.items():
        yield f"{name} store", store.config_schema
        yield f"{name} scope", store.scope_schema


INSTALLED = dict(installed_schemas(PLUGINS))


def _parts(value: Any) -> Iterator[Any]:
    yield value
    inner: list[Any] = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for part in inner:
        yield from _parts(part)


def _corpus() -> list[Any]:
    """Every value in every case: whole specs, endpoints, configurations, texts."""
    found: list[Any] = []
    for case in sorted(CASES.glob("*.yaml")):
        root = parse(Source(case.name, case.read_bytes())).root
        if root is not None and "bomb" not in case.name:
            found += _parts(plain(root))
    return list({repr(value): value for value in found}.values())


CORPUS = _corpus()


@pytest.mark.parametrize("name", INSTALLED)
def test_every_installed_schema_is_known_and_judged_alike(name: str) -> None:
    fits, judge = acceptor(INSTALLED[name]), validator(INSTALLED[name])
    assert fits is not None, "a keyword is not known: every compile that meets it pays for jsonschema"
    mappings: list[Any] = [value for value in CORPUS if isinstance(value, dict)]
    for value in (*mappings, "text", 1, None, []):
        assert fits(value) is judge.is_valid(value), value


def _like(schema: Any, root: JsonObject) -> st.SearchStrategy[Any]:
    """Values that nearly fit a schema: mostly its own keys, types, words, and now and then something else."""
    if not isinstance(schema, dict):
        return values
    if "$ref" in schema:
        return _like(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    words: list[Any] = [*schema.get("enum", ()), *schema.get("x-xmc-any-case", ())]
    words += [schema["const"]] if "const" in schema else []
    if words:
        return st.sampled_from([*words, "other", 1])
    if "properties" in schema or "additionalProperties" in schema:
        known = {name: _like(part, root) for name, part in schema.get("properties", {}).items()}
        extra = st.dictionaries(st.sampled_from(NAMES), _like(schema.get("additionalProperties"), root), max_size=1)
        return st.builds(lambda one, two: {**two, **one}, _object(known), st.just({}) | extra)
    if "items" in schema:
        return st.lists(_like(schema["items"], root), max_size=3)
    texts = [_matching(schema["pattern"])] if "pattern" in schema else []
    typed = {"integer": st.integers(-1, 70), "number": st.floats(-1, 70), "boolean": st.booleans()}
    return typed.get(str(schema.get("type")), st.one_of(*texts, st.text(max_size=5))) | scalars


def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(pattern, re.ASCII))


@pytest.mark.parametrize("name", INSTALLED)
def test_values_made_for_an_installed_schema_are_judged_alike(name: str) -> None:
    schema = INSTALLED[name]
    fits, judge = acceptor(schema), validator(schema)
    check: Callable[[Any], bool] = fits or (lambda _: False)

    @given(_like(schema, schema))
    def law(value: Any) -> None:
        assert check(value) is judge.is_valid(value)

    law()
