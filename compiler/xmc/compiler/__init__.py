"""The compiler room: text to table. Offline, except for secret stores. Never talks to a provider."""

from xmc.compiler.artifact import ArtifactError, write_artifacts
from xmc.compiler.check import composed_schema
from xmc.compiler.codes import CODES, Code
from xmc.compiler.compile import Compiled, compile_source
from xmc.compiler.excerpt import WIDTH
from xmc.compiler.graph import mermaid
from xmc.compiler.pages import page_of
from xmc.compiler.parse import MAX_BYTES, Source
from xmc.compiler.plan import Plan, plan_between
from xmc.compiler.plan_text import render_plan_human, render_plan_json, render_plan_markdown
from xmc.compiler.prove import Proven, prove
from xmc.compiler.render import render_human, render_json
from xmc.compiler.report import make
from xmc.compiler.sarif import render_sarif
from xmc.compiler.suggest import nearest

__all__ = [
    "CODES",
    "MAX_BYTES",
    "WIDTH",
    "ArtifactError",
    "Code",
    "Compiled",
    "Plan",
    "Proven",
    "Source",
    "compile_source",
    "composed_schema",
    "make",
    "mermaid",
    "nearest",
    "page_of",
    "plan_between",
    "prove",
    "render_human",
    "render_json",
    "render_plan_human",
    "render_plan_json",
    "render_plan_markdown",
    "render_sarif",
    "write_artifacts",
]
