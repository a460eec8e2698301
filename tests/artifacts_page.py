"""`docs/artifacts.md` shows what the commands print: `python -m tests.artifacts_page` runs them and writes it down."""

from pathlib import Path

from tests import console_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "artifacts.md"
SPEC = """\
secrets: {stores: {environment: {kind: env}}}
endpoints:
- name: chat
  served_entities:
  - name: main
    external_model:
      name: gpt-4o
      provider: openai
      task: llm/v1/chat
      openai_config: {openai_api_key: "{{secrets/openai/api-key}}"}
"""


def fill(page: str) -> str:
    """Return the page with each command's output as it is now."""
    return console_page.fill(page, {"endpoints.yaml": SPEC})


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
