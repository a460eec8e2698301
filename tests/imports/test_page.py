"""`docs/import.md` is fresh."""

from tests.imports.page import BLOCK, PAGE, fill


def test_the_page_shows_real_output() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page) == page, "python -m tests.imports"
    assert [match["what"] for match in BLOCK.finditer(page)] == ["input", "report", "spec"]
