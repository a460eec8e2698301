import json

import pytest
from tests.tables import make_endpoint, make_table

from xmc.runtime import health
from xmc.runtime.callers import ANONYMOUS, Caller
from xmc.runtime.errors import GatewayError
from xmc.runtime.management import endpoint_id, get_document, list_document, models_document

LOADED_MS = 1_763_800_000_123
DOCUMENT = {
    "creator": "xmc",
    "config": {
        "config_version": 1,
        "served_entities": [
            {
                "name": "main",
                "creator": "xmc",
                "external_model": {
                    "name": "m", "provider": "openai", "task": "llm/v1/chat",
                    "openai_config": {"openai_api_key": "{{secrets/s/k}}"},
                },
            }
        ],
        "traffic_config": {"routes": [{"served_model_name": "main", "traffic_percentage": 100}]},
    },
    "tags": [{"key": "team", "value": "x"}],
}  # fmt: skip
TABLE = make_table(make_endpoint("chat", document=DOCUMENT), make_endpoint("private"))
BOB = Caller("bob", frozenset({"chat"}), may_read_metrics=False)


def test_the_detailed_document_has_what_the_vendors_clients_read() -> None:
    shown = get_document(TABLE, "chat", BOB, LOADED_MS)
    assert shown["name"] == "chat"
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert shown["creation_timestamp"] == shown["last_updated_timestamp"] == LOADED_MS
    assert (shown["permission_level"], shown["endpoint_type"], shown["task"]) == (
        "CAN_QUERY",
        "EXTERNAL_MODEL",
        "llm/v1/chat",
    )
    (entity,) = shown["config"]["served_entities"]
    assert entity["creation_timestamp"] == LOADED_MS
    assert entity["state"]["deployment"] == "DEPLOYMENT_READY"
    assert entity["external_model"]["openai_config"] == {"openai_api_key": "{{secrets/s/k}}"}
    assert shown["config"]["traffic_config"]["routes"][0]["traffic_percentage"] == 100
    assert shown["tags"] == [{"key": "team", "value": "x"}]
    json.dumps(shown)


def test_the_table_is_left_as_it_was() -> None:
    before = json.dumps(DOCUMENT)
    get_document(TABLE, "chat", BOB, LOADED_MS)
    list_document(TABLE, BOB, LOADED_MS)
    assert json.dumps(DOCUMENT) == before


def test_list_rows_are_summaries_of_what_the_caller_may_query() -> None:
    listed = list_document(TABLE, BOB, LOADED_MS)
    (row,) = listed["endpoints"]
    assert row["name"] == "chat"
    assert row["id"] == get_document(TABLE, "chat", BOB, LOADED_MS)["id"]
    assert set(row) & {"permission_level", "pending_config", "route_optimized"} == set()
    (entity,) = row["config"]["served_entities"]
    assert set(entity) == {"name", "external_model"}
    assert [row["name"] for row in list_document(TABLE, ANONYMOUS, LOADED_MS)["endpoints"]] == ["chat", "private"]


def test_the_key_endpoints_is_there_even_when_nothing_may_be_seen() -> None:
    nobody = Caller("nobody", frozenset(), may_read_metrics=False)
    assert list_document(TABLE, nobody, LOADED_MS) == {"endpoints": []}
    assert list_document(make_table(), ANONYMOUS, LOADED_MS) == {"endpoints": []}


def test_an_unknown_endpoint_is_404_and_a_forbidden_one_403() -> None:
    for name, status, code in (("nope", 404, "RESOURCE_DOES_NOT_EXIST"), ("private", 403, "PERMISSION_DENIED")):
        with pytest.raises(GatewayError) as caught:
            get_document(TABLE, name, BOB, LOADED_MS)
        assert (caught.value.status, caught.value.error_code) == (status, code)


def test_models_are_the_endpoints_that_the_caller_may_query() -> None:
    assert models_document(TABLE, BOB, LOADED_MS) == {
        "object": "list",
        "data": [{"id": "chat", "object": "model", "created": 1_763_800_000, "owned_by": "xmc"}],
    }
    assert len(models_document(TABLE, ANONYMOUS, LOADED_MS)["data"]) == 2


def test_ids_are_stable_hex_and_differ_by_name() -> None:
    assert endpoint_id("chat") == endpoint_id("chat")
    assert endpoint_id("chat") != endpoint_id("embed")
    assert len(endpoint_id("chat")) == 32
    assert int(endpoint_id("chat"), 16)


def test_health_tells_alive_from_ready() -> None:
    assert health.live("id").status == 200
    assert health.ready("id", serving=True).status == 200
    assert health.ready("id", serving=False).status == 503
    assert json.loads(health.ready("id", serving=False).body)["status"] == "NOT_READY"
