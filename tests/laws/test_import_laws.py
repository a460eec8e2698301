"""Laws of imports: whatever stands in the input, each key of it has exactly one fate, and nothing breaks."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.imports.fixtures import FIXTURES, KINDS, document, plugins
from tests.strategies import json_values, nearly

from xmc.compiler.imports import Imported, apportion, import_document, leaf_paths, show_path

KEYS = (
    "endpoints", "routes", "name", "endpoint_type", "route_type", "model", "provider", "config", "limit",
    "destinations",
    "traffic_percentage", "task_type", "model_list", "model_name", "litellm_params", "api_key", "api_base", "weight",
    "rpm", "timeout", "model_info", "mode", "id", "base_model", "litellm_credential_name", "credential_list",
    "credential_name", "credential_values", "environment_variables", "router_settings", "model_group_alias",
    "litellm_settings", "general_settings", "served_entities", "external_model", "task", "openai_config", "tags", "key",
    "traffic_config", "served_model_name", "ai_gateway", "description", "vertex_credentials", "aws_region_name",
)  # fmt: skip
DOCUMENTS = {path: document(path) for path in FIXTURES}


def run(kind: str, value: Any) -> Imported:
    return import_document(kind, value, "input", plugins())


def places(value: Any, kinds: type | tuple[type, ...] = (dict, list)) -> list[Any]:
    """Return the mappings and lists of a document, itself included."""
    found = [value] if isinstance(value, kinds) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [place for item in inner for place in places(item, kinds)]


@given(st.data(), st.sampled_from(FIXTURES))
def test_additions_at_any_depth_are_all_accounted_for(data: st.DataObject, path: Any) -> None:
    value = deepcopy(DOCUMENTS[path])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(value)))
        added = data.draw(json_values)
        if isinstance(place, dict):
            place.setdefault(data.draw(st.text(min_size=1, max_size=6).map(lambda key: f"new {key}")), added)
        else:
            place.append(added)
    fates = run(path.parent.name, value).report.fates
    assert [fate.path for fate in fates] == list(leaf_paths(value))
    assert all(fate.to or fate.reason for fate in fates)


@given(st.data(), st.sampled_from(FIXTURES))
def test_a_value_of_another_kind_breaks_nothing(data: st.DataObject, path: Any) -> None:
    value = deepcopy(DOCUMENTS[path])
    place = data.draw(st.sampled_from([one for one in places(value) if one]))
    key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
    place[key] = data.draw(json_values | nearly(KEYS))
    fates = run(path.parent.name, value).report.fates
    assert [fate.path for fate in fates] == list(leaf_paths(value))


@given(st.sampled_from(KINDS), nearly(KEYS) | json_values)
def test_any_document_is_accounted_for(kind: str, value: Any) -> None:
    assert [fate.path for fate in run(kind, value).report.fates] == list(leaf_paths(value))


@given(json_values)
def test_different_paths_are_shown_differently(value: Any) -> None:
    paths = leaf_paths(value)
    assert len({show_path(path) for path in paths}) == len(paths)


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=15))
def test_shares_are_whole_add_up_and_stay_near(weights: list[float]) -> None:
    shares = apportion(weights)
    assert sum(shares) == 100
    total = sum(weights)
    if total > 0:
        for share, weight in zip(shares, weights, strict=True):
            assert (share > 0) == (weight > 0)
            assert abs(share - 100 * weight / total) <= len(weights)
