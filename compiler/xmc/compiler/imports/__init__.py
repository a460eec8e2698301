"""Specs from the configurations of other gateways, with a report in which every key of the input has its fate.

A face of its own: no compile needs it. In here, and nowhere else in this room, providers have names, because the
configurations of others name them.
"""

from xmc.compiler.imports.draft import apportion
from xmc.compiler.imports.ledger import Fate, Ledger, Outcome, leaf_paths, show_path
from xmc.compiler.imports.report import ImportReport, as_data, as_markdown, as_text
from xmc.compiler.imports.run import Imported, UnreadableError, import_document, read_document

__all__ = [
    "Fate",
    "ImportReport",
    "Imported",
    "Ledger",
    "Outcome",
    "UnreadableError",
    "apportion",
    "as_data",
    "as_markdown",
    "as_text",
    "import_document",
    "leaf_paths",
    "read_document",
    "show_path",
]
