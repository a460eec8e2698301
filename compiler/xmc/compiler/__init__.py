"""The compiler room: text to table. Offline, except for secret stores. Never talks to a provider."""

from xmc.compiler.artifact import ArtifactError, write_artifacts
from xmc.compiler.check import composed_schema
from xmc.compiler.codes import CODES, Code
from xmc.compiler.compile import Compiled, compile_source
from xmc.compiler.excerpt import WIDTH
from xmc.compiler.graph import mermaid
from xmc.compiler.pages import page_of
from xmc.compiler.parse import MAX_BYTES, Source
from xmc.compiler.plan import Change, Flow, Plan, Traffic, inverse, plan
from xmc.compiler.plan_text import render_plan_human, render_plan_json, render_plan_markdown
from xmc.compiler.plan_words import Risk
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
    "Change",
    "Code",
    "Compiled",
    "Flow",
    "Plan",
    "Proven",
    "Risk",
    "Source",
    "Traffic",
    "compile_source",
    "composed_schema",
    "inverse",
    "make",
    "mermaid",
    "nearest",
    "page_of",
    "plan",
    "prove",
    "render_human",
    "render_json",
    "render_plan_human",
    "render_plan_json",
    "render_plan_markdown",
    "render_sarif",
    "write_artifacts",
]
