"""`docs/compiler.md` follows the compiler: `python -m tests.compiler.page` prints its figures and writes the page.

python -m tests.compiler.page           commands and mistakes (half a minute)
python -m tests.compiler.page --cost    what a check costs, too (some minutes); exit 1 if a bar is broken
"""

import re
import subprocess
import sys
from pathlib import Path

from tests import console_page
from tests.compiler.coverage import Reach, bad_cases, good_cases, unreached
from tests.compiler.scores import PER_KIND, SEED, SUGGESTED, Score, score, total
from tests.compiler.typos import edits, good_specs

from xmc.plugins import build_plugins

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compiler.md"
_MODEL = """\
        - name: {name}
          external_model:
            name: {model}
            provider: {provider}
            task: {task}
            {provider}_config:
              {provider}_api_key: "{{{{secrets/{provider}/key}}}}"
"""


def _entity(name: str, model: str, provider: str = "openai", task: str = "llm/v1/chat") -> str:
    return _MODEL.format(name=name, model=model, provider=provider, task=task)


def _endpoint(name: str, *entities: str, more: str = "") -> str:
    return f"  - name: {name}\n{more}    config:\n      served_entities:\n{''.join(entities)}"


_CHAT = "endpoints:\n" + _endpoint("chat", _entity("gpt", "gpt-4o"))
_ROUTES = """\
      traffic_config:
        routes:
          - {served_entity_name: gpt, traffic_percentage: 60}
          - {served_entity_name: claude, traffic_percentage: 40}
"""
_BAD = """\
endpoints:
  - name: chat
    config:
      served_entities:
        - name: gpt
          external_model:
            name: gpt-4o
            provider: opnai
            task: llm/v1/chat
            openai_config:
              openai_api_key: "{{secrets/openai/key}}"
        - name: claude
          external_model:
            name: claude-sonnet-4-6
            provider: anthropic
            task: llm/v1/chats
            anthropic_config:
              anthropic_api_key: "{{secrets/anthropic/key}"
      traffic_config:
        routes:
          - {served_entity_name: gpt, traffic_percentage: 60}
          - {served_entity_name: cluade, traffic_percentage: 50}
    tags:
      - {kye: team}
    servng: {hold_s: 5}
"""
FILES = {
    "endpoints.yaml": _BAD,
    "common.yaml": "secrets:\n  stores:\n    environment: {kind: env}\n",
    "teams/chat.yaml": _CHAT,
    "teams/search.yaml": "endpoints:\n"
    + _endpoint("search", _entity("embed", "embed-v4.0", "cohere", "llm/v1/embeddings")),
    "stages.yaml": 'vars: {stage: test, model: }\nendpoints:\n  - name: "chat-{{ stage }}"\n'
    + _endpoint("chat", _entity("gpt", '"{{ model }}"')).partition("\n")[2],
    "policy.yaml": "residency: {allow: [eu]}\nendpoints:\n"
    + _endpoint("chat", _entity("gpt", "gpt-4o"), _entity("claude", "claude-sonnet-4-6", "anthropic"))
    .replace("    config:", "    requires: [tools, n]\n    config:")
    .replace("        - name: gpt\n", "        - name: gpt\n          region: eu\n")
    + _ROUTES,
}


def fill(page: str) -> str:
    """Return the page with the output of its commands and the counted figures as they are now; costs are kept."""
    return put(console_page.fill(page, FILES), "mistakes", mistakes())


def put(page: str, name: str, text: str) -> str:
    """Return the page with other figures of one kind."""
    block = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    return block.sub(lambda match: f"{match[1]}{text}{match[2]}", page, count=1)


def figures(page: str, name: str) -> str:
    """Return the figures of one kind that a page shows."""
    found = re.search(rf"<!-- figures: {name} -->\n(.*?)<!-- end -->", page, re.DOTALL)
    return found[1] if found else ""


def mistakes() -> str:
    """Return what can be counted: the corpus, how much of the schema it reaches, and what is found."""
    plugins = build_plugins()
    reach = Reach(plugins)
    every, missing = reach.every(), unreached(reach, good_cases())
    scores = score(edits(SEED, PER_KIND), plugins)
    others = ", ".join(f"`{name}`" for name in sorted(missing))
    lines = [
        f"- {len(bad_cases())} bad specs and {len(good_cases())} good ones",
        f"- the good ones reach {len(every - missing)} of {len(every)} properties of the schema (not: {others})",
        f"- {total(scores).edits:,} typing mistakes in {len(good_specs())} good specs, seed {SEED}",
        "",
        "| kind | made | told | on the line | suggested | once | accepted in silence |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(kind, one, suggests=kind in SUGGESTED) for kind, one in scores.items()),
        _row("**all**", total(scores), suggests=False),
        _row("keys and listed values", total(scores, SUGGESTED), suggests=True),
    ]
    return "\n".join(lines) + "\n"


def _row(kind: str, one: Score, *, suggests: bool) -> str:
    def share(number: int) -> str:
        return f"{100 * number / one.told:.1f} %"

    suggested = share(one.suggested) if suggests else ""
    found = f"{share(one.on_the_line)} | {suggested} | {share(one.one_diagnostic)}"
    return f"| {kind} | {one.edits} | {one.told} | {found} | {len(one.silent)} |"


def cost() -> tuple[str, bool]:
    """Return what a check costs, and whether every bar is kept."""
    command = [sys.executable, "-m", "tests.bench.compiler", "--check"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout, done.returncode == 0


def main(words: list[str]) -> int:
    """Print the figures and write the page."""
    page = fill(PAGE.read_text(encoding="utf-8"))
    kept = True
    if "--cost" in words:
        text, kept = cost()
        page = put(page, "cost", text)
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{figures(page, 'mistakes')}\n{figures(page, 'cost')}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
