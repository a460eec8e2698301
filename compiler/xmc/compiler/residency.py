"""Where data goes: the region of every target, and whether a policy allows it."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from xmc.compiler.node import Path, follow, items, mapping, string
from xmc.compiler.report import Report
from xmc.compiler.spec import EndpointView, EntityView, mapping_at
from xmc.compiler.traffic import weights
from xmc.schema import Label, Target

UNKNOWN = "unknown"
_PLACE: Path = ("residency", "allow")


def read_residency(report: Report) -> tuple[str, ...]:
    """Return the patterns of allowed regions, in lower case; () without a policy."""
    if report.is_wrong_within(("residency",)):
        return ()
    policy = mapping(mapping_at(report.root, "residency"))
    listed = items(policy.get("allow")) if policy else ()
    return tuple(text.lower() for text in map(string, listed) if text)


def place_of(
    report: Report, endpoint: EndpointView, entity: EntityView, target: Target, allow: Sequence[str]
) -> Target:
    """Return the target with its region: the plugin's, else the one that the spec names.

    Reports a region that is not allowed.
    """
    declared = string(entity.node.get("region"))
    if declared is not None and target.region not in {UNKNOWN, declared}:
        message = f"`region` is {declared!r}, but this upstream is in {target.region!r}"
        report.add("XMC332", (*entity.path, "region"), message, hint="remove it")
        return target
    region = declared or target.region
    if allow and not any(fnmatchcase(region.lower(), pattern) for pattern in allow):
        _refuse(report, endpoint, entity, region)
    return target if region == target.region else msgspec.structs.replace(target, region=region)


def _refuse(report: Report, endpoint: EndpointView, entity: EntityView, region: str) -> None:
    share = weights(endpoint).get(str(entity.label), 0)
    how = (
        f"{share} percent of the traffic of {endpoint.name!r}" if share else f"what names {entity.label!r} in its path"
    )
    labels = [Label(follow(report.root, _PLACE).span, "the regions that are allowed")]
    route = next((one for one in endpoint.routes or () if one.entity == entity.label), None)
    if route is not None:
        labels.insert(0, Label(follow(report.root, (*route.path, route.entity_key)).span, "its share"))
    if region == UNKNOWN:
        message = f"{how} goes to {entity.label!r}, and nobody can tell from its URL in which region that is"
        hint = "if you know it, say so: `region:` beside `external_model:`"
        code = "XMC331"
    else:
        message = f"{how} goes to {entity.label!r} in the region {region!r}, which is not allowed"
        hint = "choose a region that is, or allow this one"
        code = "XMC330"
    place: Path = (*entity.path, "region") if entity.node.get("region") is not None else (*entity.external, "name")
    report.add(code, place, message, hint=hint, labels=tuple(labels))
