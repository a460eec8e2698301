"""MLflow AI Gateway and MLflow Deployments server: the YAML file given as `--config-path`.

Forms: `endpoints` (with `routes` that split traffic among them), and the older `routes` with `route_type`.
Source: mlflow 3.17.2, `gateway/config.py` and `gateway/providers`.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from xmc.compiler.imports.draft import Draft, LeftOutError, SpecBuilder, apportion, at_most
from xmc.compiler.imports.ledger import Ledger, Outcome, show_path
from xmc.compiler.imports.mlflow_providers import PROVIDERS, Config
from xmc.compiler.imports.targets import CHAT, COMPLETIONS, EMBEDDINGS
from xmc.compiler.node import Path

_TASKS = (CHAT, COMPLETIONS, EMBEDDINGS)
_LIMIT = "no rate is limited in this version of xmc; MLflow limits calls for each client address"


def import_mlflow(document: Any, ledger: Ledger, builder: SpecBuilder) -> None:
    """Carry the endpoints of an MLflow configuration over."""
    if not isinstance(document, dict):
        return
    made: dict[str, Callable[[], Draft]] = {}
    for path, item in _items(document, "endpoints"):
        _endpoint(path, item, ledger, builder, made)
    for path, item in _items(document, "routes"):
        if "destinations" in item:
            _split(path, item, ledger, builder, made)
        else:
            _endpoint(path, item, ledger, builder, made)


def _items(document: dict[str, Any], section: str) -> list[tuple[Path, dict[str, Any]]]:
    listed = document.get(section)
    if not isinstance(listed, list):
        return []
    return [((section, index), item) for index, item in enumerate(listed) if isinstance(item, dict)]


def _endpoint(
    path: Path, item: dict[str, Any], ledger: Ledger, builder: SpecBuilder, made: dict[str, Callable[[], Draft]]
) -> None:
    """Carry one endpoint over, or name all of it."""
    name = item.get("name")
    if not isinstance(name, str):
        ledger.name(path, "left out: an endpoint needs a name")
        return
    try:
        draft = _draft(path, item)
    except LeftOutError as error:
        ledger.name(path, str(error))
        return
    made[name] = lambda: deepcopy(draft)
    own, note = builder.endpoint_name(name)
    at = builder.add(own, [draft], None)
    ledger.carry((*path, "name"), (*at, "name"), reason=note)
    limit = item.get("limit")
    if limit:
        ledger.name((*path, "limit"), _LIMIT)
    elif "limit" in item:
        ledger.name((*path, "limit"), "no limit was set", Outcome.NO_EFFECT)


def _draft(path: Path, item: dict[str, Any]) -> Draft:
    """Return the served entity of an endpoint.

    Raises:
        LeftOutError: it cannot be carried over.
    """
    typed = "endpoint_type" if "endpoint_type" in item else "route_type"
    task, model = item.get(typed), item.get("model")
    if task not in _TASKS:
        raise LeftOutError(f"left out: {typed} is none of {', '.join(_TASKS)}")
    if not isinstance(model, dict) or not isinstance(model.get("provider"), str):
        raise LeftOutError("left out: an endpoint needs a model with a provider")
    if not isinstance(model.get("name"), str):
        raise LeftOutError("left out: the model has no name, and a served entity needs one")
    provider = model["provider"].lower().replace("_", "-")
    reader = PROVIDERS.get(provider)
    if reader is None:
        raise LeftOutError("left out: this import does not know the provider")
    config = model.get("config")
    draft = Draft(path, model=model["name"], task=task)
    reader(draft, Config((*path, "model", "config"), config if isinstance(config, dict) else {}))
    draft.carry((*path, typed), "external_model", "task")
    draft.carry((*path, "model", "name"), "external_model", "name")
    draft.carry((*path, "model", "provider"), "external_model", "provider", reason=draft.note)
    return draft


def _split(
    path: Path, item: dict[str, Any], ledger: Ledger, builder: SpecBuilder, made: dict[str, Callable[[], Draft]]
) -> None:
    """Carry a traffic route over: an endpoint that serves the entities of several others."""
    listed, name = item.get("destinations"), item.get("name")
    if not isinstance(listed, list) or not isinstance(name, str):
        ledger.name(path, "left out: a traffic route needs a name and destinations")
        return
    drafts: list[Draft] = []
    weights: list[float] = []
    kept: list[Path] = []
    for index, one in enumerate(listed):
        here = (*path, "destinations", index)
        wanted = one.get("name") if isinstance(one, dict) else None
        make = made.get(wanted) if isinstance(wanted, str) else None
        share = one.get("traffic_percentage") if isinstance(one, dict) else None
        if make is None or not isinstance(share, int) or isinstance(share, bool) or share < 0:
            ledger.name(here, "left out: it names no endpoint that was carried over, or no share")
            continue
        draft = make()
        if drafts and draft.task != drafts[0].task:
            ledger.name(here, "left out: all entities of an endpoint have the same task")
            continue
        draft.name = str(wanted)
        draft.root = here
        drafts.append(draft)
        weights.append(share)
        kept.append(here)
    drafts = at_most(drafts, ledger)
    if not drafts:
        ledger.name(path, "left out: none of its destinations was carried over")
        return
    _add_split(path, item, ledger, builder, drafts, weights[: len(drafts)], kept)


def _add_split(  # noqa: PLR0913, PLR0917 - each is another part of one import
    path: Path,
    item: dict[str, Any],
    ledger: Ledger,
    builder: SpecBuilder,
    drafts: list[Draft],
    weights: list[float],
    kept: list[Path],
) -> None:
    own, note = builder.endpoint_name(item["name"])
    shares = apportion(weights) if sum(weights) != 100 else tuple(int(one) for one in weights)  # noqa: PLR2004 - percent
    at = builder.add(own, drafts, shares)
    ledger.carry((*path, "name"), (*at, "name"), reason=note)
    for index, here in enumerate(kept[: len(drafts)]):
        entity = (*at, "config", "served_entities", index)
        ledger.carry((*here, "name"), (*entity, "name"))
        route = (*at, "config", "traffic_config", "routes", index, "traffic_percentage")
        changed = shares[index] != weights[index]
        reason = f"the shares of what is left add up to 100: {shares[index]} percent" if changed else ""
        ledger.carry((*here, "traffic_percentage"), route, reason=reason)
    task = item.get("task_type")
    if task == drafts[0].task:
        ledger.carry((*path, "task_type"), (*at, "config", "served_entities", 0, "external_model", "task"))
    else:
        ledger.name((*path, "task_type"), f"the entities that {show_path(path)} names have another task")
    if item.get("routing_strategy") == "TRAFFIC_SPLIT":
        ledger.name((*path, "routing_strategy"), "it is the only way to split here too", Outcome.NO_EFFECT)
    ledger.name((*path, "routing_strategy"), "traffic is split by fixed shares only")
