"""Link: every served entity becomes a target, by its provider's plugin. Nothing else of the plugin is trusted here."""

import msgspec

from xmc.compiler.capability import Records, lacks
from xmc.compiler.document import endpoint_document
from xmc.compiler.lift import Lifted, lift
from xmc.compiler.node import Path, exists, follow, key_span, opening
from xmc.compiler.progress import Progress, unwatched, watched
from xmc.compiler.report import Report, make
from xmc.compiler.residency import place_of
from xmc.compiler.serving import read_serving
from xmc.compiler.spec import EndpointView, EntityView, SpecView
from xmc.compiler.stores import StoreMap, locate
from xmc.compiler.traffic import weights
from xmc.plugins import EntitySpec, Plugins, Provider
from xmc.schema import (
    PLAINTEXT_STORE,
    Endpoint,
    Entity,
    Finding,
    Secret,
    SecretSlot,
    Severity,
    Span,
    Target,
    Task,
    canonical_json,
)


class Linked(msgspec.Struct):
    """What linking a spec gave. `endpoints` holds those without errors, in the order of the spec.

    `targets` holds every sound target by the path of its entity, also those of endpoints that have errors elsewhere.
    """

    endpoints: list[Endpoint] = []
    targets: dict[Path, Target] = {}
    slots: dict[str, SecretSlot] = {}
    references: dict[str, list[Span]] = {}
    plaintext: dict[str, Secret] = {}


def link(  # noqa: PLR0913, PLR0917 - one argument for each thing that a target is made of
    report: Report,
    spec: SpecView,
    plugins: Plugins,
    stores: StoreMap,
    residency: tuple[str, ...],
    records: Records,
    progress: Progress = unwatched,
) -> Linked:
    """Link all entities that are not wrong, and put together the endpoints that have only such."""
    linker = _Linker(report, plugins, stores, residency, records)
    for endpoint in watched(spec.endpoints, progress):
        linker.link_endpoint(endpoint)
    return linker.linked


class _Part(msgspec.Struct, frozen=True):
    """An entity on its way to a target."""

    endpoint: EndpointView
    entity: EntityView
    provider: Provider
    lifted: Lifted


class _Linker(msgspec.Struct, frozen=True):
    report: Report
    plugins: Plugins
    stores: StoreMap
    residency: tuple[str, ...]
    records: Records
    linked: Linked = msgspec.field(default_factory=Linked)

    def link_endpoint(self, endpoint: EndpointView) -> None:
        """Link the entities of an endpoint; keep it if nothing about it is wrong."""
        if endpoint.name is None or self.report.is_wrong((*endpoint.path, "name")):
            return
        parts: list[tuple[_Part, Target]] = []
        for entity in endpoint.entities:
            provider = self.plugins.providers.get(entity.provider or "")
            if provider is None or entity.label is None or self.report.is_wrong_within(entity.path):
                continue
            lifted = lift(endpoint, entity, provider.config_key, provider.config_schema)
            self._keep_slots(lifted)
            part = _Part(endpoint, entity, provider, lifted)
            target = self._link_entity(part)
            if target is not None and self._is_sound(part, target):
                target = place_of(self.report, endpoint, entity, target, self.residency)
                parts.append((part, target))
                self.linked.targets[entity.path] = target
        if parts and len(parts) == len(endpoint.entities) and not self.report.is_wrong_within(endpoint.path):
            self.linked.endpoints.append(self._endpoint(endpoint, parts))

    def _endpoint(self, endpoint: EndpointView, parts: list[tuple[_Part, Target]]) -> Endpoint:
        shares = weights(endpoint)
        names = [str(part.entity.label) for part, _ in parts]
        configs = [(part.entity, part.provider.config_key, part.lifted.config) for part, _ in parts]
        return Endpoint(
            name=str(endpoint.name),
            task=parts[0][1].task,
            entities=tuple(
                Entity(name=name, weight=shares[name], target=target, lacks=lacks(part.entity, self.records))
                for name, (part, target) in zip(names, parts, strict=True)
            ),
            serving=read_serving(self.report, endpoint.path),
            document=endpoint_document(endpoint, configs),
        )

    def _keep_slots(self, lifted: Lifted) -> None:
        linked = self.linked
        for name, (place, value) in lifted.typed_in.items():
            linked.slots[name] = SecretSlot(ref=place, store=PLAINTEXT_STORE, path="", field=name)
            linked.plaintext[name] = value
        for name, (reference, spans) in sorted(lifted.references.items(), key=lambda item: item[1][1]):
            if name not in linked.references:
                slot = locate(self.report, self.stores, self.plugins, reference, spans[0])
                if slot is not None:
                    linked.slots[name] = slot
            linked.references.setdefault(name, []).extend(spans)

    def _link_entity(self, part: _Part) -> Target | None:
        entity, provider = part.entity, part.provider
        task = Task(str(entity.task))
        if task not in provider.capabilities:
            served = ", ".join(str(one) for one in provider.capabilities)
            message = f"the provider {provider.name!r} does not serve {task}"
            self.report.add("XMC404", (*entity.external, "task"), message, hint=f"it serves {served}")
            return None
        spec = EntitySpec(str(part.endpoint.name), str(entity.label), str(entity.model), task, part.lifted.config)
        try:
            result = provider.link(spec)
        except Exception as error:  # noqa: BLE001 - a stranger's code; the others' diagnostics must still come
            self._plugin_error(part, f"raised {type(error).__name__} while linking")
            return None
        for finding in result.findings:
            self._keep_finding(entity, finding)
        failed = any(finding.severity is Severity.ERROR for finding in result.findings)
        if result.target is None and not failed:
            self._plugin_error(part, "gave neither a target nor a reason")
        return None if failed else result.target

    def _keep_finding(self, entity: EntityView, finding: Finding) -> None:
        path: Path = (*entity.path, *finding.path)
        root = self.report.root
        if not exists(root, path):
            span = opening(root, path)
        else:
            span = key_span(root, path) if finding.at_key else follow(root, path).span
        diagnostic = make(finding.code, span, finding.message, hint=finding.hint, severity=finding.severity)
        self.report.found.append(diagnostic)
        if finding.severity is Severity.ERROR:
            self.report.mark(path)

    def _plugin_error(self, part: _Part, what: str) -> None:
        message = f"the plugin of provider {part.provider.name!r} {what}"
        hint = "report this to the plugin's author"
        self.report.add("XMC902", part.entity.external, message, hint=hint, at="key")

    def _is_sound(self, part: _Part, target: Target) -> bool:
        """Tell whether a target can be served with the installed plugins and kept in a table."""
        missing = []
        if target.auth.scheme not in self.plugins.auth_schemes:
            missing.append(f"the authentication scheme {target.auth.scheme!r}")
        if target.framing not in self.plugins.framings:
            missing.append(f"the framing {target.framing!r}")
        if missing:
            what = f"needs {' and '.join(missing)}, which no installed plugin provides"
            message = f"the provider {part.provider.name!r} {what}"
            path = (*part.entity.external, "provider")
            self.report.add("XMC407", path, message, hint="install the plugin that has it")
            return False
        strange = set(target.auth.slots.values()) - set(part.lifted.references) - set(part.lifted.typed_in)
        if strange or target.provider != part.provider.name or target.task != part.entity.task:
            self._plugin_error(part, "made a target that is not the one asked for")
            return False
        try:
            canonical_json(target.options)
        except TypeError:
            self._plugin_error(part, "put something into `options` that a table cannot hold")
            return False
        return True
