"""`mermaid`: what the chart shows, and that no name can be read as anything but a name."""

import html
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.inspect import type_info
from tests.records import values
from tests.tables import make_endpoint, make_table, make_target

from xmc.compiler import mermaid
from xmc.compiler.graph import escaped
from xmc.schema import Auth, Entity, Table, Task

TEXT = r"(?:[A-Za-z0-9 _./-]|#\d+;)*"
LABEL = rf'"({TEXT}(?:<br/>{TEXT})?)"'
NODE = re.compile(rf"  (endpoint|entity|host)(\d+)(?:\(\[{LABEL}\]\)|\[{LABEL}\]|\[\({LABEL}\)\])")
EDGE = re.compile(rf'  (\w+) (-->|-\.->)\|"(\d+%|{TEXT})"\| (\w+)')
EMPTY = "(none)"
# What Mermaid rewrites in a whole text before it parses it: comments, codes of its own, styles.
BEFORE_PARSING = ("%%", "ﬂ°", "¶ß")


def decoded(label: str) -> list[str]:
    return [re.sub(r"#(\d+);", lambda match: chr(int(match[1])), part) for part in label.split("<br/>")]


def read(chart: str) -> tuple[dict[str, list[str]], list[tuple[str, str, str, str]]]:
    """Parse a chart by the narrow grammar above: nodes with their texts, and edges."""
    first, *lines = chart.removesuffix("\n").split("\n")
    assert first == "flowchart LR"
    nodes: dict[str, list[str]] = {}
    edges = []
    for line in lines:
        node, edge = NODE.fullmatch(line), EDGE.fullmatch(line)
        assert node or edge, line
        if node:
            (label,) = (group for group in node.groups()[2:] if group is not None)
            nodes[node[1] + node[2]] = decoded(label)
        elif edge:
            edges.append((edge[1], edge[2], decoded(edge[3])[0], edge[4]))
    assert all(edge[0] in nodes and edge[3] in nodes for edge in edges)
    return nodes, edges


def the_table(**target: Any) -> Table:
    changed = msgspec.structs.replace(make_target("m", Task.CHAT), **target)
    one = make_endpoint("chat", "main", "spare")
    idle = Entity(name="idle", weight=0, target=changed)
    return make_table(msgspec.structs.replace(one, entities=(*one.entities, idle)), make_endpoint("embed"))


def test_a_chart() -> None:
    nodes, edges = read(mermaid(the_table(url="https://llm.example/v1", region="eu-west-1", provider="p")))
    told = [("/".join(nodes[begin]), arrow, text, "/".join(nodes[end])) for begin, arrow, text, end in edges]
    local = "127.0.0.1:9 (region unknown)"
    assert told == [
        ("chat/llm/v1/chat", "-->", "50%", "main/main"),
        ("main/main", "-->", "custom", local),
        ("chat/llm/v1/chat", "-->", "50%", "spare/spare"),
        ("spare/spare", "-->", "custom", local),
        ("chat/llm/v1/chat", "-.->", "0%", "idle/m"),
        ("idle/m", "-->", "p", "llm.example (region eu-west-1)"),
        ("embed/llm/v1/chat", "-->", "100%", "main/main"),
        ("main/main", "-->", "custom", local),
    ]
    assert list(nodes.values()).count([local]) == 1


def test_further_hosts_hang_on_dotted_lines() -> None:
    auth = Auth(scheme="none", params={"token_uri": "https://sign-in.example/token"})
    nodes, edges = read(mermaid(the_table(auth=auth)))
    assert [nodes[end] for _, arrow, _, end in edges if arrow == "-.->"] == [["idle", "m"], ["sign-in.example"]]


def test_only_some_endpoints() -> None:
    nodes, _ = read(mermaid(the_table(), ["embed"]))
    assert [texts[0] for name, texts in nodes.items() if name.startswith("endpoint")] == ["embed"]
    assert mermaid(make_table()) == "flowchart LR\n"


@given(st.text())
def test_any_text_comes_back_from_its_label(text: str) -> None:
    label = escaped(text)
    assert re.fullmatch(TEXT, label)
    assert label
    assert decoded(label) == [text or EMPTY]
    if not any(0xD800 <= ord(char) < 0xE000 or ord(char) in range(0x20) or 0x7F <= ord(char) < 0xA0 for char in text):
        # As a browser reads it, after Mermaid made `&#NN;` of `#NN;`.
        assert html.unescape(re.sub(r"#(\d+);", r"&#\1;", label)) in {text or EMPTY, html.unescape(text)}


@given(
    st.text() | st.sampled_from([*BEFORE_PARSING, '"', "style: a:#b;", "classDef x:#;", "end", "`md`", "<b>", "#35;"])
)
def test_any_name_is_only_a_name(name: str) -> None:
    table = make_table(
        msgspec.structs.replace(
            make_endpoint("e"),
            name=name,
            entities=(Entity(name=name, weight=100, target=make_target("m", Task.CHAT, provider=name)),),
        )
    )
    nodes, edges = read(mermaid(table))
    assert (nodes["endpoint1"][0], nodes["entity2"][0], edges[1][2]) == (name or EMPTY,) * 3


@given(values(type_info(Table)))
def test_any_table_has_a_chart(table: Table) -> None:
    chart = mermaid(table)
    nodes, _ = read(chart)
    assert sum(name.startswith("endpoint") for name in nodes) == len(table.endpoints)
    assert sum(name.startswith("entity") for name in nodes) == sum(len(one.entities) for one in table.endpoints)
    assert not any(mark in chart for mark in BEFORE_PARSING)
    # Mermaid takes the last `;` off a line with `style` and a colon after it.
    assert not re.search(r"(style|classDef).*:", chart)


@pytest.mark.parametrize("sign", list("\"'`[](){}<>|;:#%&@\\^=~*+,!?$\n\t"))
def test_signs_are_written_as_codes(sign: str) -> None:
    assert escaped(sign) == f"#{ord(sign)};"
