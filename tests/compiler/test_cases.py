"""Every file in cases/ is one spec; the comments at its end say exactly what a compile reports, in order."""

from pathlib import Path

import pytest
from tests.compiler.specs import CASES, compile_text, expected, summary

from xmc.plugins import Plugins

ALL = sorted(CASES.glob("*.yaml"))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.stem)
def test_a_case_gives_exactly_the_diagnostics_that_it_names(case: Path, plugins: Plugins) -> None:
    compiled = compile_text(case.read_bytes(), plugins)
    assert [summary(diagnostic) for diagnostic in compiled.diagnostics] == expected(case)
    has_error = any(" error " in line for line in expected(case))
    assert (compiled.table is None) == has_error
    if case.stem.startswith("good_"):
        assert not expected(case)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.stem)
def test_every_diagnostic_says_something_and_points_into_the_file(case: Path, plugins: Plugins) -> None:
    lines = case.read_text().split("\n")
    for diagnostic in compile_text(case.read_bytes(), plugins).diagnostics:
        assert diagnostic.message
        span = diagnostic.span
        assert 1 <= span.line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "endpoints: []\ncolour: red\n",
            "known: defaults, egress, endpoints, principals, residency, secrets and 2 more",
        ),
        ("endpoints: []\nversin: 1\n", "did you mean 'version'?"),
        ("endpoints: []\n\u00a0version: 1\n", "it holds U+00A0 (no-break space), which is no space to YAML"),
        ("config: {served_entities: []}\nname: x\n", "put it under `endpoints:`, as an item of that list"),
    ],
)
def test_hints(text: str, hint: str, plugins: Plugins) -> None:
    (diagnostic,) = compile_text(text, plugins).diagnostics
    assert diagnostic.hint is not None
    assert diagnostic.hint.startswith(hint)
