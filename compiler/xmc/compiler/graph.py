"""A routing table as a Mermaid flowchart: endpoints, shares, entities, providers, hosts with their regions. Pure.

Every text is written so that Mermaid reads no syntax in it, whatever it holds: all but letters, digits and a few signs
of ASCII become character codes, `#NN;`. That keeps quotes and brackets out, and also what Mermaid treats before its
grammar: `%%` as a comment, `style…:…#…;` as a style, and the marks by which it hides codes from itself.

Source: Mermaid, "Flowcharts - Basic Syntax", on special characters and entity codes.
"""

from collections.abc import Iterable

from xmc.compiler.meaning import destinations
from xmc.schema import Endpoint, Table

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./")
_BREAK = "<br/>"


def mermaid(table: Table, names: Iterable[str] = ()) -> str:
    """Return the flowchart of a table, or of the endpoints of these names, in the order of their names.

    An edge to an entity carries its share, one to a host (with its region) the provider. Dotted are the edges to
    entities without traffic, and to hosts that are called beside the one of the requests.
    """
    wanted = frozenset(names)
    endpoints = [one for one in table.endpoints if not wanted or one.name in wanted]
    chart = _Chart()
    for endpoint in sorted(endpoints, key=lambda one: one.name):
        chart.add(endpoint)
    return "\n".join(["flowchart LR", *chart.lines]) + "\n"


def escaped(text: str) -> str:
    """Return a text as it may stand in a quoted label, which may not be empty; spaces at its ends would be cut off.

    >>> escaped('a "b" [c]%'), escaped(" a b"), escaped("")
    ('a #34;b#34; #91;c#93;#37;', '#32;a b', '#40;none#41;')
    """
    text = text or "(none)"
    last = len(text) - 1
    inside = (char in _PLAIN and not (char == " " and at in (0, last)) for at, char in enumerate(text))
    return "".join(char if plain else f"#{ord(char)};" for char, plain in zip(text, inside, strict=True))


class _Chart:
    """Nodes and edges as lines, each node once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._hosts: dict[str, str] = {}
        self._edges: set[str] = set()
        self._count = 0

    def add(self, endpoint: Endpoint) -> None:
        """Add an endpoint with everything behind it."""
        start = self._node("endpoint", '(["', (endpoint.name, endpoint.task), '"])')
        for entity in endpoint.entities:
            middle = self._node("entity", '["', (entity.name, entity.target.model), '"]')
            arrow = "-->" if entity.weight else "-.->"
            self._edge(f'{start} {arrow}|"{entity.weight}%"| {middle}')
            provider = f'|"{escaped(entity.target.provider)}"|'
            # The first is where requests go; further ones are of sign-in, proxies and the like.
            for number, label in enumerate(destinations(entity)):
                self._edge(f"{middle} {'-->' if number == 0 else '-.->'}{provider} {self._host(label)}")

    def _node(self, kind: str, begin: str, texts: Iterable[str], end: str) -> str:
        self._count += 1
        name = f"{kind}{self._count}"
        self.lines.append(f"  {name}{begin}{_BREAK.join(map(escaped, texts))}{end}")
        return name

    def _host(self, label: str) -> str:
        if label not in self._hosts:
            self._hosts[label] = self._node("host", '[("', (label,), '")]')
        return self._hosts[label]

    def _edge(self, line: str) -> None:
        if line not in self._edges:
            self._edges.add(line)
            self.lines.append(f"  {line}")
