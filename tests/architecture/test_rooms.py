"""The rooms: where files may be, what each room shows, and which way imports go."""

import ast
import re
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

from xmc.plugins import build_plugins

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("schema", "plugins", "compiler", "runtime", "cli")
# The canonical form is a dialect of that name, whoever provides the model.
DIALECTS = {"wire.py": {"openai"}}
CORE = ("schema", "compiler", "runtime", "cli")
# The configurations of other gateways name providers, so what reads them does.
IMPORTS = ROOT / "compiler" / "xmc" / "compiler" / "imports"


def test_xmc_is_a_namespace() -> None:
    for room in ROOMS:
        assert (ROOT / room / "xmc" / room / "__init__.py").is_file()
        assert not (ROOT / room / "xmc" / "__init__.py").exists(), "one stray file hides all the other rooms"
        assert sorted(path.name for path in (ROOT / room / "xmc").iterdir() if path.name != "__pycache__") == [room]


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_typed_and_shows_a_sorted_face(room: str) -> None:
    module = import_module(f"xmc.{room}")
    assert (ROOT / room / "xmc" / room / "py.typed").is_file()
    names = module.__all__
    # Constants first, then classes, then functions, each by name: ruff's isort-style order.
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(module, name) is not None
        assert not name.startswith("_")


def test_imports_point_down() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout


def test_other_rooms_are_imported_by_their_face() -> None:
    # The conformance kit is a face of its own: what serves traffic must not import it. So are imports of other
    # gateways' configurations: no compile needs them.
    inside = re.compile(r"^\s*(?:from|import) xmc\.(\w+)\.(?!(?:conformance|imports) import )", re.MULTILINE)
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            others = {other for other in inside.findall(path.read_text(encoding="utf-8")) if other != room}
            assert not others, f"{path.relative_to(ROOT)} reaches into {others}"


def test_nothing_of_the_compiler_uses_imports() -> None:
    for path in IMPORTS.parent.glob("*.py"):
        assert "compiler.imports" not in path.read_text(encoding="utf-8"), path.name


def _strings_in_code(text: str) -> list[str]:
    """Return the string constants of a module that are not docstrings; those may give examples."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, documented)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs)
    return [node.value for node in constants if isinstance(node.value, str)]


def test_no_core_file_names_a_provider() -> None:
    plugins = build_plugins()
    assert {"openai", "custom"} <= set(plugins.providers)
    # What Databricks has beside the shipped ones must not be known to the core either.
    others = {"anthropic", "amazon-bedrock", "cohere", "ai21labs", "google-cloud-vertex-ai", "palm"}
    names = {*plugins.providers, *others}
    keys = {provider.config_key for provider in plugins.providers.values()}
    for room in CORE:
        for path in (ROOT / room).rglob("*.py"):
            if path.parent == IMPORTS:
                continue
            strings = _strings_in_code(path.read_text(encoding="utf-8"))
            found = {text for text in strings if text in names or any(key in text for key in keys)}
            found -= DIALECTS.get(path.name, set())
            assert not found, f"{path.relative_to(ROOT)} names {found}"
        for path in (ROOT / room).rglob("*.json"):
            text = path.read_text(encoding="utf-8")
            quoted = [name for name in names | keys if f'"{name}"' in text]
            assert not quoted, f"{path.relative_to(ROOT)} names {quoted}"


@pytest.mark.parametrize("name", sorted(point.name for point in metadata.entry_points(group="xmc")))
def test_the_host_starts_without_each_shipped_plugin(name: str) -> None:
    whole, rest = build_plugins(), build_plugins(without=[name])
    assert name in whole.origins
    assert name not in rest.origins
    kinds = ("providers", "auth_schemes", "framings", "secret_stores")
    lost = {item for kind in kinds for item in set(getattr(whole, kind)) - set(getattr(rest, kind))}
    assert lost, f"plugin {name!r} adds nothing"


def test_the_formats_of_artifacts_bring_no_cryptography_until_it_is_used() -> None:
    program = "import sys, xmc.schema, xmc.runtime; print(*(name for name in sys.modules if 'cryptography' in name))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
