"""The `xmc` command group. Each command is a module of its own, imported only when it is called."""

from importlib import import_module

import click

# Command -> (module, one-line help). The help stands here so that `xmc --help` imports no command.
COMMANDS = {
    "check": ("xmc.cli.check", "Check a spec, and write nothing."),
    "compile": ("xmc.cli.compile", "Check a spec and write its routing table."),
    "explain": ("xmc.cli.explain", "Print the page of a diagnostic code."),
    "graph": ("xmc.cli.graph", "Print a routing table as a Mermaid flowchart."),
    "import": ("xmc.cli.import_", "Turn the configuration of another gateway into a spec."),
    "init": ("xmc.cli.init", "Write a first spec, by flags."),
    "keygen": ("xmc.cli.keygen", "Make keys that seal and sign artifacts."),
    "plan": ("xmc.cli.plan", "Say what changes in meaning between two routing tables."),
    "plugins": ("xmc.cli.plugins", "List the installed plugins, or test one."),
    "probe": ("xmc.cli.probe", "Make one tiny real call to every target."),
    "schema": ("xmc.cli.schema", "Print the JSON Schema of a spec, or of a table."),
    "serve": ("xmc.cli.serve", "Serve a routing table, or a spec compiled in memory."),
    "token": ("xmc.cli.token", "Make client tokens."),
    "verify": ("xmc.cli.verify", "Verify a table and its companions."),
}


class LazyGroup(click.Group):
    """A click group whose commands are imported on first use: `xmc serve TABLE` must not import the compiler."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the command names, without importing any."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; of an unknown one say which is likely meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from xmc.compiler import nearest  # noqa: PLC0415 - only for a mistyped command

            guess = nearest(args[0], COMMANDS)
            if guess is None:
                raise
            raise click.UsageError(f"{error.message} Did you mean {guess!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands with their one-line help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExit codes: 0 clean, 1 diagnostics, 2 usage, 3 internal error, 4 secret store unreachable,\n5 changed.",
)
@click.version_option(package_name="xmc", prog_name="xmc")
def main() -> None:
    """Compile LLM endpoint specs into a frozen routing table, and serve it.

    \b
    Examples:
      xmc compile endpoints.yaml
      xmc serve endpoints.xmc.json --port 8080
    """  # noqa: D301 - click reads \b as "do not re-wrap"
