"""`python -m tests.imports` writes the golden files and `docs/import.md` anew. Read the difference."""

from tests.imports.fixtures import FIXTURES, golden
from tests.imports.page import PAGE, fill

if __name__ == "__main__":
    for fixture in FIXTURES:
        for path, text in golden(fixture).items():
            path.write_text(text, encoding="utf-8")
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
