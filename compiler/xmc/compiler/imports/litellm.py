"""LiteLLM: the proxy's `config.yaml`.

Several entries of one `model_name` become the served entities of one endpoint. Source: litellm 1.110.2,
`proxy/proxy_server.py`, `router_strategy/simple_shuffle.py`.
"""

from copy import deepcopy
from typing import Any

from xmc.compiler.imports.draft import SpecBuilder
from xmc.compiler.imports.ledger import Ledger, Outcome
from xmc.compiler.imports.litellm_models import add_endpoints, as_seconds, read_entries
from xmc.compiler.imports.litellm_params import Environment
from xmc.compiler.imports.litellm_reasons import (
    GENERAL,
    LITELLM,
    PROCESS,
    PROCESS_VARIABLE,
    PROMETHEUS,
    ROUTER,
    SAME_STRATEGY,
    SECTIONS,
    Rule,
    reason_for,
)
from xmc.compiler.node import Path

MEGABYTE = 1024 * 1024
_LARGEST_BODY = 1024 * MEGABYTE


def import_litellm(document: Any, ledger: Ledger, builder: SpecBuilder, environ: dict[str, str]) -> None:
    """Carry the models of a LiteLLM configuration over, and name the rest."""
    if not isinstance(document, dict):
        return
    written = document.get("environment_variables")
    environment = Environment(environ, written if isinstance(written, dict) else {})
    entries = read_entries(document, ledger, environment)
    indices = add_endpoints(entries, ledger, builder)
    _aliases(document, ledger, builder, indices)
    _defaults(document, ledger, builder)
    _settings(document, ledger)
    for variable in environment.written:
        if PROCESS_VARIABLE.fullmatch(variable):
            ledger.name(("environment_variables", variable), PROCESS)
    for section, (reason, outcome) in SECTIONS.items():
        empty = document.get(section) in ({}, [])
        ledger.name((section,), "it is empty" if empty else reason, Outcome.NO_EFFECT if empty else outcome)


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    return section if isinstance(section, dict) else {}


def _aliases(document: dict[str, Any], ledger: Ledger, builder: SpecBuilder, indices: dict[str, int]) -> None:
    """Carry `model_group_alias` over: an endpoint of the second name with the same entities."""
    aliases = _section(document, "router_settings").get("model_group_alias")
    for alias, meant in aliases.items() if isinstance(aliases, dict) else ():
        path: Path = ("router_settings", "model_group_alias", alias)
        model = meant.get("model") if isinstance(meant, dict) else meant
        if not isinstance(model, str) or model not in indices or alias in indices:
            continue
        name, note = builder.endpoint_name(alias)
        index = len(builder.endpoints)
        builder.endpoints.append({**deepcopy(builder.endpoints[indices[model]]), "name": name})
        source = (*path, "model") if isinstance(meant, dict) else path
        ledger.carry(source, ("endpoints", index, "name"), reason=note)
        if isinstance(meant, dict):
            ledger.name((*path, "hidden"), "every endpoint is listed to those who may call it", Outcome.LOST)


def _defaults(document: dict[str, Any], ledger: Ledger, builder: SpecBuilder) -> None:
    """Carry the settings over that hold for all endpoints."""
    router, library = _section(document, "router_settings"), _section(document, "litellm_settings")
    to = ("defaults", "serving")
    places: tuple[tuple[Path, Any], ...] = (
        (("router_settings", "timeout"), router.get("timeout")),
        (("litellm_settings", "request_timeout"), library.get("request_timeout")),
    )
    for path, value in places:
        seconds = as_seconds(value)
        if seconds is None:
            continue
        if "serving" in builder.defaults:
            ledger.name(path, "router_settings.timeout wins", Outcome.NO_EFFECT)
            continue
        builder.defaults["serving"] = {"timeouts": {"total_s": seconds}}
        ledger.carry(path, (*to, "timeouts", "total_s"))
    size = _section(document, "general_settings").get("max_request_size_mb")
    if isinstance(size, int | float) and not isinstance(size, bool) and 1 <= size * MEGABYTE <= _LARGEST_BODY:
        builder.defaults.setdefault("serving", {})["max_body_bytes"] = int(size * MEGABYTE)
        ledger.carry(("general_settings", "max_request_size_mb"), (*to, "max_body_bytes"))


def _settings(document: dict[str, Any], ledger: Ledger) -> None:
    """Name the keys of the three sections of settings, each with its own reason."""
    strategy = _section(document, "router_settings").get("routing_strategy")
    if strategy == "simple-shuffle":
        ledger.name(("router_settings", "routing_strategy"), SAME_STRATEGY, Outcome.NO_EFFECT)
    library = _section(document, "litellm_settings")
    for key in ("callbacks", "success_callback", "failure_callback", "service_callback"):
        listed = library.get(key)
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if item == "prometheus":
                ledger.name(("litellm_settings", key, index), PROMETHEUS, Outcome.NO_EFFECT)
        if listed == "prometheus":
            ledger.name(("litellm_settings", key), PROMETHEUS, Outcome.NO_EFFECT)
    _switched_off(document, ledger)
    sections: tuple[tuple[str, tuple[Rule, ...]], ...] = (
        ("router_settings", ROUTER),
        ("litellm_settings", LITELLM),
        ("general_settings", GENERAL),
    )
    for section, rules in sections:
        for key in _section(document, section):
            found = reason_for(rules, key)
            if found is not None:
                ledger.name((section, key), *found)
        if document.get(section) == {}:
            ledger.name((section,), "it is empty", Outcome.NO_EFFECT)


_OFF = {
    "litellm_settings": ("cache", "drop_params", "modify_params", "turn_off_message_logging"),
    "router_settings": ("enable_pre_call_checks", "enable_tag_filtering", "cache_responses", "num_retries"),
    "general_settings": ("store_model_in_db", "enable_jwt_auth", "block_robots"),
}


def _switched_off(document: dict[str, Any], ledger: Ledger) -> None:
    """What is switched off over there is not missed here."""
    for section, keys in _OFF.items():
        values = _section(document, section)
        for key in keys:
            if key in values and (values[key] is False or values[key] == 0):
                ledger.name((section, key), "switched off there as well", Outcome.NO_EFFECT)
    verify = _section(document, "litellm_settings").get("ssl_verify")
    if verify is True:
        ledger.name(("litellm_settings", "ssl_verify"), "TLS is always verified", Outcome.NO_EFFECT)
