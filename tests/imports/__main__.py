"""`python -m tests.imports` writes the golden files anew: spec and report of every fixture. Read the difference."""

from tests.imports.fixtures import FIXTURES, golden

if __name__ == "__main__":
    for fixture in FIXTURES:
        for path, text in golden(fixture).items():
            path.write_text(text, encoding="utf-8")
