"""The conformance kit: checks that a provider plugin passes or fails, each with an id, what it looks at, and why.

`xmc plugins test NAME` runs them; so does a test suite:

    @pytest.mark.parametrize("case", cases("my-plugin"), ids=str)
    def test_conformance(case: Case) -> None:
        case.run()

What it needs beside xmc: `pip install 'xmc[kit]'`.
"""

from xmc.runtime.conformance.check import Case, Check, Failed, NotApplicable, Outcome, Subject
from xmc.runtime.conformance.checks import CHECKS, cases

__all__ = ["CHECKS", "Case", "Check", "Failed", "NotApplicable", "Outcome", "Subject", "cases"]
