"""`docs/plan.md` shows what the commands print: `python -m tests.plan_page` writes their output into it."""

import re
import tempfile
from pathlib import Path

from tests.command import run_cli

from xmc.cli.exit_code import ExitCode

PAGE = Path(__file__).resolve().parent.parent / "docs" / "plan.md"
FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```yaml\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
RUN = re.compile(
    r"<!-- run: xmc (?P<command>[^\n]+) -->\n```(?P<language>\w+)\n.*?^```\n(?!`)", re.MULTILINE | re.DOTALL
)


def fill(page: str) -> str:
    """Return the page with the output of every command as it is now, run beside the files that the page shows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for match in FILE.finditer(page):
            (folder / match["name"]).write_text(match["text"], encoding="utf-8")

        def block(match: re.Match[str]) -> str:
            done = run_cli(folder, *match["command"].split())
            assert done.returncode in (ExitCode.CLEAN, ExitCode.CHANGED), done.stderr
            prompt = f"$ xmc {match['command']}\n" if match["language"] == "text" else ""
            return f"<!-- run: xmc {match['command']} -->\n```{match['language']}\n{prompt}{done.stdout}```\n"

        return RUN.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
