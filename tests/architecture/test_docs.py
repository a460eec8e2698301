"""The documentation: every page is reachable, and every link leads somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")


def _targets(page: Path) -> set[Path]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {(page.parent / match[1]).resolve() if match[1] else page for match in LINK.finditer(text)}


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in _targets(page):
            assert target.exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_page_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page not in PAGES:
            continue
        seen.add(page)
        waiting += [target / "README.md" if target.is_dir() else target for target in _targets(page)]
    lost = {str(page.relative_to(ROOT)) for page in PAGES} - {str(page.relative_to(ROOT)) for page in seen}
    assert not lost
