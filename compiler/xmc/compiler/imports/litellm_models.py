"""The `model_list` of LiteLLM: entries to served entities, entries of one name to one endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xmc.compiler.imports.draft import Draft, LeftOutError, SpecBuilder, apportion, at_most
from xmc.compiler.imports.ledger import Ledger, Outcome
from xmc.compiler.imports.litellm_params import Environment, Params
from xmc.compiler.imports.litellm_providers import PREFIXES, split_model, task_of
from xmc.compiler.imports.litellm_reasons import MODEL_INFO, NOT_SECONDS, PARAMS, reason_for
from xmc.compiler.node import Path

_SHARE_OF_LIMIT = "no rate is limited in this version of xmc; what it says of the entity's share is kept"
_WEIGHTS = ("weight", "rpm", "tpm")


@dataclass(slots=True)
class Entry:
    """One entry of `model_list` that can be served. `path` is where it stands."""

    path: Path
    name: str
    draft: Draft
    params: Params


def read_entries(document: dict[str, Any], ledger: Ledger, environment: Environment) -> list[Entry]:
    """Return the entries that can be carried over; name all of the others."""
    listed = document.get("model_list")
    entries: list[Entry] = []
    credentials = _credentials(document)
    tasks: dict[str, str] = {}
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        path: Path = ("model_list", index)
        try:
            entry = _entry(path, item, environment, credentials)
        except LeftOutError as error:
            ledger.name(path, str(error))
            continue
        if tasks.setdefault(entry.name, entry.draft.task) == entry.draft.task:
            entries.append(entry)
        else:
            ledger.name(path, "left out: all entities of an endpoint have the same task")
    if listed == []:
        ledger.name(("model_list",), "it is empty", Outcome.NO_EFFECT)
    return entries


def _credentials(document: dict[str, Any]) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Return the named credentials of the file: where each one stands, and its values."""
    listed = document.get("credential_list")
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        values = item.get("credential_values") if isinstance(item, dict) else None
        if isinstance(values, dict) and isinstance(item.get("credential_name"), str):
            found[item["credential_name"]] = (("credential_list", index), values)
    return found


def _entry(
    path: Path, item: Any, environment: Environment, credentials: dict[str, tuple[Path, dict[str, Any]]]
) -> Entry:
    """Return an entry with its served entity.

    Raises:
        LeftOutError: it cannot be carried over.
    """
    own = item.get("litellm_params") if isinstance(item, dict) else None
    name = item.get("model_name") if isinstance(item, dict) else None
    if not isinstance(own, dict) or not isinstance(name, str) or not isinstance(own.get("model"), str):
        raise LeftOutError("left out: an entry needs model_name and litellm_params with a model")
    if "*" in name or "*" in own["model"]:
        raise LeftOutError("left out: a wildcard; every endpoint and its model are written down in a spec")
    if own.get("mock_response") is not None:
        raise LeftOutError(
            "left out: it answers with a text of its own and calls nobody; every entity here has an upstream"
        )
    if own["model"].startswith("os.environ/"):
        raise LeftOutError("left out: its model is in an environment variable; write it down")
    params, credential = _params(path, own, environment, credentials)
    info = item.get("model_info")
    info = info if isinstance(info, dict) else {}
    draft = Draft(path)
    _provider(draft, params, info)
    _carry_names(draft, path, params, info)
    if credential is not None:
        to = ("external_model", draft.config_key)
        draft.carry((*path, "litellm_params", "litellm_credential_name"), *to)
        draft.carry((*credential, "credential_name"), *to)
        draft.lose((*credential, "credential_info"), "describes the credential for people", Outcome.NO_EFFECT)
    return Entry(path, name, draft, params)


def _params(
    path: Path, own: dict[str, Any], environment: Environment, credentials: dict[str, tuple[Path, dict[str, Any]]]
) -> tuple[Params, Path | None]:
    values: dict[str, Any] = {}
    places: dict[str, Path] = {}
    named, credential = own.get("litellm_credential_name"), None
    if named is not None:
        if not isinstance(named, str) or named not in credentials:
            raise LeftOutError("left out: its litellm_credential_name is not in credential_list of this file")
        credential, shared = credentials[named]
        values.update(shared)
        places.update({key: (*credential, "credential_values", key) for key in shared})
    written = {key: value for key, value in own.items() if value is not None}
    values.update(written)
    places.update({key: (*path, "litellm_params", key) for key in written})
    return Params(values, places, environment), credential


def _provider(draft: Draft, params: Params, info: dict[str, Any]) -> None:
    """Set provider, task, model and configuration."""
    prefix, draft.model = split_model(params.values["model"], params.raw("custom_llm_provider"))
    reader = PREFIXES.get(prefix)
    if reader is None:
        raise LeftOutError("left out: this import does not know the provider of the model")
    mode = info.get("mode")
    draft.task = task_of(prefix, draft.model, mode if isinstance(mode, str) else None)
    reader(draft, params)


def _carry_names(draft: Draft, path: Path, params: Params, info: dict[str, Any]) -> None:
    """Say where model, mode and id went, and why the rest did not."""
    model = params.places["model"]
    draft.carry(model, "external_model", "name", reason=draft.note)
    draft.carry(model, "external_model", "provider")
    if "custom_llm_provider" in params.places:
        draft.carry(params.places["custom_llm_provider"], "external_model", "provider")
    if isinstance(info.get("mode"), str):
        draft.carry((*path, "model_info", "mode"), "external_model", "task")
    base = info.get("base_model")
    if isinstance(base, str) and base and "openai_deployment_name" in draft.config:
        draft.model = base.rpartition("/")[2]
        draft.carry((*path, "model_info", "base_model"), "external_model", "name")
    for key, place in params.places.items():
        found = reason_for(PARAMS, key)
        if found is not None and key not in {*_WEIGHTS, "timeout"}:
            draft.lose(place, *found)
    for key in info:
        found = reason_for(MODEL_INFO, key)
        if found is not None and key != "id":
            draft.lose((*path, "model_info", key), *found)


def add_endpoints(entries: Sequence[Entry], ledger: Ledger, builder: SpecBuilder) -> dict[str, int]:
    """Add an endpoint for each name; return which one it is."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.name, []).append(entry)
    indices: dict[str, int] = {}
    for name, group in groups.items():
        kept = group[: len(at_most([entry.draft for entry in group], ledger))]
        indices[name] = len(builder.endpoints)
        _add(name, kept, ledger, builder)
    return indices


def _add(wanted: str, group: Sequence[Entry], ledger: Ledger, builder: SpecBuilder) -> None:
    name, note = builder.endpoint_name(wanted)
    used, weights = _weights(group)
    shares = apportion(weights) if len(group) > 1 else None
    for entry in group:
        identity = _info(entry, ledger).get("id")
        entry.draft.name = identity if isinstance(identity, str) else ""
    at = builder.add(name, [entry.draft for entry in group], shares)
    endpoint = builder.endpoints[-1]
    for index, entry in enumerate(group):
        ledger.carry((*entry.path, "model_name"), (*at, "name"), reason=note or _fewer(wanted, len(group), ledger))
        if entry.draft.name:
            given = endpoint["config"]["served_entities"][index]["name"]
            changed = "" if given == entry.draft.name else f"it is called {given!r} here"
            to = (*at, "config", "served_entities", index, "name")
            ledger.carry((*entry.path, "model_info", "id"), to, reason=changed)
        _settle_weights(entry, used, weights, shares, (*at, "config", "traffic_config", "routes", index), ledger)
    _timeout(group, endpoint, at, ledger)


def _fewer(name: str, kept: int, ledger: Ledger) -> str:
    """Return what has to be known if the input has more entries of a name than are carried over."""
    all_of_it = sum(isinstance(one, dict) and one.get("model_name") == name for one in ledger.document["model_list"])
    return "" if all_of_it == kept else "other entries of this name are left out, and these get their traffic"


def _info(entry: Entry, ledger: Ledger) -> dict[str, Any]:
    info = ledger.document["model_list"][entry.path[1]].get("model_info")
    return info if isinstance(info, dict) else {}


def _weights(group: Sequence[Entry]) -> tuple[str, list[float]]:
    """Return by what LiteLLM weighs these entries, and the weights; as there, missing ones count 0."""
    for key in _WEIGHTS:
        weights = [_number(entry.params.values.get(key)) for entry in group]
        if any(weights):
            return key, weights
    return "", [1.0] * len(group)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return min(max(float(value), 0.0), 1e12)


def _settle_weights(  # noqa: PLR0913, PLR0917 - each is another part of one import
    entry: Entry, used: str, weights: list[float], shares: tuple[int, ...] | None, route: Path, ledger: Ledger
) -> None:
    """Say what became of weight, rpm and tpm."""
    own = (*entry.path, "litellm_params")
    for key in _WEIGHTS:
        place = entry.params.places.get(key)
        if place is None:
            continue
        if key == "weight" and used == key and shares is not None and place[: len(own)] == own:
            share = shares[int(route[-1])]
            exact = share * sum(weights) == 100 * _number(entry.params.values[key])
            reason = "" if exact else f"rounded to {share} percent"
            ledger.carry(place, (*route, "traffic_percentage"), reason=reason)
        elif key == used and shares is not None:
            ledger.name(place, _SHARE_OF_LIMIT)
        else:
            found = reason_for(PARAMS, key)
            if found is not None:
                ledger.name(place, *found)


def _timeout(group: Sequence[Entry], endpoint: dict[str, Any], at: Path, ledger: Ledger) -> None:
    """Carry the time-out over if all entries of the endpoint have the same."""
    values = [as_seconds(entry.params.values.get("timeout")) for entry in group]
    one = values[0]
    same = one is not None and all(value == one for value in values)
    if same:
        endpoint["serving"] = {"timeouts": {"total_s": one}}
    for entry, value in zip(group, values, strict=True):
        place = entry.params.places.get("timeout")
        if place is None:
            continue
        if same:
            ledger.carry(place, (*at, "serving", "timeouts", "total_s"))
        elif value is not None:
            ledger.name(place, "the entities of an endpoint share their time-outs, and these have not all the same")
        else:
            ledger.name(place, NOT_SECONDS)


def as_seconds(value: Any) -> int | float | None:
    """Return a value as seconds that a spec allows for a time-out, or None.

    >>> as_seconds(30), as_seconds("30"), as_seconds(True), as_seconds("os.environ/T"), as_seconds(1e9)
    (30, 30, None, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0.001 <= value <= 86400 else None  # noqa: PLR2004 - as the spec's schema
