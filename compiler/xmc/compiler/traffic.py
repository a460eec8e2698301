"""Traffic rules of one endpoint: who gets which share."""

from xmc.compiler.node import follow
from xmc.compiler.report import Report
from xmc.compiler.spec import EndpointView, RouteView
from xmc.compiler.suggest import did_you_mean, nearest
from xmc.schema import Label

ALL = 100


def lint_traffic(report: Report, endpoint: EndpointView) -> None:
    """Report routes that lead nowhere or twice to one place, and shares that do not add up."""
    traffic = (*endpoint.body, "traffic_config")
    if endpoint.routes is None:
        if len(endpoint.entities) > 1 and not report.is_wrong_within(traffic):
            message = f"with {len(endpoint.entities)} served entities their shares must be written down"
            hint = "add `traffic_config:` with one route for each"
            report.add("XMC306", traffic, message, hint=hint, at="opening")
        return
    if report.is_wrong((*endpoint.body, "served_entities")):
        return
    routes = [route for route in endpoint.routes if not _lint_names(report, route)]
    _lint_sum(report, endpoint)
    _lint_targets(report, endpoint, routes)


def weights(endpoint: EndpointView) -> dict[str, int]:
    """Return the share of every entity of an endpoint without errors, by name."""
    names = [str(entity.label) for entity in endpoint.entities]
    if endpoint.routes is None:
        return dict.fromkeys(names, ALL)
    shares = {str(route.entity): route.share or 0 for route in endpoint.routes}
    return {name: shares.get(name, 0) for name in names}


def _lint_names(report: Report, route: RouteView) -> bool:
    """Report a route that names no entity, or two; tell whether it did."""
    new, old = (*route.path, "served_entity_name"), (*route.path, "served_model_name")
    if report.is_wrong(new) or report.is_wrong(old) or report.is_wrong(route.path):
        return True
    node = follow(report.root, route.path)
    values = [getattr(follow(node, (path[-1],)), "value", None) for path in (new, old)]
    present = [isinstance(value, str) for value in values]
    if not any(present):
        message = "this route names no served entity"
        report.add("XMC208", new, message, hint="add `served_entity_name:`", at="opening")
    elif all(present) and values[0] != values[1]:
        label = Label(follow(report.root, new).span, "the same key, newer spelling")
        message = f"`served_model_name` is {values[1]!r}, but `served_entity_name` is {values[0]!r}"
        report.add("XMC311", old, message, hint="keep one of them", labels=(label,))
    else:
        return False
    return True


def _lint_targets(report: Report, endpoint: EndpointView, routes: list[RouteView]) -> None:
    labels = [None if report.is_wrong((*entity.path, "name")) else entity.label for entity in endpoint.entities]
    names = [label for label in labels if label is not None]
    first: dict[str, RouteView] = {}
    for route in routes:
        name = str(route.entity)
        path = (*route.path, route.entity_key)
        if name not in names:
            if len(names) == len(labels):  # else it may be the one whose name is wrong
                message = f"no served entity of this endpoint is called {name!r}"
                guess = nearest(name, names)
                meant = _defined(report, endpoint, guess) if guess else ()
                report.add("XMC304", path, message, hint=did_you_mean(name, names), labels=meant)
        elif name in first:
            label = Label(follow(report.root, (*first[name].path, first[name].entity_key)).span, "first route to it")
            message = f"the served entity {name!r} has two routes"
            report.add("XMC307", path, message, hint="keep one, with the sum", labels=(label,))
        else:
            first[name] = route
    if report.is_wrong_within((*endpoint.body, "traffic_config")):
        return
    for entity in endpoint.entities:
        if entity.label in names and entity.label not in first and not report.is_wrong(entity.label_path):
            message = f"the served entity {entity.label!r} has no route, so it gets 0 percent of the traffic"
            hint = "add a route for it; `traffic_percentage: 0` says that this is meant"
            report.add("XMC305", entity.label_path, message, hint=hint)


def _defined(report: Report, endpoint: EndpointView, name: str) -> tuple[Label, ...]:
    paths = (entity.label_path for entity in endpoint.entities if entity.label == name)
    return tuple(Label(follow(report.root, path).span, f"{name!r} is here") for path in paths)


def _lint_sum(report: Report, endpoint: EndpointView) -> None:
    routes = endpoint.routes or ()
    path = (*endpoint.body, "traffic_config", "routes")
    if any(route.share is None for route in routes) or report.is_wrong(path):
        return
    if any(report.is_wrong_within((*route.path, "traffic_percentage")) for route in routes):
        return
    total = sum(route.share or 0 for route in routes)
    if total != ALL:
        shares = tuple(
            Label(follow(report.root, (*route.path, "traffic_percentage")).span, f"{route.share} percent")
            for route in routes
        )
        difference = f"{ALL - total} too few" if total < ALL else f"{total - ALL} too many"
        message = f"the percentages of `{report.name(path)}` add up to {total}, not {ALL}"
        report.add("XMC303", path, message, hint=f"{difference}", labels=shares, at="key")
