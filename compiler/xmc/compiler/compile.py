"""The pipeline: text in, table and diagnostics out. Pure; proving references and writing files come after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xmc.compiler.check import check
from xmc.compiler.egress import apply_egress
from xmc.compiler.link import link
from xmc.compiler.lint import lint, lint_forms
from xmc.compiler.node import Broken, Node, Sequence, walk
from xmc.compiler.node import Mapping as MappingNode
from xmc.compiler.parse import Source, parse
from xmc.compiler.principals import read_principals
from xmc.compiler.references import check_references
from xmc.compiler.report import Report, settle
from xmc.compiler.spec import view
from xmc.compiler.stores import read_stores
from xmc.plugins import CONTRACT, Plugins
from xmc.schema import Diagnostic, Secret, Severity, Span, Table, decode_table, encode_table

_OF_AN_ENDPOINT = ("config", "served_entities")
"""Keys of a create body: who pastes one as a whole file is told so, and not that every key of it is unknown."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compile gave. `table` is None if any diagnostic is an error; otherwise it is as read from its file.

    `plaintext` maps slot names to values that were typed in, `references` maps slot names to where they are used.
    """

    table: Table | None
    diagnostics: tuple[Diagnostic, ...]
    plaintext: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    references: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


def compile_source(source: Source, plugins: Plugins) -> Compiled:
    """Compile a spec: parse, check, lint, link. Says everything that is wrong with it, and each thing once."""
    parsed = parse(source)
    if parsed.root is None:
        return Compiled(None, settle(parsed.diagnostics))
    report = Report(parsed.root, list(parsed.diagnostics))
    report.mark(*(path for path, node in walk(parsed.root) if isinstance(node, Broken)))
    if not isinstance(parsed.root, MappingNode):
        _not_a_spec(report, parsed.root)
        return Compiled(None, settle(report.found))
    if parsed.root.get("endpoints") is None and any(parsed.root.get(key) is not None for key in _OF_AN_ENDPOINT):
        hint = "put it under `endpoints:`, as an item of that list: `endpoints: [{name: …}]`"
        report.add("XMC202", ("endpoints",), "this is one endpoint; a spec lists endpoints", hint=hint, at="opening")
        return Compiled(None, settle(report.found))
    return _compile(report, plugins)


def _not_a_spec(report: Report, root: Node) -> None:
    if isinstance(root, Broken):
        return
    hint = "put the list under `endpoints:`" if isinstance(root, Sequence) else "begin with `endpoints:`"
    report.add("XMC203", (), "a spec must be a mapping with `endpoints:`", hint=hint)


def _compile(report: Report, plugins: Plugins) -> Compiled:
    spec = view(report.root)
    check(report, spec, plugins)
    lint_forms(report, spec)
    check_references(report, spec, plugins)
    lint(report, spec)
    stores = read_stores(report, plugins)
    principals = read_principals(report, spec)
    linked = link(report, spec, plugins, stores)
    egress = apply_egress(report, spec, plugins, linked)
    diagnostics = settle(report.found)
    references = {name: tuple(sorted(spans)) for name, spans in sorted(linked.references.items())}
    if any(one.severity is Severity.ERROR for one in diagnostics):
        return Compiled(None, diagnostics, linked.plaintext, references)
    used = {slot.store for slot in linked.slots.values()}
    table = Table(
        endpoints=tuple(linked.endpoints),
        contract=CONTRACT,
        principals=principals,
        stores={name: store for name, store in stores.usable.items() if name in used},
        secrets=linked.slots,
        egress=egress,
    )
    return Compiled(decode_table(encode_table(table)), diagnostics, linked.plaintext, references)
