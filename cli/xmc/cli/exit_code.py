"""Exit codes of `xmc`, documented in `docs/cli.md` and tested."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means."""

    CLEAN = 0
    """Nothing wrong; warnings are allowed."""
    DIAGNOSTICS = 1
    """At least one diagnostic of severity error, or an artifact that is refused."""
    USAGE = 2
    """The command line is wrong, or a file named on it, or a key, cannot be used."""
    INTERNAL = 3
    """A fault of xmc's own; please report it."""
    STORE_UNREACHABLE = 4
    """A secret store did not answer, so references could not be proven or read."""
    CHANGED = 5
    """`xmc plan` found a change in meaning."""
