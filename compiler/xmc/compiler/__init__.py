"""The compiler room: text to table. Offline, except for secret stores. Never talks to a provider."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xmc.compiler.artifact import ArtifactError, Protection, write_artifacts
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

if TYPE_CHECKING:
    from xmc.compiler.composed import composed_schema
    from xmc.compiler.first_spec import Drafted, FirstSpec, draft
    from xmc.compiler.graph import mermaid
    from xmc.compiler.plan import Plan, plan_between
    from xmc.compiler.plan_text import render_plan_human, render_plan_json, render_plan_markdown
    from xmc.compiler.values import ValueTextError, read_values
    from xmc.compiler.worst import CALLS_AT_ONCE, WorstCase, worst_case

__all__ = [
    "CALLS_AT_ONCE",
    "CODES",
    "MAX_BYTES",
    "WIDTH",
    "ArtifactError",
    "Code",
    "Compiled",
    "Drafted",
    "FirstSpec",
    "Plan",
    "Progress",
    "Protection",
    "Proven",
    "Source",
    "ValueTextError",
    "WorstCase",
    "compile_source",
    "compile_sources",
    "composed_schema",
    "did_you_mean",
    "draft",
    "make",
    "mermaid",
    "nearest",
    "page_of",
    "plan_between",
    "prove",
    "read_values",
    "render_human",
    "render_json",
    "render_plan_human",
    "render_plan_json",
    "render_plan_markdown",
    "render_sarif",
    "worst_case",
    "write_artifacts",
]

_SELDOM = {
    "composed_schema": "composed",
    **dict.fromkeys(("Drafted", "FirstSpec", "draft"), "first_spec"),
    "mermaid": "graph",
    **dict.fromkeys(("Plan", "plan_between"), "plan"),
    **dict.fromkeys(("render_plan_human", "render_plan_json", "render_plan_markdown"), "plan_text"),
    **dict.fromkeys(("ValueTextError", "read_values"), "values"),
    **dict.fromkeys(("CALLS_AT_ONCE", "WorstCase", "worst_case"), "worst"),
}
"""What few compiles need, and the modules that hold it: imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _SELDOM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SELDOM[name]}"), name)
