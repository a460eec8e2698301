"""The meaning of a spec: names, tasks, entities and traffic. Works on what there is; wrong parts were reported."""

from collections.abc import Iterable

from xmc.compiler.node import Mapping, Path, follow, key_span, string
from xmc.compiler.report import Report
from xmc.compiler.spec import EndpointView, EntityView, SpecView
from xmc.compiler.traffic import lint_traffic
from xmc.schema import Label

MAX_ENTITIES = 15
RESERVED_PREFIX = "databricks-"
_TWICE = ("served_entities", "traffic_config", "served_models", "auto_capture_config")
_COPIES = ("ai_gateway", "tags", "rate_limits", "route_optimized")


def lint(report: Report, spec: SpecView) -> None:
    """Report what every endpoint says that cannot be meant."""
    lint_unique(report, "XMC301", "endpoint", (((*one.path, "name"), one.name) for one in spec.endpoints))
    for endpoint in spec.endpoints:
        _lint_name(report, endpoint)
        _lint_entities(report, endpoint)
        _lint_tasks(report, endpoint)
        lint_traffic(report, endpoint)


def lint_forms(report: Report, spec: SpecView) -> None:
    """Report endpoints that use both forms at once, or serve nothing in either."""
    for endpoint in spec.endpoints:
        _lint_forms(report, endpoint)


def lint_unique(report: Report, code: str, what: str, named: Iterable[tuple[Path, str | None]]) -> None:
    """Report names that come twice, each at its later place with the first as a secondary one."""
    first: dict[str, Path] = {}
    for path, name in named:
        if name is None or report.is_wrong(path):
            continue
        if name in first:
            label = Label(follow(report.root, first[name]).span, "first defined here")
            message = f"the {what} {name!r} is defined twice"
            report.add(code, path, message, hint="rename one of them", labels=(label,))
        else:
            first[name] = path


def _lint_forms(report: Report, endpoint: EndpointView) -> None:
    config = endpoint.node.get("config")
    flat = [key for key in _TWICE if endpoint.node.get(key) is not None]
    if not isinstance(config, Mapping):
        mistyped = any(report.is_wrong_within((*endpoint.path, key)) for key in ("config", "served_entities"))
        if config is None and not flat and not mistyped:
            message = f"endpoint {endpoint.name!r} serves nothing" if endpoint.name else "this endpoint serves nothing"
            hint = "add `config:` with `served_entities:`"
            report.add("XMC208", (*endpoint.path, "served_entities"), message, hint=hint, at="opening")
        return
    for key in flat + [key for key in _COPIES if endpoint.node.get(key) is not None and config.get(key) is not None]:
        place = (*endpoint.path, key)
        if report.is_wrong(place) and key in flat:
            continue
        label = Label(key_span(report.root, (*endpoint.path, "config")), "the other form begins here")
        message = f"`{key}` stands beside `config:`, which has its own place for it"
        report.add("XMC211", place, message, hint="use one form", labels=(label,), at="key")


def _lint_name(report: Report, endpoint: EndpointView) -> None:
    path = (*endpoint.path, "name")
    if endpoint.name is not None and not report.is_wrong(path) and endpoint.name.startswith(RESERVED_PREFIX):
        message = f"{endpoint.name!r} begins with {RESERVED_PREFIX}, which Databricks reserves for its own endpoints"
        report.add("XMC313", path, message, hint="choose another name, unless it stands in for one of theirs")
    config = endpoint.node.get("config")
    repeated = string(config.get("name")) if isinstance(config, Mapping) else None
    if repeated is not None and endpoint.name is not None and repeated != endpoint.name:
        label = Label(follow(report.root, path).span, "the endpoint's name")
        message = f"`config.name` is {repeated!r}, but the endpoint is {endpoint.name!r}"
        report.add("XMC310", (*endpoint.path, "config", "name"), message, hint="remove it", labels=(label,))


def _lint_entities(report: Report, endpoint: EndpointView) -> None:
    for entity in endpoint.entities:
        _lint_default_name(report, entity)
    named = ((entity.label_path, entity.label) for entity in endpoint.entities)
    lint_unique(report, "XMC302", "served entity", named)
    if len(endpoint.entities) > MAX_ENTITIES:
        message = f"{len(endpoint.entities)} served entities; an endpoint has at most {MAX_ENTITIES}"
        report.add("XMC312", endpoint.entities[MAX_ENTITIES].path, message, hint="split the endpoint")


def _lint_default_name(report: Report, entity: EntityView) -> None:
    label = entity.label
    if entity.name is not None or label is None or report.is_wrong(entity.label_path):
        return
    if report.is_wrong((*entity.path, "name")):  # it is there, mistyped
        return
    if label.replace("-", "").replace("_", "").isalnum() and label.isascii() and len(label) <= 63:  # noqa: PLR2004 - as names
        return
    message = f"the entity's default name would be {label!r}, which cannot be used in a URL"
    report.add("XMC309", entity.label_path, message, hint="give the served entity a `name:` of its own")


def _lint_tasks(report: Report, endpoint: EndpointView) -> None:
    """All entities serve one task; the first one that is readable sets it."""
    first: EntityView | None = None
    for entity in endpoint.entities:
        path = (*entity.external, "task")
        if entity.task is None or report.is_wrong(path):
            continue
        if first is None:
            first = entity
        elif entity.task != first.task:
            label = Label(follow(report.root, (*first.external, "task")).span, f"{first.task} here")
            message = f"this entity serves {entity.task}, but the endpoint serves {first.task}"
            hint = "make an endpoint for each task"
            report.add("XMC308", path, message, hint=hint, labels=(label,))
