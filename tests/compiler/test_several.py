"""A spec of several files means what one file with all of it means, and says where each part stands."""

from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import SPEC, codes, compile_files, compile_text

from xmc.compiler import Compiled, Source, compile_sources
from xmc.plugins import Plugins, build_plugins

INSTALLED = build_plugins()
HASH = "xmc1$abcdefgh$AAAAAAAAAAAAAAAA$" + "0" * 64


def endpoint(name: str, *, key: str = "openai_api_key") -> str:
    return SPEC.removeprefix("endpoints:\n").replace("chat\n", f"{name}\n", 1).replace("openai_api_key", key)


def spec(*names: str) -> str:
    return "endpoints:\n" + "".join(endpoint(name) for name in names) if names else "endpoints: []\n"


def names(compiled: Compiled) -> list[str]:
    assert compiled.table is not None, compiled.diagnostics
    return [one.name for one in compiled.table.endpoints]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_files_are_joined_in_their_order(sizes: list[int]) -> None:
    every = [f"e{number}" for number in range(sum(sizes))]
    texts, begin = [], 0
    for size in sizes:
        texts.append(spec(*every[begin : begin + size]))
        begin += size
    joined, whole = compile_files(*texts, plugins=INSTALLED), compile_text(spec(*every), INSTALLED)
    assert joined.table == whole.table
    assert joined.diagnostics == ()


def test_a_file_of_several_may_hold_no_endpoints(plugins: Plugins) -> None:
    shared = f"version: 1\nprincipals:\n  - {{name: ci, endpoints: [chat], token_hashes: [{HASH}]}}\n"
    compiled = compile_files(shared, f"version: 1\n{spec('chat')}", plugins=plugins)
    assert names(compiled) == ["chat"]
    assert codes(compile_files(shared, shared.replace("name: ci", "name: cd"), plugins=plugins)) == [
        "XMC202",
        "XMC315",
    ]


def test_a_collision_shows_both_places(plugins: Plugins) -> None:
    (found,) = compile_files(spec("a", "b"), spec("c", "b"), plugins=plugins).diagnostics
    assert (found.code, str(found.span)) == ("XMC301", "b.yaml:12:11")
    assert [str(label.span) for label in found.labels] == ["a.yaml:12:11"]


def test_a_key_in_two_files_shows_both_places(plugins: Plugins) -> None:
    (found,) = compile_files("secrets: {}\nendpoints: []\n", "\nsecrets: {}\n", plugins=plugins).diagnostics
    assert (found.code, str(found.span)) == ("XMC213", "b.yaml:2:1")
    assert [str(label.span) for label in found.labels] == ["a.yaml:1:1"]
    (found,) = compile_files("endpoints: {}\n", "endpoints: []\n", plugins=plugins).diagnostics[1:]
    assert found.message == "`endpoints` of two files cannot be joined: one of them is no list"


def test_positions_count_within_their_file(plugins: Plugins) -> None:
    wrong = "endpoints:\n" + endpoint("c") + endpoint("d", key="openai_api_kye")
    (found,) = compile_files(spec("a", "b"), wrong, plugins=plugins).diagnostics
    assert str(found.span).startswith("b.yaml:")
    assert "`endpoints[1].config.served_entities[0].external_model.openai_config`" in found.message


def test_what_is_no_spec_is_said_of_its_file(plugins: Plugins) -> None:
    found = compile_files(spec("a"), "- b\n", "config: {served_entities: []}\n", "a: [\n", plugins=plugins).diagnostics
    assert [(one.span.file, one.code) for one in found] == [("d.yaml", "XMC101")]
    found = compile_files(spec("a"), "- b\n", "config: {served_entities: []}\n", plugins=plugins).diagnostics
    assert [(one.span.file, one.code) for one in found] == [("b.yaml", "XMC203"), ("c.yaml", "XMC202")]


@given(st.integers(1, 200), st.integers(1, 3))
def test_progress_only_grows_and_stays_in_its_bounds(endpoints: int, files: int) -> None:
    told: list[float] = []
    parts = [spec(*(f"e{number}" for number in range(file, endpoints, files))) for file in range(files)]
    sources = [Source(f"{place}.yaml", text.encode()) for place, text in enumerate(parts)]
    compile_sources(sources, INSTALLED, told.append)
    assert told == sorted(told)
    assert told[0] >= 0
    assert 0.9 < told[-1] <= 1
