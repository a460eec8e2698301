"""Settings that other settings make idle: limits in the shadow of others, rights that nobody has, twins."""

from collections.abc import Iterable
from typing import Any

from xmc.compiler.node import Path, exists, follow, items, key_span, plain
from xmc.compiler.report import Report
from xmc.compiler.serving import read_serving
from xmc.compiler.spec import EndpointView, EntityView, SpecView, mapping_at
from xmc.schema import Endpoint, Entity, Label

_ALL = "*"
_OF_A_CALL = ("connect", "first_byte", "idle")


def lint_settings(report: Report, spec: SpecView) -> None:
    """Warn of time-outs that cannot strike, and of what only a split could need."""
    if _is_written(report, ("defaults", "serving")):
        _lint_timeouts(report, ("defaults",))
    for endpoint in spec.endpoints:
        if _is_written(report, (*endpoint.path, "serving")):
            if not report.is_wrong_within(("defaults",)):  # the endpoint's own are read together with these
                _lint_timeouts(report, endpoint.path)
            _lint_split(report, endpoint)


def lint_rights(report: Report, spec: SpecView) -> None:
    """Warn of permissions that are idle, and of endpoints that nobody may call although there are principals."""
    if report.is_wrong_within(("principals",)):
        return
    listed = items(mapping_at(report.root, "principals"))
    allowed: set[str] = set()
    for place, node in enumerate(listed):
        path: Path = ("principals", place, "endpoints")
        value = plain(node)
        names = value.get("endpoints", [_ALL]) if isinstance(value, dict) else [_ALL]
        if not isinstance(names, list):
            return
        allowed.update(name for name in names if isinstance(name, str))
        if not names and not (isinstance(value, dict) and value.get("metrics")):
            report.add("XMC351", path, "this principal may call nothing", hint="leave `endpoints` out to allow all")
        for at, name in enumerate(names):
            if _ALL in names and name != _ALL:
                message = f"{_ALL!r} allows {name!r} already"
                report.add("XMC351", (*path, at), message, hint="keep one of them")
    if not listed or _ALL in allowed:
        return
    for endpoint in spec.endpoints:
        if endpoint.name is not None and endpoint.name not in allowed:
            message = f"no principal may call the endpoint {endpoint.name!r}"
            report.add("XMC352", (*endpoint.path, "name"), message, hint="add it to the `endpoints:` of a principal")


def lint_twins(report: Report, spec: SpecView, endpoints: Iterable[Endpoint]) -> None:
    """Warn of entities that call the very same upstream by the same secrets: none can stand in for the other."""
    views = {view.name: view for view in spec.endpoints}
    for endpoint in endpoints:
        view = views[endpoint.name]
        first: dict[Any, int] = {}
        for place, entity in enumerate(() if report.is_wrong_within(view.path) else endpoint.entities):
            known = first.setdefault(_identity(entity), place)
            if known != place:
                _twin(report, view.entities[known], view.entities[place])


def _twin(report: Report, one: EntityView, other: EntityView) -> None:
    label = Label(follow(report.root, one.label_path).span, f"{one.label!r} is here")
    message = f"{other.label!r} calls what {one.label!r} calls, by the same secret: a split between them is none"
    report.add("XMC353", other.label_path, message, hint="keep one of them, with the sum", labels=(label,))


def _identity(entity: Entity) -> Any:
    target = entity.target
    slots = tuple(sorted(target.auth.slots.items()))
    return (target.provider, target.url, target.model, target.auth.scheme, slots, entity.egress)


def _is_written(report: Report, path: Path) -> bool:
    return exists(report.root, path) and not report.is_wrong_within(path)


def _lint_timeouts(report: Report, path: Path) -> None:
    timeouts = read_serving(report, path).timeouts
    base: Path = (*path, "serving", "timeouts")
    for name in _OF_A_CALL:
        own, total = getattr(timeouts, f"{name}_ms"), timeouts.total_ms
        if own <= total or not exists(report.root, (*base, f"{name}_s")):
            continue
        labels: tuple[Label, ...] = ()
        if exists(report.root, (*base, "total_s")):
            labels = (Label(key_span(report.root, (*base, "total_s")), "the whole call"),)
        message = f"`{name}_s` is {own / 1000:g}, but the whole call ends after {total / 1000:g} s"
        report.add("XMC351", (*base, f"{name}_s"), message, hint="make it shorter, or `total_s` longer", labels=labels)


def _lint_split(report: Report, endpoint: EndpointView) -> None:
    for key in ("sticky", "salt"):
        path = (*endpoint.path, "serving", key)
        if len(endpoint.entities) == 1 and _is_written(report, path):
            message = f"`{key}` has no effect: this endpoint has one served entity"
            report.add("XMC351", path, message, hint="remove it", at="key")
