"""The shape of a spec: JSON Schema for what all specs share, and each provider's own for its configuration.

What fits is found out by `accept`, and what is wrong with the rest by `judge`, which imports jsonschema.
"""

from collections.abc import Iterable
from typing import Any

from xmc.compiler.accept import acceptor
from xmc.compiler.accept_leaf import Fits
from xmc.compiler.explain import explain
from xmc.compiler.node import Mapping, Path, follow, plain
from xmc.compiler.progress import Progress, unwatched, watched
from xmc.compiler.report import Report
from xmc.compiler.spec import EntityView, SpecView
from xmc.compiler.suggest import did_you_mean
from xmc.plugins import Plugins
from xmc.schema import JsonObject, spec_schema


def check(report: Report, spec: SpecView, plugins: Plugins, progress: Progress = unwatched) -> None:
    """Report everything that does not fit the schemas."""
    providers = {name: _Validators(plugins, name) for name in plugins.providers}
    unknown = _Shape(_any_external(plugins))
    shared: JsonObject = spec_schema()["$defs"]["external_model"]["properties"]
    configs: JsonObject = {provider.config_key: {} for provider in plugins.providers.values()}
    all_of_model: JsonObject = {**shared, **configs}
    for endpoint in spec.endpoints:
        for entity in endpoint.entities:
            _too_shallow(report, entity.path, entity.node, "external_model", all_of_model)
    explain(report, _Shape(_around_external()).errors(plain(report.root)))
    for endpoint in watched(spec.endpoints, progress):
        for entity in endpoint.entities:
            _check_external(report, entity, providers, unknown)


def _around_external() -> JsonObject:
    """All of a spec but its external models, which are checked one by one."""
    schema = spec_schema()
    inlined: JsonObject = _inlined(schema, {**schema["$defs"], "external_model": {"type": "object"}})
    return inlined


def _inlined(schema: Any, definitions: JsonObject) -> Any:
    """Put definitions in the place of references to them: looking each up took a fifth of a large compile.

    The schema of a spec is not recursive; one that is would not end here.
    """
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    own = {key: _inlined(part, definitions) for key, part in schema.items() if key not in {"$ref", "$defs"}}
    if "$ref" not in schema:
        return own
    return {**_inlined(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions), **own}


def _any_external(plugins: Plugins) -> JsonObject:
    """An external model of which the provider is not known: its configuration may be anything."""
    shared = spec_schema()["$defs"]["external_model"]
    configs: JsonObject = {provider.config_key: {} for provider in plugins.providers.values()}
    return {
        **shared,
        "properties": {**shared["properties"], **configs},
        "patternProperties": {"_config$": {}},
        "additionalProperties": False,
    }


def validate_with(report: Report, schema: JsonObject, path: Path, *, without: str) -> None:
    """Report what does not fit a plugin's schema in the mapping at a path, one key of which is not the plugin's."""
    value = plain(follow(report.root, path))
    if isinstance(value, dict):
        value.pop(without, None)
        explain(report, _Shape(schema).errors(value), path)


class _Shape:
    """A schema, compiled when the first value is held against it."""

    def __init__(self, schema: JsonObject) -> None:
        self.schema = schema
        self._fits: Fits | None = None
        self._validator: Any = None
        self._is_new = True

    def errors(self, value: Any) -> Iterable[Any]:
        """Return what jsonschema has against a value."""
        if self._is_new:
            self._is_new, self._fits = False, acceptor(self.schema)
        if self._fits is not None and self._fits(value):
            return ()
        if self._validator is None:
            from xmc.compiler.judge import validator  # noqa: PLC0415 - jsonschema takes longer than a small compile

            self._validator = validator(self.schema)
        errors: Iterable[Any] = self._validator.iter_errors(value)
        return errors


class _Validators:
    """The two schemas of one provider, each put together when the first entity needs it."""

    def __init__(self, plugins: Plugins, name: str) -> None:
        provider = plugins.providers[name]
        self.config_key = provider.config_key
        self.owners = {other.config_key: other.name for other in plugins.providers.values()}
        self.schema = provider.config_schema
        self._config: _Shape | None = None
        self._external: _Shape | None = None

    def external(self) -> _Shape:
        """Return the shape of all of an external model but its configuration."""
        if self._external is None:
            shared = spec_schema()["$defs"]["external_model"]
            self._external = _Shape(
                {
                    "type": "object",
                    "required": [*shared["required"], self.config_key],
                    "properties": {
                        **shared["properties"],
                        self.config_key: {"type": "object", **_secret_mark(self.schema)},
                    },
                    "additionalProperties": False,
                }
            )
        return self._external

    def config(self) -> _Shape:
        """Return the shape of the provider's configuration."""
        if self._config is None:
            self._config = _Shape(self.schema)
        return self._config


def _secret_mark(schema: JsonObject) -> JsonObject:
    """Annotate the configuration itself, so that a value that stands in its place is not shown."""
    return {"x-xmc-secret": "inside"} if schema else {}


def _check_external(report: Report, entity: EntityView, providers: dict[str, _Validators], unknown: _Shape) -> None:
    node = entity.node.get("external_model")
    if not isinstance(node, Mapping):
        return
    mine = providers.get(entity.provider or "")
    if mine is None:
        place = (*entity.external, "provider")
        if entity.provider is not None and "{{" not in entity.provider:
            hint = did_you_mean(entity.provider, providers) or "no provider plugin is installed"
            report.add("XMC405", place, f"no installed plugin provides {entity.provider!r}", hint=hint)
        explain(report, unknown.errors(plain(node)), entity.external)
        return
    _foreign(report, entity, node, mine)
    _too_shallow(report, entity.external, node, mine.config_key, mine.schema.get("properties", {}))
    value = plain(node)
    explain(report, mine.external().errors(value), entity.external)
    config = (*entity.external, mine.config_key)
    if isinstance(node.get(mine.config_key), Mapping):
        explain(report, mine.config().errors(value[mine.config_key]), config, mine.schema)


def _foreign(report: Report, entity: EntityView, node: Mapping, mine: _Validators) -> None:
    """Another provider's configuration is one mistake, not an unknown key and a missing one."""
    for entry in node.entries:
        owner = mine.owners.get(entry.key)
        if owner is None or owner == entity.provider:
            continue
        message = f"`{entry.key}` belongs to the provider {owner!r}, not to {entity.provider!r}"
        hint = f"use `{mine.config_key}`, or change the provider"
        report.add("XMC406", (*entity.external, entry.key), message, hint=hint, at="key")
        report.mark((*entity.external, mine.config_key))


def _too_shallow(report: Report, path: Path, node: Mapping, child: str, known: JsonObject) -> None:
    """A key of a block that stands beside it is one mistake, of indentation; `name` may stand in both."""
    inner = node.get(child)
    if inner is not None and not isinstance(inner, Mapping):
        return
    for entry in node.entries:
        if entry.key in known and entry.key != "name" and (inner is None or entry.key not in inner.index):
            message = f"`{entry.key}` stands beside `{child}`, and belongs into it"
            report.add("XMC201", (*path, entry.key), message, hint=f"indent it, below `{child}:`", at="key")
            report.mark((*path, child, entry.key), *([(*path, child)] if inner is None else []))
