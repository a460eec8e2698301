"""The worst case that `compile -v` prints is what the runtime does."""

import pytest
from tests.compiler.specs import CASES, SPEC, compile_text

from xmc.compiler import CALLS_AT_ONCE, WorstCase, worst_case
from xmc.plugins import Plugins
from xmc.runtime import sender
from xmc.schema import Table


def compiled(text: str | bytes, plugins: Plugins) -> Table:
    table = compile_text(text, plugins).table
    assert table is not None
    return table


def test_a_fixed_key_is_sent_once(plugins: Plugins) -> None:
    (endpoint,) = compiled(SPEC, plugins).endpoints
    assert worst_case(endpoint, plugins) == WorstCase(attempts=1, seconds=600, inputs_per_call=None)


def test_a_token_that_expires_is_one_more_attempt_within_the_time_of_two(plugins: Plugins) -> None:
    endpoints = {one.name: one for one in compiled((CASES / "good_residency.yaml").read_bytes(), plugins).endpoints}
    assert worst_case(endpoints["gemini"], plugins) == WorstCase(2, 1200, None)
    assert worst_case(endpoints["claude"], plugins) == WorstCase(1, 600, None)


def test_the_time_is_that_of_the_endpoint(plugins: Plugins) -> None:
    (endpoint,) = compiled(f"{SPEC}    serving: {{timeouts: {{total_s: 7.5}}}}\n", plugins).endpoints
    assert worst_case(endpoint, plugins).seconds == 7.5


@pytest.mark.parametrize(
    ("case", "name", "inputs"),
    [("good_residency", "titan", 1), ("good_platform_team", "search", 91), ("good_vertex_partners", "vectors", 1)],
)
def test_embeddings_may_take_several_calls(case: str, name: str, inputs: int, plugins: Plugins) -> None:
    """Cohere takes 96 texts in a call, so a thousand are 11 calls of 91 on average."""
    endpoints = {one.name: one for one in compiled((CASES / f"{case}.yaml").read_bytes(), plugins).endpoints}
    assert worst_case(endpoints[name], plugins).inputs_per_call == inputs


def test_as_many_calls_run_at_once_as_in_the_runtime() -> None:
    assert vars(sender)["_CONCURRENT_CALLS"] == CALLS_AT_ONCE


def test_only_schemes_whose_credentials_never_expire_are_static(plugins: Plugins) -> None:
    static = {name for name, scheme in plugins.auth_schemes.items() if getattr(scheme, "static", False)}
    assert static == {"bearer", "header-key", "none", "aws-sigv4"}
    for name in static:
        assert not any(plugins.auth_schemes[name].stale(status, {}) for status in range(100, 600))
