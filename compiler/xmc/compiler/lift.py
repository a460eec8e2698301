"""Secrets out of provider configurations: where they stand, and what takes their place.

A provider's schema marks its secret fields with `x-xmc-secret` (`reference` or `plaintext`), at any depth reached by
`properties` and local `$ref`s. A lifted configuration holds a `Slot` under the reference's key in either case.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from xmc.compiler.node import Mapping as MappingNode
from xmc.compiler.node import Node, Path, follow, is_null, plain, string
from xmc.compiler.spec import EndpointView, EntityView
from xmc.plugins import Slot
from xmc.schema import PLAINTEXT_STORE, JsonObject, Secret, SecretRef, Span

SUFFIX = "_plaintext"


class SecretField(msgspec.Struct, frozen=True):
    """A secret field that the user filled in. `path` leads from the configuration to it."""

    path: Path
    typed_in: bool
    node: Node

    @property
    def target(self) -> Path:
        """The path of the slot: the field's own, without `_plaintext`."""
        return (*self.path[:-1], str(self.path[-1]).removesuffix(SUFFIX))


class Lifted(msgspec.Struct, frozen=True):
    """A configuration with slots for secrets, and what the slots are, by name."""

    config: Mapping[str, Any]
    references: Mapping[str, tuple[SecretRef, tuple[Span, ...]]]
    typed_in: Mapping[str, tuple[str, Secret]]
    """Slot name -> (the dotted place, the value)."""


def secret_fields(schema: JsonObject, node: Node, path: Path = ()) -> Iterator[SecretField]:
    """Yield the filled-in secret fields of a configuration, in the order of the source."""
    yield from _fields(schema, schema, node, path)


def _fields(root: JsonObject, schema: Any, node: Node, path: Path) -> Iterator[SecretField]:
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for step in reference[2:].split("/"):
            target = target[step]
        schema = {**target, **schema}
    if not isinstance(schema, dict):
        return
    kind = schema.get("x-xmc-secret")
    if kind in ("reference", "plaintext"):
        yield SecretField(path, kind == "plaintext", node)
    elif isinstance(node, MappingNode):
        properties = schema.get("properties", {})
        for entry in node.entries:
            if entry.key in properties and not is_null(entry.value):
                yield from _fields(root, properties[entry.key], entry.value, (*path, entry.key))


def slot_name(endpoint: str, entity: str, field: Path) -> str:
    """Return the name of the slot of a typed-in value.

    >>> slot_name("chat", "gpt-4o", ("openai_config", "openai_api_key"))
    'plaintext:chat/gpt-4o/openai_config.openai_api_key'
    """
    return f"{PLAINTEXT_STORE}:{endpoint}/{entity}/{'.'.join(str(step) for step in field)}"


def lift(endpoint: EndpointView, entity: EntityView, key: str, schema: JsonObject) -> Lifted:
    """Lift the configuration under `key` of an entity that has passed all checks."""
    node = follow(entity.node, ("external_model", key))
    config: Any = plain(node)
    references: dict[str, tuple[SecretRef, tuple[Span, ...]]] = {}
    typed_in: dict[str, tuple[str, Secret]] = {}
    for field in secret_fields(schema, node):
        text = string(field.node) or ""
        if field.typed_in:
            name = slot_name(str(endpoint.name), str(entity.label), (key, *field.target))
            typed_in[name] = (name.removeprefix(f"{PLAINTEXT_STORE}:"), Secret(text))
        else:
            reference = SecretRef.parse(text)
            if reference is None:
                continue
            name = reference.name
            before = references.get(name, (reference, ()))[1]
            references[name] = (reference, (*before, field.node.span))
        _put(config, field, Slot(name))
    return Lifted(config, references, typed_in)


def _put(config: Any, field: SecretField, slot: Slot) -> None:
    parent = config
    for step in field.path[:-1]:
        parent = parent[step]
    del parent[field.path[-1]]
    parent[field.target[-1]] = slot
