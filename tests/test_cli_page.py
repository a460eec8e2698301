"""`docs/cli.md` says what the command line says."""

from tests.cli_help import BLOCK, PAGE, commands, fill

from xmc.cli.exit_code import ExitCode

TEXT = PAGE.read_text(encoding="utf-8")


def test_every_command_has_its_help() -> None:
    written = [match["command"] for match in BLOCK.finditer(TEXT)]
    assert written == [" ".join(("xmc", *words)) for words in commands()]


def test_the_help_is_what_the_commands_print() -> None:
    assert fill(TEXT) == TEXT, "run `make docs`"


def test_every_exit_code_is_documented() -> None:
    for code in ExitCode:
        assert f"| {code.value} | " in TEXT


def test_every_help_carries_an_example() -> None:
    for match in BLOCK.finditer(TEXT):
        only_lists_commands = "COMMAND [ARGS]..." in match[0] and match["command"] != "xmc"
        assert only_lists_commands or "Examples:" in match[0], match["command"]
