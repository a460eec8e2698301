"""`docs/cli.md` follows the command line: `python -m tests.cli_help` writes the help texts into it."""

import re
from pathlib import Path

import click
from click.testing import CliRunner

from xmc.cli import main

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH = 100
BLOCK = re.compile(r"<!-- help: (?P<command>xmc[a-z ]*) -->\n```text\n.*?^```\n", re.MULTILINE | re.DOTALL)


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command as words after `xmc`, groups before what they hold."""
    found = [path]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        here = (*path, name)
        found += commands(command, here) if isinstance(command, click.Group) else [here]
    return found


def help_of(words: tuple[str, ...]) -> str:
    """Return what `xmc <words> --help` prints."""
    result = CliRunner().invoke(
        main, [*words, "--help"], prog_name="xmc", terminal_width=WIDTH, max_content_width=WIDTH
    )
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.output.splitlines()) + "\n"


def fill(page: str) -> str:
    """Return the page with each help block as the command prints it now."""

    def block(match: re.Match[str]) -> str:
        words = tuple(match["command"].split()[1:])
        return f"<!-- help: {match['command']} -->\n```text\n{help_of(words)}```\n"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
