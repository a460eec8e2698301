"""A tolerant view of the tree: where endpoints, served entities and routes stand, however wrong the rest is.

Later steps read this instead of the tree, so that one wrong endpoint silences nothing about the others.
"""

import msgspec

from xmc.compiler.node import Mapping, Node, Path, follow, items, mapping, string


class EntityView(msgspec.Struct, frozen=True):
    """A served entity. What is missing or of the wrong type is None."""

    path: Path
    node: Mapping
    name: str | None
    model: str | None
    provider: str | None
    task: str | None

    @property
    def external(self) -> Path:
        """The path of its external model."""
        return (*self.path, "external_model")

    @property
    def label(self) -> str | None:
        """Its name: the one it was given, or the default that Databricks derives from the model's name."""
        if self.name is not None or self.node.get("name") is not None:
            return self.name
        return default_name(self.model) if self.model else None

    @property
    def label_path(self) -> Path:
        """Where its name comes from."""
        return (*self.path, "name") if self.name is not None else (*self.external, "name")


class RouteView(msgspec.Struct, frozen=True):
    """One traffic rule. `share` is None when it is not a percentage."""

    path: Path
    entity: str | None
    entity_key: str
    share: int | None


class EndpointView(msgspec.Struct, frozen=True):
    """An endpoint. `body` is the path of its `config:`, or of the endpoint itself in the flat form."""

    path: Path
    node: Mapping
    name: str | None
    body: Path
    entities: tuple[EntityView, ...]
    routes: tuple[RouteView, ...] | None


class SpecView(msgspec.Struct, frozen=True):
    """A spec: its root and its endpoints."""

    root: Node
    endpoints: tuple[EndpointView, ...]


def default_name(model: str) -> str:
    """Return the name that an entity has when it is given none. Source: Databricks SDK, `ServedEntityInput.name`.

    >>> default_name("anthropic.claude-v2:1")
    'anthropic-claude-v2-1'
    """
    return model.replace(".", "-").replace(":", "-")


def view(root: Node) -> SpecView:
    """Look at a tree."""
    listed = items(mapping_at(root, "endpoints"))
    return SpecView(
        root,
        tuple(
            _endpoint(node, ("endpoints", position))
            for position, node in enumerate(listed)
            if isinstance(node, Mapping)
        ),
    )


def mapping_at(root: Node, key: str) -> Node | None:
    """Return the value of a top-level key."""
    top = mapping(root)
    return top.get(key) if top else None


def _endpoint(node: Mapping, path: Path) -> EndpointView:
    config = mapping(node.get("config"))
    body = (*path, "config") if config else path
    where = config or node
    entities = tuple(
        _entity(entity, (*body, "served_entities", position))
        for position, entity in enumerate(items(where.get("served_entities")))
        if isinstance(entity, Mapping)
    )
    traffic = mapping(where.get("traffic_config"))
    listed = traffic.get("routes") if traffic else None
    routes = (
        None
        if listed is None
        else tuple(
            _route(route, (*body, "traffic_config", "routes", position))
            for position, route in enumerate(items(listed))
            if isinstance(route, Mapping)
        )
    )
    return EndpointView(path, node, string(node.get("name")), body, entities, routes)


def _entity(node: Mapping, path: Path) -> EntityView:
    model = mapping(node.get("external_model"))
    texts = {key: string(model.get(key)) if model else None for key in ("name", "provider", "task")}
    return EntityView(path, node, string(node.get("name")), texts["name"], texts["provider"], texts["task"])


def _route(node: Mapping, path: Path) -> RouteView:
    key = "served_entity_name" if node.get("served_entity_name") is not None else "served_model_name"
    value = getattr(follow(node, ("traffic_percentage",)), "value", None)
    return RouteView(path, string(node.get(key)), key, _percentage(value))


def _percentage(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        return None
    number = int(value)
    return number if number == float(value) and 0 <= number <= 100 else None  # noqa: PLR2004 - percent
