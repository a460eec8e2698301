"""Budgets and habits of the source: sizes, suppressions, requirements."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("schema", "plugins", "compiler", "runtime", "cli", "tests", "examples")
SOURCES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts
)
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def test_there_are_sources() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES, "split it by concept"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|pyright:\s*ignore)(?P<rest>.*)")
# `noqa: CODE - reason`, `type: ignore[code]  # reason` or `- reason`. In hook specifications, which have no bodies, the
# module says it once.
REASONED = re.compile(r"""^(?:\[[\w, -]+\]|:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)\s*(?:#|-)\s*\S.{3,}""")
EXPLAINED_BY_MODULE = {"hookspecs.py"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_suppressions_name_code_and_reason(path: Path) -> None:
    if path == Path(__file__).resolve() or path.name in EXPLAINED_BY_MODULE:
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = SUPPRESSION.search(line)
        if match:
            assert REASONED.match(match["rest"]), f"line {number}: {line.strip()}"


def test_requirements_hold_hashes_and_no_address() -> None:
    files = sorted((ROOT / "requirements").iterdir())
    assert [path.name for path in files] == ["base.txt", "build.txt", "dev.txt", "models.txt", "quickstart.txt"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "//" not in text
        assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE), "an option or an index"
        packages = re.findall(r"^[a-z0-9][a-z0-9._-]*==", text, re.MULTILINE)
        assert packages
        assert text.count("--hash=sha256:") >= len(packages)


def test_requirements_hold_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = {
        "base": project["project"]["dependencies"],
        "dev": [*project["project"]["dependencies"], *groups["dev"], *groups["quickstart"]],
        "quickstart": [*project["project"]["dependencies"], *groups["quickstart"]],
        "build": [*groups["build"], *project["build-system"]["requires"]],
        "models": groups["models"],
    }
    for name, requirements in wanted.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))
        for requirement in requirements:
            if isinstance(requirement, str):
                declared = re.split(r"[\[<>=; ]", requirement)[0].lower().replace("_", "-")
                assert declared in locked, f"run `make lock`: {declared} is not in requirements/{name}.txt"


def test_nothing_of_the_makers_machines_is_in_the_tree() -> None:
    # Spelled so that this file does not find itself.
    forbidden = re.compile(r"/[r]oot/|/[h]ome/[a-z]+/|[.]pyp[i][.]org|registry[.]np[m]js")
    kinds = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".sh", ".mjs", ".js", ".c", ""}
    for folder in (*FOLDERS, "docs", "requirements", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in kinds and not {"node_modules", "__pycache__"} & set(path.parts):
                found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
                assert not found, f"{path.relative_to(ROOT)} holds {found[0] if found else ''}"
