"""The composition root: the `xmc` command. The only room that knows compiler and runtime."""

from xmc.cli.main import main

__all__ = ["main"]
