"""An import from text to spec and report. Pure: no file, no environment, no secret store."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xmc.compiler.compile import compile_source
from xmc.compiler.imports.databricks import import_databricks
from xmc.compiler.imports.draft import SpecBuilder
from xmc.compiler.imports.emit import emit
from xmc.compiler.imports.ledger import Ledger
from xmc.compiler.imports.litellm import import_litellm
from xmc.compiler.imports.mlflow import import_mlflow
from xmc.compiler.imports.report import ImportReport
from xmc.compiler.node import Mapping, Node, Scalar, Sequence
from xmc.compiler.parse import Source, parse
from xmc.plugins import Plugins
from xmc.schema import Diagnostic, Severity

SPEC_NAME = "endpoints.yaml"
"""How the spec is called in what a compile says of it."""

_Importer = Callable[[Any, Ledger, SpecBuilder], None]


class UnreadableError(Exception):
    """The input is not YAML or JSON that can be read; `diagnostics` say where and why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("unreadable")
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Imported:
    """A spec as YAML, and what became of every key of the input."""

    spec: str
    report: ImportReport


def read_document(source: Source) -> Any:
    """Return the one YAML or JSON document of a file as plain values.

    Raises:
        UnreadableError: it is not one, or has a key twice, or is too large.
    """
    parsed = parse(source)
    errors = tuple(one for one in parsed.diagnostics if one.severity is Severity.ERROR)
    if parsed.root is None or errors:
        raise UnreadableError(errors or parsed.diagnostics)
    return _values(parsed.root)


def _values(node: Node) -> Any:
    """Return plain values, with the keys that hold null: they are keys of the input."""
    if isinstance(node, Mapping):
        return {entry.key: _values(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [_values(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None


def import_document(
    kind: str, document: Any, file: str, plugins: Plugins, environ: dict[str, str] | None = None
) -> Imported:
    """Turn the configuration of another gateway (`databricks`, `litellm`, `mlflow`) into a spec and a report.

    `environ` holds values of environment variables that are no secrets, where the input reads URLs and the like there.
    """
    ledger = Ledger(document)
    builder = SpecBuilder(ledger)
    importers: dict[str, _Importer] = {
        "databricks": lambda value, ledger, builder: import_databricks(value, ledger, builder, plugins),
        "litellm": lambda value, ledger, builder: import_litellm(value, ledger, builder, dict(environ or {})),
        "mlflow": import_mlflow,
    }
    importers[kind](document, ledger, builder)
    text = emit(builder.spec())
    compiled = compile_source(Source(SPEC_NAME, text.encode()), plugins)
    errors = tuple(_line(one) for one in compiled.diagnostics if one.severity is Severity.ERROR)
    return Imported(text, ImportReport(file, ledger.close(), builder.notes(), errors))


def _line(diagnostic: Diagnostic) -> str:
    """Return a diagnostic in one line; its text is about the spec, which holds no secret."""
    return f"{SPEC_NAME}:{diagnostic.span.line}: error[{diagnostic.code}]: {diagnostic.message}"
