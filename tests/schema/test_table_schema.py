"""The published schema of the table format: up to date, and of one mind with what reads tables."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from tests.command import run_cli

from xmc.schema import FORMAT, Table, table_schema

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "schemas" / f"table-{FORMAT}.schema.json"
TABLES = sorted((ROOT / "tests" / "artifacts" / f"format-{FORMAT}").glob("*.xmc.json"))
VALIDATOR = jsonschema.Draft202012Validator(table_schema())


def test_the_published_schema_is_what_the_command_prints(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "schema", "--table")
    assert done.returncode == 0
    assert PUBLISHED.read_text() == done.stdout, f"run `xmc schema --table > {PUBLISHED.relative_to(ROOT)}`"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(table_schema())


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_tables_are_accepted(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(json.loads(path.read_text()))) == []


def test_what_no_table_is_refused_by_schema_and_reader() -> None:
    good: dict[str, Any] = json.loads(TABLES[0].read_text())
    endpoint = good["endpoints"][0]
    for bad in [
        {**good, "extra": 1},
        {**good, "contract": "1"},
        {**good, "endpoints": {}},
        {**good, "endpoints": [{**endpoint, "task": "llm/v1/sing"}]},
        {**good, "endpoints": [{**endpoint, "entities": [{"name": "x", "weight": 1.5}]}]},
        {**good, "secrets": {"a/b": {"ref": "x", "store": "y", "path": "z", "field": "f", "value": "v"}}},
    ]:
        assert list(VALIDATOR.iter_errors(bad))
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, Table)
    for bad in [{**good, "format": FORMAT + 1}, {**good, "digest": "sha256:0"}]:  # which the reader asks before
        assert list(VALIDATOR.iter_errors(bad))


def test_every_record_says_what_it_is() -> None:
    for name, definition in table_schema()["$defs"].items():
        assert len(definition["description"]) > 20, name
        assert "\n    " not in definition["description"], name
