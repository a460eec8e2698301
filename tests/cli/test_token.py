import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from xmc.cli import main
from xmc.runtime.callers import Callers
from xmc.runtime.errors import UnauthenticatedError
from xmc.schema import Principal, parse_token_hash


def _callers(entry: dict[str, Any]) -> Callers:
    hashes = [parse_token_hash(text) for text in entry["token_hashes"]]
    tokens = tuple(row for row in hashes if row is not None)
    assert len(tokens) == len(hashes)
    endpoints = tuple(entry.get("endpoints", ("*",)))
    return Callers(
        [Principal(name=entry["name"], tokens=tokens, endpoints=endpoints, metrics=entry.get("metrics", False))]
    )


def test_the_printed_entry_lets_the_printed_token_in_and_no_other() -> None:
    first, second = (
        json.loads(CliRunner().invoke(main, ["token", "create", "alice", "--format", "json"]).stdout) for _ in range(2)
    )
    callers = _callers(first["principal"])
    assert callers.identify({"authorization": f"Bearer {first['token']}"}).name == "alice"
    with pytest.raises(UnauthenticatedError):
        callers.identify({"authorization": f"Bearer {second['token']}"})


def test_endpoints_and_metrics_become_permissions() -> None:
    shown = CliRunner().invoke(
        main, ["token", "create", "bob", "-e", "chat", "-e", "embed", "--metrics", "--format", "json"]
    )
    made = json.loads(shown.stdout)
    caller = _callers(made["principal"]).identify({"x-api-key": made["token"]})
    assert (caller.may_query("chat"), caller.may_query("embed"), caller.may_query("other")) == (True, True, False)
    assert caller.may_read_metrics


def test_human_form_has_the_token_and_a_spec_that_can_be_pasted_on_stdout() -> None:
    shown = CliRunner().invoke(main, ["token", "create", "zoe.z+1@x", "-e", "chat"])
    token, _, spec = shown.stdout.partition("\n")
    (entry,) = yaml.safe_load(spec)["principals"]
    assert (entry["name"], entry["endpoints"]) == ("zoe.z+1@x", ["chat"])
    assert _callers(entry).identify({"authorization": f"bearer {token}"}).name == entry["name"]
    assert token not in spec


def test_whoever_only_scrapes_may_not_query() -> None:
    made = json.loads(CliRunner().invoke(main, ["token", "create", "prom", "--metrics", "--format", "json"]).stdout)
    caller = _callers(made["principal"]).identify({"x-api-key": made["token"]})
    assert (caller.may_read_metrics, caller.may_query("chat")) == (True, False)
    both = json.loads(
        CliRunner().invoke(main, ["token", "create", "ops", "--metrics", "-e", "*", "--format", "json"]).stdout
    )
    ops = _callers(both["principal"]).identify({"x-api-key": both["token"]})
    assert (ops.may_read_metrics, ops.may_query("chat")) == (True, True)


def test_yaml_form_keeps_the_token_off_stdout() -> None:
    shown = CliRunner().invoke(main, ["token", "create", "prom", "--metrics", "--format", "yaml"])
    (entry,) = yaml.safe_load(shown.stdout)
    assert (entry["metrics"], entry["endpoints"]) == (True, [])
    assert "xmc_" not in shown.stdout
    assert _callers(entry).identify({"authorization": f"Bearer {shown.stderr.strip()}"}).may_read_metrics


@pytest.mark.parametrize("name", ["", "  ", "a\n", "a b", "ä", "a" * 129])
def test_a_name_that_cannot_be_shown_is_a_usage_error(name: str) -> None:
    assert CliRunner().invoke(main, ["token", "create", name]).exit_code == 2


def test_help_shows_an_example() -> None:
    assert "xmc token create alice" in CliRunner().invoke(main, ["token", "create", "--help"]).stdout
