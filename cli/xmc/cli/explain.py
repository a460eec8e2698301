"""`xmc explain`: the page of a diagnostic code."""

import re

import click

from xmc.compiler import CODES, nearest, page_of


@click.command()
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print the page of the diagnostic CODE: what it means, a spec that has it, and the same mended.

    Without CODE all codes with their titles, a line each. The prefix XMC may be left out.

    \b
    Examples:
      xmc explain XMC303
      xmc explain 303
      xmc explain

    \b
    Exit codes: 0 clean, 2 there is no such code.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    if code is None:
        click.echo("\n".join(f"{one.code}  {one.severity:<8}{one.title}" for one in CODES.values()))
        return
    wanted = code.upper() if not re.fullmatch(r"\d+", code) else f"XMC{code}"
    try:
        click.echo(page_of(wanted), nl=False)
    except LookupError:
        guess = nearest(wanted, CODES)
        hint = f"; did you mean {guess}?" if guess else "; `xmc explain` lists all"
        raise click.BadParameter(f"there is no diagnostic {code}{hint}", param_hint="CODE") from None
