"""What clients of an endpoint may count on: `requires`, `degrade`, and what its entities do not have in common.

A capability is a request parameter of a provider's record, or one of the names in `ALIASES`. An entity lacks what its
provider refuses or drops; what a record does not know passes. `capabilities:` of an entity overrides its record, for
models and servers that can less than their provider, or more.
"""

from collections.abc import Iterable, Mapping

from xmc.compiler.node import Path, Scalar, follow, items, mapping, string
from xmc.compiler.report import Report
from xmc.compiler.spec import EndpointView, EntityView
from xmc.compiler.suggest import did_you_mean
from xmc.compiler.traffic import weights
from xmc.plugins import Plugins
from xmc.schema import Label, Task

ALIASES = {"json_schema": "response_format", "streaming": "stream", "vision": "messages.image_url"}
"""Names that people use -> parameters of the records."""
_NAMES = {parameter: alias for alias, parameter in ALIASES.items()}
_ALWAYS = frozenset({"input", "messages", "model", "prompt"})
"""Parameters of every request; nobody asks whether they are there."""
_TASKS = frozenset(map(str, Task))
_LACKING = frozenset({"refused", "dropped"})
_REFUSED = "refused"


class Records:
    """What the installed providers' records say, by the names that people use; looked up once for each of them."""

    def __init__(self, plugins: Plugins) -> None:
        self._providers = plugins.providers
        self._by_status: dict[tuple[str, str], dict[str, str]] = {}
        self._known: dict[str, frozenset[str]] = {}

    def of(self, entity: EntityView) -> Mapping[str, str] | None:
        """Return what each capability comes to; None if the provider or the task is not known."""
        key = (entity.provider or "", entity.task or "")
        found = self._by_status.get(key)
        if found is None:
            provider = self._providers.get(key[0])
            cells = provider.capabilities.get(Task(key[1])) if provider and key[1] in _TASKS else None
            if cells is None:
                return None
            found = {_NAMES.get(name, name): cell.status for name, cell in cells.items() if name not in _ALWAYS}
            self._by_status[key] = found
        return found

    def known(self, task: str) -> frozenset[str]:
        """Return every capability that a provider's record speaks of, for a task."""
        if task not in self._known:
            columns = [
                cells for one in self._providers.values() for of, cells in one.capabilities.items() if of == task
            ]
            self._known[task] = frozenset(_NAMES.get(name, name) for cells in columns for name in cells) - _ALWAYS
        return self._known[task]


def lint_capabilities(report: Report, endpoint: EndpointView, records: Records) -> None:
    """Report requirements that an entity cannot meet; without any, warn once of what the entities differ in."""
    if any(report.is_wrong_within((*endpoint.path, key)) for key in ("requires", "degrade")):
        return
    required = _listed(report, endpoint, "requires", records)
    degraded = _listed(report, endpoint, "degrade", records)
    entities = [entity for entity in endpoint.entities if _is_readable(report, entity, records)]
    for entity in entities:
        _lint_overrides(report, entity, records)
    if required is None:
        _lint_differences(report, endpoint, entities, records)
    for name, path in (required or {}).items():
        lacking = [entity for entity in entities if name in lacks(entity, records)]
        if name in (degraded or {}):
            continue
        for entity in lacking:
            _missing(report, entity, name, path)
    for name, path in (degraded or {}).items():
        if name not in (required or {}):
            message = f"`degrade` permits the loss of {name!r}, which `requires` does not ask for"
            report.add("XMC322", path, message, hint="remove it, or add it to `requires`")
        elif 0 < len(entities) == len(endpoint.entities) and not any(
            name in lacks(entity, records) for entity in entities
        ):
            message = f"`degrade` permits the loss of {name!r}, which every served entity has"
            report.add("XMC322", path, message, hint="remove it")


def _may_lack(endpoint: EndpointView, entities: list[EntityView], name: str, records: Records) -> bool:
    """Tell whether an entity lacks a capability, or may: one that is not readable, or not there yet."""
    all_known = 0 < len(entities) == len(endpoint.entities)
    return not all_known or any(name in lacks(entity, records) for entity in entities)


def _is_readable(report: Report, entity: EntityView, records: Records) -> bool:
    wrong = report.is_wrong_within((*entity.path, "capabilities")) or report.is_wrong((*entity.external, "provider"))
    return not wrong and records.of(entity) is not None


def lacks(entity: EntityView, records: Records) -> tuple[str, ...]:
    """Return the capabilities that an entity does not have, by name, sorted."""
    return _lacking(entity, records, _LACKING)


def _lacking(entity: EntityView, records: Records, statuses: frozenset[str]) -> tuple[str, ...]:
    found = {name for name, status in (records.of(entity) or {}).items() if status in statuses}
    for name, has in _overrides(entity).items():
        (found.discard if has else found.add)(_NAMES.get(name, name))
    return tuple(sorted(found))


def _listed(report: Report, endpoint: EndpointView, key: str, records: Records) -> dict[str, Path] | None:
    """Return the capabilities under a key of an endpoint with their places, None if the key is not there."""
    node = endpoint.node.get(key)
    if node is None:
        return None
    task = next((entity.task for entity in endpoint.entities if entity.task in _TASKS), None)
    known = records.known(task) if task and items(node) else frozenset()
    found: dict[str, Path] = {}
    for place, item in enumerate(items(node)):
        path: Path = (*endpoint.path, key, place)
        name = string(item)
        if name is None or report.is_wrong(path):
            continue
        name = _NAMES.get(name, name)
        if known and name not in known:
            message = f"{name!r} is no capability of this task"
            report.add("XMC204", path, message, hint=did_you_mean(name, known))
        else:
            found.setdefault(name, path)
    return found


def _overrides(entity: EntityView) -> dict[str, bool]:
    node = mapping(entity.node.get("capabilities"))
    entries = node.entries if node else ()
    values = {entry.key: entry.value.value for entry in entries if isinstance(entry.value, Scalar)}
    return {name: has for name, has in values.items() if isinstance(has, bool)}


def _lint_overrides(report: Report, entity: EntityView, records: Records) -> None:
    known = records.of(entity) or {}
    for name in _overrides(entity):
        if _NAMES.get(name, name) not in known:
            message = f"{name!r} is no capability of this task"
            report.add(
                "XMC204", (*entity.path, "capabilities", name), message, hint=did_you_mean(name, known), at="key"
            )


def _missing(report: Report, entity: EntityView, name: str, path: Path) -> None:
    label = Label(follow(report.root, path).span, "required here")
    message = f"the endpoint requires {name!r}, and the served entity {entity.label!r} cannot honour it"
    hint = f"take the entity out, or permit the loss: `degrade: [{name}]`"
    at = "key" if name in _overrides(entity) else "value"
    place = (*entity.path, "capabilities", name) if at == "key" else (*entity.external, "provider")
    diagnostic_place = place if not report.is_wrong(place) else entity.path
    report.add("XMC320", diagnostic_place, message, hint=hint, labels=(label,), at=at)


def _lint_differences(report: Report, endpoint: EndpointView, entities: Iterable[EntityView], records: Records) -> None:
    if len({entity.task for entity in entities}) > 1:  # which is reported
        return
    shares = weights(endpoint)
    served = [entity for entity in entities if shares.get(str(entity.label), 0) > 0]
    lacking = {str(entity.label): set(_lacking(entity, records, frozenset({_REFUSED}))) for entity in served}
    if len({frozenset(names) for names in lacking.values()}) < 2 or report.is_wrong((*endpoint.path, "name")):  # noqa: PLR2004 - alike is one
        return
    common = set.intersection(*lacking.values())
    parts = [f"{label} lacks {', '.join(sorted(names - common))}" for label, names in lacking.items() if names - common]
    message = f"what a request may ask for depends on who answers it: {'; '.join(parts)}"
    hint = "say by `requires:` what clients may count on; `requires: []` if nothing"
    path = (*endpoint.path, "name")
    report.add("XMC321", path if endpoint.name else endpoint.path, message, hint=hint)
