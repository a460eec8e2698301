"""`docs/providers.md` follows the capability records, and the table of checks in `docs/plugins.md` the kit.

`python -m tests.matrix.page` writes both.
"""

from pathlib import Path

from tests.matrix.subjects import SUBJECTS

from xmc.plugins import Capability, Provider
from xmc.runtime.conformance import CHECKS
from xmc.runtime.conformance.parameters import VALUES
from xmc.schema import Task

PLUGINS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"

_HEAD = """\
# Providers and parameters

What each request parameter comes to, by provider and task. This page is generated from the capability records that the
providers ship, and every cell of it is a test: the parameter is sent through a served gateway, and what arrives at the
upstream is what the cell says.

- **yes**: sent on as it is. Whether a certain model takes it, the upstream says.
- **→ `field`**: translated into that field of the upstream's request (`url`, `header:…`: into those; `answer`: it
  changes what you get and not what the upstream is asked).
- **dropped**: without effect there; named in the answer's `x-xmc-dropped`.
- **refused**: a 400 that names it, before the upstream is called, since the answer would mean something else.

Values that mean nothing (`null`, `[]`, `n: 1`, `logprobs: false`, penalties of 0) count as not set. Keys that are not
in these tables pass as they are. `extra_params`, `usage_context` and `client_request_id` are the gateway's own, for
every provider: the first is merged into the request, the others are never sent on.
"""


def page() -> str:
    """Return the page as the records of now have it."""
    providers = _providers()
    parts = [_HEAD]
    for task in Task:
        serving = {name: provider for name, provider in providers.items() if task in provider.capabilities}
        parts.append(f"\n## {task}\n\n{_table(serving, task)}")
    parts.append(f"\n## Sources\n\n{_sources(providers)}")
    return "".join(parts)


def _providers() -> dict[str, Provider]:
    return {name: SUBJECTS[name].provider for name in sorted(SUBJECTS)}


def _table(providers: dict[str, Provider], task: Task) -> str:
    lines = [
        f"| parameter | {' | '.join(_heading(name) for name in providers)} |",
        f"|---|{'---|' * len(providers)}",
    ]
    for parameter in sorted(VALUES[task]):
        cells = [_cell(provider.capabilities[task].get(parameter)) for provider in providers.values()]
        lines.append(f"| `{parameter}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _heading(name: str) -> str:
    return f"[{name}](providers/{name}.md)" if (PAGE.parent / "providers" / f"{name}.md").exists() else name


def _cell(told: Capability | None) -> str:
    if told is None:
        return ""
    return f"→ `{told.field}`" if told.status == "mapped" else told.status


def _sources(providers: dict[str, Provider]) -> str:
    lines = ["| provider | task | learnt from | on |", "|---|---|---|---|"]
    for name, provider in providers.items():
        for task, column in provider.capabilities.items():
            first = next(iter(column.values()))
            lines.append(f"| {name} | {task} | {first.source} | {first.date} |")
    return "\n".join(lines) + "\n"


def plugins_page() -> str:
    """Return `docs/plugins.md` with the checks as they are now."""
    lines = ["| check | what is kept | why |", "|---|---|---|"]
    lines += [f"| `{check.id}` | {check.what} | {check.why} |" for check in CHECKS]
    begin, end = "<!-- checks -->\n", "<!-- end of checks -->"
    before, _, rest = PLUGINS_PAGE.read_text().partition(begin)
    return before + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]


if __name__ == "__main__":
    PAGE.write_text(page())
    PLUGINS_PAGE.write_text(plugins_page())
