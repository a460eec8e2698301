"""`docs/spec.md` tells of every key that a spec may have, and of its default."""

import json
import re
from pathlib import Path

import pytest

from xmc.plugins import build_plugins
from xmc.schema import JsonObject, Serving

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "schema" / "xmc" / "schema" / "spec.schema.json").read_text(encoding="utf-8"))
DEFS: JsonObject = SCHEMA["$defs"]
# Told of as a group: what belongs to hosted models, and the inside of what is not enforced.
GROUPS = ("endpoint", "config", "external_model", "traffic_config", "route", "serving", "secrets", "principal")
KEYS = {*SCHEMA["properties"], *(key for name in GROUPS for key in DEFS[name]["properties"])}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_told_of(key: str) -> None:
    assert re.search(rf"`(?:\w+\.)?{key}[`:.]|timeouts\.{key}", TEXT)


def test_every_provider_is_told_of() -> None:
    for name, provider in build_plugins().providers.items():
        assert f"`{name}`" in TEXT
        assert f"`{provider.config_key}`" in TEXT


def test_defaults_are_the_tables_own() -> None:
    serving = Serving()
    told = dict(re.findall(r"^\| `([\w.]+)` \| (\d+) \|", TEXT, re.MULTILINE))
    limits = serving.timeouts
    assert told == {
        "timeouts.connect_s": str(limits.connect_ms // 1000),
        "timeouts.first_byte_s": str(limits.first_byte_ms // 1000),
        "timeouts.idle_s": str(limits.idle_ms // 1000),
        "timeouts.total_s": str(limits.total_ms // 1000),
        "hold_s": str(serving.hold_ms // 1000),
        "max_body_bytes": str(serving.max_body_bytes),
    }
