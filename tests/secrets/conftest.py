"""Shared by the tests about secrets: a canary that must never leak."""

import secrets

import pytest


@pytest.fixture
def canary() -> str:
    """Return a key that occurs nowhere else; its odd characters change under every escaping."""
    return f'canary-{secrets.token_hex(16)}/+"é{secrets.token_hex(4)}'
