"""Databricks: the answer of `GET /api/2.0/serving-endpoints/{name}`, or of the list, as REST and its SDK give it.

Source: databricks-sdk 0.156.0, `service/serving.py`. Answers never hold the value of a secret.
"""

from typing import Any

from xmc.compiler.imports.databricks_reasons import CONFIG, ENDPOINT, ENTITY, GATEWAY, GONE, STATE, redacted
from xmc.compiler.imports.draft import Draft, LeftOutError, SpecBuilder, apportion, at_most
from xmc.compiler.imports.ledger import Ledger, Outcome
from xmc.compiler.imports.secret_book import Hidden, is_reference
from xmc.compiler.node import Path
from xmc.plugins import Plugins
from xmc.schema import JsonObject

_SUFFIX = "_plaintext"


def import_databricks(document: Any, ledger: Ledger, builder: SpecBuilder, plugins: Plugins) -> None:
    """Carry serving endpoints of external models over."""
    if not isinstance(document, dict):
        return
    listed = document.get("endpoints")
    places: list[tuple[Path, Any]] = [((), document)]
    if isinstance(listed, list):
        places = [(("endpoints", index), item) for index, item in enumerate(listed)]
        ledger.name(("next_page_token",), "where a list goes on: import the next page as well")
    for path, item in places:
        if isinstance(item, dict):
            _endpoint(path, item, ledger, builder, plugins)


def _endpoint(path: Path, item: dict[str, Any], ledger: Ledger, builder: SpecBuilder, plugins: Plugins) -> None:
    name, config = item.get("name"), item.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        _leave(path, item, ledger, "left out: an endpoint needs a name and a config to be served")
        return
    drafts = at_most(_entities((*path, "config", "served_entities"), config, ledger, plugins), ledger)
    if not drafts:
        _leave(path, item, ledger, "left out: no served entity of this endpoint can be served here")
        return
    own, note = builder.endpoint_name(name)
    shares = _shares(config, drafts)
    at = builder.add(own, drafts, shares)
    ledger.carry((*path, "name"), (*at, "name"), reason=note)
    if config.get("name") == name:
        ledger.carry((*path, "config", "name"), (*at, "name"), reason=note)
    entities = builder.endpoints[-1]["config"]["served_entities"]
    for index, (draft, entity) in enumerate(zip(drafts, entities, strict=True)):
        if draft.name:
            renamed = "" if entity["name"] == draft.name else f"it is called {entity['name']!r} here"
            if shares is not None and not _by_entity(config):
                renamed = f"equal shares, as this answer has no routes: import that of one endpoint. {renamed}".strip()
            ledger.carry((*draft.root, "name"), (*at, "config", "served_entities", index, "name"), reason=renamed)
    if shares is not None:
        _routes((*path, "config", "traffic_config", "routes"), config, ledger, drafts, shares, at)
    _labels(path, item, ledger, builder.endpoints[-1], at)
    _rest(path, item, ledger)


def _leave(path: Path, item: dict[str, Any], ledger: Ledger, reason: str) -> None:
    """Name an endpoint that is left out; what was never configuration is said to be so."""
    for key in STATE:
        if key in item:
            ledger.name((*path, key), STATE[key], Outcome.NO_EFFECT)
    ledger.name(path, reason)


def _entities(path: Path, config: dict[str, Any], ledger: Ledger, plugins: Plugins) -> list[Draft]:
    listed = config.get("served_entities")
    drafts: list[Draft] = []
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        here = (*path, index)
        try:
            draft = _entity(here, item, plugins)
        except LeftOutError as error:
            ledger.name(here, str(error))
            continue
        if drafts and draft.task != drafts[0].task:
            ledger.name(here, "left out: all entities of an endpoint have the same task")
        else:
            drafts.append(draft)
    return drafts


def _entity(path: Path, item: Any, plugins: Plugins) -> Draft:
    external = item.get("external_model") if isinstance(item, dict) else None
    if not isinstance(external, dict):
        raise LeftOutError("left out: no external model, so it is served by Databricks alone")
    texts = [external.get(key) for key in ("name", "provider", "task")]
    if not all(isinstance(text, str) for text in texts):
        raise LeftOutError("left out: an external model needs name, provider and task")
    provider = plugins.providers.get(external["provider"])
    if provider is None or provider.name in GONE:
        raise LeftOutError(f"left out: {GONE.get(external['provider'], 'no installed provider serves it')}")
    draft = Draft(path, provider.name, provider.config_key, external["name"], external["task"])
    draft.name = item["name"] if isinstance(item.get("name"), str) else ""
    for key in ("name", "provider", "task"):
        draft.carry((*path, "external_model", key), "external_model", key)
    config = external.get(provider.config_key)
    place = (*path, "external_model", provider.config_key)
    _config(draft, place, config if isinstance(config, dict) else {}, provider.config_schema, "")
    if config == {}:
        draft.lose(place, "answers leave out what was typed in; it has a reference here", Outcome.NO_EFFECT)
    for key, shown in redacted(provider.name, draft.config).items():
        draft.put(key, _proposed(draft, shown))
    for key, reason in ENTITY.items():
        draft.lose((*path, key), reason, Outcome.NO_EFFECT)
    return draft


def _config(draft: Draft, place: Path, config: dict[str, Any], schema: JsonObject, above: str) -> None:
    """Carry the keys over that the provider's schema knows; what is a secret becomes a reference."""
    properties = schema.get("properties", {})
    for key, value in config.items():
        if key == "uc_service_credential_name" and value is not None:
            draft.put("aws_default_chain", True)
            reason = "a credential of Unity Catalog is not read here: the keys that the gateway's host finds are used"
            draft.lose((*place, key), reason)
        elif key not in properties or value is None:
            continue
        elif isinstance(value, dict):
            _config(draft, (*place, key), value, properties[key], f"{above}{key}.")
        elif "x-xmc-secret" not in properties[key]:
            draft.put(f"{above}{key}", value, (*place, key))
        elif is_reference(value):
            draft.put(f"{above}{key}", Hidden(known=value), (*place, key))
        else:
            bare = key.removesuffix(_SUFFIX)
            draft.put(f"{above}{bare}", _proposed(draft, bare, str(value)), (*place, key))


def _proposed(draft: Draft, key: str, value: str = "") -> Hidden:
    put = f"the {key} of the served entity {draft.name or draft.model}"
    return Hidden(key=f"{draft.name or draft.model}-{key}", put=put, value=value or repr(draft.root))


def _shares(config: dict[str, Any], drafts: list[Draft]) -> tuple[int, ...] | None:
    """Return the shares of the entities that are left: as they are if they add up to 100, else in proportion."""
    routes = _by_entity(config)
    if not routes and len(drafts) == 1:
        return None
    wanted = [routes.get(draft.name or _default_name(draft.model), (0, 0))[1] for draft in drafts]
    return tuple(wanted) if sum(wanted) == 100 else apportion(wanted)  # noqa: PLR2004 - percent


def _default_name(model: str) -> str:
    return model.replace(".", "-").replace(":", "-")


def _by_entity(config: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return index and share of each route by the entity that it names."""
    traffic = config.get("traffic_config")
    routes = traffic.get("routes") if isinstance(traffic, dict) else None
    found: dict[str, tuple[int, int]] = {}
    for index, route in enumerate(routes if isinstance(routes, list) else []):
        if not isinstance(route, dict):
            continue
        name = route.get("served_entity_name", route.get("served_model_name"))
        share = route.get("traffic_percentage")
        share = int(share) if isinstance(share, str) and share.isdecimal() and share.isascii() else share
        if isinstance(name, str) and isinstance(share, int) and 0 <= share <= 100:  # noqa: PLR2004 - percent
            found[name] = (index, share)
    return found


def _routes(  # noqa: PLR0913, PLR0917 - each is another part of one import
    path: Path, config: dict[str, Any], ledger: Ledger, drafts: list[Draft], shares: tuple[int, ...], at: Path
) -> None:
    """Say where each route went."""
    routes = _by_entity(config)
    for position, draft in enumerate(drafts):
        found = routes.get(draft.name or _default_name(draft.model))
        if found is None:
            continue
        here, to = (*path, found[0]), (*at, "config", "traffic_config", "routes", position)
        listed = config["traffic_config"]["routes"][found[0]]
        for key in ("served_entity_name", "served_model_name"):
            if key in listed:
                ledger.carry((*here, key), (*to, "served_entity_name"))
        changed = "" if shares[position] == found[1] else "the shares of the entities that are left add up to 100"
        ledger.carry((*here, "traffic_percentage"), (*to, "traffic_percentage"), reason=changed)
    ledger.name(path, "left out: a route to an entity that is not carried over")


def _labels(path: Path, item: dict[str, Any], ledger: Ledger, endpoint: dict[str, Any], at: Path) -> None:
    """Carry description and tags over."""
    description = item.get("description")
    if isinstance(description, str) and description:
        endpoint["description"] = description
        ledger.carry((*path, "description"), (*at, "description"))
    elif "description" in item:
        ledger.name((*path, "description"), "it is empty", Outcome.NO_EFFECT)
    made: list[dict[str, str]] = []
    tags = item.get("tags")
    for index, tag in enumerate(tags if isinstance(tags, list) else []):
        if not isinstance(tag, dict) or not isinstance(tag.get("key"), str) or not tag["key"]:
            continue
        made.append({})
        for key in ("key", "value"):
            if isinstance(tag.get(key), str):
                made[-1][key] = tag[key]
                ledger.carry((*path, "tags", index, key), (*at, "tags", len(made) - 1, key))
    if made:
        endpoint["tags"] = made
    elif tags == []:
        ledger.name((*path, "tags"), "it is empty", Outcome.NO_EFFECT)


def _rest(path: Path, item: dict[str, Any], ledger: Ledger) -> None:
    """Name what is known and not carried over."""
    for key, reason in STATE.items():
        ledger.name((*path, key), reason, Outcome.NO_EFFECT)
    for key, (reason, outcome) in ENDPOINT.items():
        ledger.name((*path, key), reason, outcome)
    for key, (reason, outcome) in CONFIG.items():
        ledger.name((*path, "config", key), reason, outcome)
    for key in ("ai_gateway", "rate_limits"):
        if item.get(key) in ({}, []):
            ledger.name((*path, key), "it is empty", Outcome.NO_EFFECT)
    gateway = item.get("ai_gateway")
    for key, reason in GATEWAY.items():
        inner = gateway.get(key) if isinstance(gateway, dict) else None
        off = inner in ({}, []) or (isinstance(inner, dict) and inner.get("enabled") is False)
        if off:
            ledger.name((*path, "ai_gateway", key), "switched off there as well", Outcome.NO_EFFECT)
        ledger.name((*path, "ai_gateway", key), reason)
    ledger.name((*path, "rate_limits"), GATEWAY["rate_limits"])
