"""The pages of the diagnostic codes: `docs/errors` of the repository, which the wheel holds as `errors`."""

from pathlib import Path

from xmc.compiler.codes import CODES


def page_of(code: str) -> str:
    """Return the page of a code, Markdown.

    Raises:
        LookupError: there is no such code.
    """
    if code not in CODES:
        raise LookupError(code)
    from importlib.resources import files  # noqa: PLC0415 - for `xmc explain` alone

    shipped = files("xmc.compiler").joinpath("errors", f"{code}.md")
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    # An editable install has the pages where they are written.
    return (Path(__file__).parents[3] / "docs" / "errors" / f"{code}.md").read_text(encoding="utf-8")
