"""The pipeline: text in, table and diagnostics out. Pure; proving references and writing files come after it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.compiler.braces import may_hold_expressions
from xmc.compiler.capability import Records, lint_capabilities
from xmc.compiler.check import check
from xmc.compiler.contradiction import lint_rights, lint_settings, lint_twins
from xmc.compiler.egress import apply_egress
from xmc.compiler.expand import expand
from xmc.compiler.gather import gather
from xmc.compiler.link import link
from xmc.compiler.lint import lint, lint_forms
from xmc.compiler.node import Broken, walk
from xmc.compiler.parse import Source, parse
from xmc.compiler.principals import read_principals
from xmc.compiler.progress import Progress, part, unwatched
from xmc.compiler.references import check_references
from xmc.compiler.report import Report, settle
from xmc.compiler.residency import read_residency
from xmc.compiler.spec import view
from xmc.compiler.stores import read_stores
from xmc.compiler.unused import lint_unused
from xmc.compiler.variables import VARS
from xmc.plugins import CONTRACT, Plugins
from xmc.schema import Diagnostic, Secret, Severity, Span, Table, freeze_table

_PARSED, _CHECKED, _LINKED = 0.35, 0.7, 0.95
"""How much of the work is done after each step, as measured on 10,000 endpoints; roughly is enough."""


class Compiled(msgspec.Struct, frozen=True):
    """What a compile gave. `table` is None if any diagnostic is an error; otherwise it is as read from its file.

    `plaintext` maps slot names to values that were typed in, `references` maps slot names to where they are used.
    """

    table: Table | None
    diagnostics: tuple[Diagnostic, ...]
    plaintext: Mapping[str, Secret] = {}
    references: Mapping[str, tuple[Span, ...]] = {}


def compile_source(source: Source, plugins: Plugins, *, values: Mapping[str, Any] | None = None) -> Compiled:
    """Compile a spec of one file."""
    return compile_sources((source,), plugins, values=values)


def compile_sources(
    sources: Sequence[Source],
    plugins: Plugins,
    progress: Progress = unwatched,
    *,
    values: Mapping[str, Any] | None = None,
) -> Compiled:
    """Compile a spec of one or more files: parse, join, expand, check, lint, link. Says each thing that is wrong once.

    `values` take the place of values of `vars`, by name.

    `progress` is told how much of the work is done, from 0 to 1; how often is not fixed.
    """
    parsed = [
        parse(source, part(progress, _PARSED * place / len(sources), _PARSED * (place + 1) / len(sources)))
        for place, source in enumerate(sources)
    ]
    found = [diagnostic for one in parsed for diagnostic in one.diagnostics]
    roots = [one.root for one in parsed if one.root is not None]
    if len(roots) < len(parsed):
        return Compiled(None, settle(found))
    gathered = gather(roots)
    found.extend(gathered.diagnostics)
    if gathered.root is None:
        return Compiled(None, settle(found))
    root = gathered.root
    unused: tuple[Diagnostic, ...] = ()
    if values or root.get(VARS) is not None or any(may_hold_expressions(source.text) for source in sources):
        expanded = expand(root, values or {}, sum(len(source.text) for source in sources))
        root, unused = expanded.root, expanded.unused
        found.extend(expanded.diagnostics)
    report = Report(root, found, starts=gathered.starts)
    if report.found:  # whatever is broken has been reported
        report.mark(*(path for path, node in walk(root) if isinstance(node, Broken)))
    return _compile(report, plugins, progress, unused)


def _compile(report: Report, plugins: Plugins, progress: Progress, unused: Sequence[Diagnostic]) -> Compiled:
    spec = view(report.root)
    check(report, spec, plugins, part(progress, _PARSED, _CHECKED))
    lint_forms(report, spec)
    check_references(report, spec, plugins)
    lint(report, spec)
    lint_settings(report, spec)
    records = Records(plugins)
    for endpoint in spec.endpoints:
        lint_capabilities(report, endpoint, records)
    stores = read_stores(report, plugins)
    principals = read_principals(report, spec)
    lint_rights(report, spec)
    residency = read_residency(report)
    linked = link(report, spec, plugins, stores, residency, records, part(progress, _CHECKED, _LINKED))
    egress = apply_egress(report, spec, plugins, linked)
    lint_twins(report, spec, linked.endpoints)
    if not report.wrong:
        report.found.extend(unused)
        lint_unused(report, stores, plugins, linked.references)
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
        residency=residency,
        egress=egress,
    )
    return Compiled(freeze_table(table), diagnostics, linked.plaintext, references)
