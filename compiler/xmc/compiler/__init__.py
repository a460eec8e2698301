"""The compiler room: text to table. Offline, except for secret stores. Never talks to a provider."""

from xmc.compiler.artifact import ArtifactError, Protection, write_artifacts
from xmc.compiler.check import composed_schema
from xmc.compiler.codes import CODES, Code
from xmc.compiler.compile import Compiled, compile_source, compile_sources
from xmc.compiler.excerpt import WIDTH
from xmc.compiler.pages import page_of
from xmc.compiler.parse import MAX_BYTES, Source
from xmc.compiler.progress import Progress
from xmc.compiler.prove import Proven, prove
from xmc.compiler.render import render_human, render_json
from xmc.compiler.report import make
from xmc.compiler.sarif import render_sarif
from xmc.compiler.suggest import did_you_mean, nearest

__all__ = [
    "CODES",
    "MAX_BYTES",
    "WIDTH",
    "ArtifactError",
    "Code",
    "Compiled",
    "Progress",
    "Protection",
    "Proven",
    "Source",
    "compile_source",
    "compile_sources",
    "composed_schema",
    "did_you_mean",
    "make",
    "nearest",
    "page_of",
    "prove",
    "render_human",
    "render_json",
    "render_sarif",
    "write_artifacts",
]
