"""The scanner itself: what it cannot find, no other test can."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.secrets.canary import found


@given(before=st.binary(max_size=9), after=st.binary(max_size=9), key=st.text("abc/+é\"'\\ %", min_size=9))
def test_base64_is_found_wherever_the_key_stands(before: bytes, after: bytes, key: str) -> None:
    whole = before + key.encode() + after
    assert found(key, base64.b64encode(whole))
    assert found(key, base64.urlsafe_b64encode(whole))


@pytest.mark.parametrize(
    "write",
    [
        str,
        json.dumps,
        lambda key: json.dumps({"a": key}, ensure_ascii=False),
        lambda key: json.dumps(json.dumps([key])),
        repr,
        lambda key: repr(key.encode()),
        quote,
        lambda key: quote(key, safe=""),
        lambda key: key.encode().hex(),
        lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    ],
)
def test_every_way_of_writing_is_found(write: Callable[[str], str], canary: str) -> None:
    assert found(canary, f"before {write(canary)} after")
    assert not found(canary, f"before {write(canary[::-1])} after")
