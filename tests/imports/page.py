"""`docs/import.md` shows real output: `python -m tests.imports` writes it."""

import re
from pathlib import Path

from tests.imports.fixtures import FOLDER

from xmc.compiler import Source
from xmc.compiler.imports import as_text, import_document, read_document
from xmc.plugins import build_plugins

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "import.md"
SHOWN = FOLDER / "litellm" / "02-azure-load-balancing.yaml"
BLOCK = re.compile(r"<!-- import: (?P<what>\w+) -->\n```(?P<language>\w+)\n.*?^```\n", re.MULTILINE | re.DOTALL)


def fill(page: str) -> str:
    """Return the page with each block as it comes out now."""
    data = SHOWN.read_bytes()
    one = import_document("litellm", read_document(Source("config.yaml", data)), "config.yaml", build_plugins())
    blocks = {"input": data.decode(), "report": as_text(one.report), "spec": one.spec}

    def block(match: re.Match[str]) -> str:
        return f"<!-- import: {match['what']} -->\n```{match['language']}\n{blocks[match['what']]}```\n"

    return BLOCK.sub(block, page)
