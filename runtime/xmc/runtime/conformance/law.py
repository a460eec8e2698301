"""Laws for arbitrary values, by hypothesis: the same ones in every run, and the smallest that breaks a law is shown."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_EXAMPLES = 60

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts
json_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3), max_leaves=8
)
models = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def holds(values: st.SearchStrategy[Any], law: Callable[[Any], None], *, examples: int = _EXAMPLES) -> None:
    """Run `law` for many values; it raises where it does not hold."""

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(values)
    def run(value: Any) -> None:
        law(value)

    run()


def near(*examples: Any) -> st.SearchStrategy[Any]:
    """JSON that uses the keys and words of the examples in the wrong places."""
    keys, leaves = sorted({*_keys(examples)}), [*dict.fromkeys(filter(None, _words(examples)))]
    return st.recursive(
        _scalars | st.sampled_from(leaves or [""]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys or [""]), inner, max_size=5),
        max_leaves=12,
    )


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(key) for key in value] + [key for inner in value.values() for key in _keys(inner)]
    return [key for inner in value for key in _keys(inner)] if isinstance(value, list | tuple) else []


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[:40]]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [word for one in inner for word in _words(one)]


def reads_of(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """Cut bytes at arbitrary places."""
    places = st.lists(st.integers(0, len(data)), max_size=8)
    return places.map(
        lambda cuts: [data[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True)]
    )
