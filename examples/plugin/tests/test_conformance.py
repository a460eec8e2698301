"""The conformance kit, and the one thing that it cannot know: what the server takes for a signature."""

import pytest

from answer_box.signature import BoxSignature
from xmc.plugins import Credential
from xmc.runtime.conformance import Case, cases
from xmc.schema import WireRequest


@pytest.mark.parametrize("case", cases("answer-box"), ids=str)
def test_conformance(case: Case) -> None:
    case.run()


def test_a_signature_as_the_servers_readme_shows_it() -> None:
    wire = WireRequest("POST", "https://box.example/ask", (), b'{"question": "why"}')
    signed = BoxSignature().sign(wire, Credential(data=("reader", b"not-a-secret")), 1_700_000_000.9)
    assert dict(signed.headers) == {
        "X-Box-Key": "reader",
        "X-Box-Time": "1700000000",
        "X-Box-Signature": "ca4b5594e58f6458ebb956fbc99f43b460a682195b6107e295b27e7428145f89",
    }
