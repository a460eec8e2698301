"""The fixtures of imports: inputs of each kind, and beside each the spec and the report that it must give."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from xmc.compiler import Source
from xmc.compiler.imports import Imported, as_data, import_document, read_document
from xmc.plugins import build_plugins

FOLDER = Path(__file__).resolve().parent
KINDS = ("databricks", "litellm", "mlflow")
FIXTURES = sorted(
    path
    for kind in KINDS
    for path in (FOLDER / kind).iterdir()
    if path.suffix in {".yaml", ".json"} and path.name.count(".") == 1
)
plugins = cache(build_plugins)


def document(path: Path) -> Any:
    """Return an input as plain values."""
    return read_document(Source(path.name, path.read_bytes()))


def imported(path: Path) -> Imported:
    """Import one fixture."""
    return import_document(path.parent.name, document(path), path.name, plugins(), {})


def golden(path: Path) -> dict[Path, str]:
    """Return what must stand beside a fixture."""
    one = imported(path)
    report = msgspec.json.format(msgspec.json.encode(as_data(one.report)), indent=1).decode()
    return {path.with_suffix(".spec.yaml"): one.spec, path.with_suffix(".report.json"): f"{report}\n"}
