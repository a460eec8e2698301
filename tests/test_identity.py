"""The same spec gives the same bytes: across interpreters, hash seeds, locales, time zones and working folders.

Every example and every good case is compiled by the command line itself, in a process for each world. Every
`python3.N` on PATH that can import xmc's dependencies takes part; those of this interpreter's own minor version borrow
its packages, and all of them what says which plugins there are. One that cannot is held to what needs no dependency:
its own JSON encoder writes the same canonical bytes. To let another one take part, install `requirements/base.txt` into
a virtual environment of it, and put that on PATH.
"""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.compiler.specs import CASES, expected

from xmc.schema import canonical_json

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parent.parent
ROOMS = [str(ROOT / room) for room in ("schema", "plugins", "compiler", "runtime", "cli")]
SPECS = [
    *(case for case in sorted(CASES.glob("*.yaml")) if not any(" error " in line for line in expected(case))),
    *sorted((ROOT / "examples").glob("*.yaml")),
    ROOT / "examples" / "quickstart" / "endpoints.yaml",
]
# Each seed, locale, time zone and folder is met by every interpreter.
WORLDS = (("0", "C", "UTC"), ("1", "C.UTF-8", "Asia/Kathmandu"), ("random", "tr_TR.UTF-8", "America/St_Johns"))
_PROBE = "import aiohttp, click, cryptography, hvac, jsonschema, msgspec, pluggy, prometheus_client, requests, yaml"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on PATH. `paths` are the folders of packages that it borrows."""

    program: str
    version: str
    paths: tuple[str, ...]
    usable: bool

    def environ(self, **more: str) -> dict[str, str]:
        paths = [str(ROOT), *ROOMS, *self.paths]
        return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths), **more}


@functools.cache
def interpreters() -> tuple[Interpreter, ...]:
    """Return every Python from 3.11 on that PATH has, each installation once, this one first."""
    found: dict[str, Interpreter] = {}
    names = re.compile(r"python3\.(\d+)$")
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep) if Path(folder).is_dir()]
    programs = [path for folder in folders for path in sorted(folder.iterdir()) if names.fullmatch(path.name)]
    for program in (sys.executable, *map(str, programs)):
        one = _look_at(program)
        if one is not None and not (one[0] in found and found[one[0]].usable):
            found[one[0]] = one[1]
    return tuple(found.values())


def _look_at(program: str) -> tuple[str, Interpreter] | None:
    said = "import sys; print(*sys.version_info[:3], sep='.'); print(sys.base_prefix)"
    done = subprocess.run([program, "-c", said], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:  # a shim of a version that is not chosen
        return None
    version, base = done.stdout.splitlines()
    if tuple(map(int, version.split(".")[:2])) < (3, 11):
        return None
    same = version.rpartition(".")[0] == ".".join(map(str, sys.version_info[:2]))
    packages = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")) if same else ()
    paths = (*packages, entry_points())
    one = Interpreter(program, version, tuple(dict.fromkeys(paths)), usable=True)
    probe = [program, "-c", _PROBE]
    usable = subprocess.run(probe, env=one.environ(), capture_output=True, timeout=60, check=False).returncode == 0
    # A virtual environment and what it was made from are one interpreter.
    return f"{version} {base}", Interpreter(program, version, one.paths, usable)


@functools.cache
def entry_points() -> str:
    """Return a folder that holds nothing but the metadata of xmc, by which an interpreter finds its plugins."""
    found = next(Path(str(file.locate())) for file in metadata.files("xmc") or () if file.name == "METADATA")
    folder = Path(tempfile.mkdtemp(prefix="xmc-identity-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(found.parent, folder / found.parent.name)
    return str(folder)


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make a Turkish locale where the sources of locales are installed; else only the variable says so."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/tr_TR").exists():
        return {}
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return {"LOCPATH": str(folder)}


def compiled(one: Interpreter, folder: Path, number: int, more: dict[str, str]) -> tuple[dict[str, Any], Path]:
    """Compile all specs in a world; return what the child says of it, and the folder of what it wrote."""
    seed, lang, zone = WORLDS[number]
    out = folder / f"{one.version} {seed}"
    out.mkdir()
    cwd = (ROOT, out, Path("/"))[number]
    specs = [os.path.relpath(spec, cwd) if number else str(spec) for spec in SPECS]
    environ = one.environ(PYTHONHASHSEED=seed, LC_ALL=lang, LANG=lang, TZ=zone, PYTHONDONTWRITEBYTECODE="1", **more)
    command = [one.program, "-P", "-m", "tests.identity_child", str(out), *specs]
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{one}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout), out


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what was written, the lock without its time."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        yield path.name, re.sub(rb'"compiled_at": "[^"]+"', b"", data) if path.name.endswith(".lock.json") else data


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Compile every spec in this interpreter's plainest world: what all others are held against."""
    return dict(contents(compiled(interpreters()[0], tmp_path_factory.mktemp("first"), 0, {})[1]))


USABLE = [one for one in interpreters() if one.usable]
OTHERS = [one for one in interpreters() if not one.usable]


@pytest.mark.parametrize("number", range(len(WORLDS)), ids=lambda number: "/".join(WORLDS[number][:2]))
@pytest.mark.parametrize("one", USABLE, ids=lambda one: f"{one.version}")
def test_the_same_specs_give_the_same_bytes(
    one: Interpreter, number: int, first: dict[str, bytes], locales: dict[str, str], tmp_path: Path
) -> None:
    world, out = compiled(one, tmp_path, number, locales)
    assert world["version"] == one.version
    if WORLDS[number][1].startswith("tr_TR") and locales:  # then it is not the name alone
        assert (world["locale"], world["decimal_point"]) == ("tr_TR.UTF-8", ",")
    found = dict(contents(out))
    assert [name for name in first if found.get(name) != first[name]] == []
    assert found.keys() == first.keys()
    assert sum(name.endswith(".lock.json") for name in found) == len(SPECS) > 30


def test_the_seed_of_hashes_does_change(tmp_path: Path) -> None:
    hashes = set()
    for number in range(2):
        environ = USABLE[0].environ(PYTHONHASHSEED=str(number))
        command = [USABLE[0].program, "-c", "print(hash('endpoint'))"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, timeout=30, check=True)
        hashes.add(done.stdout)
    assert len(hashes) == 2


def test_every_interpreter_takes_part_in_one_way_or_the_other() -> None:
    assert USABLE[0].program == sys.executable
    assert {one.version for one in interpreters()} == {one.version for one in (*USABLE, *OTHERS)}


_PLAIN = """
import json, sys
data = open(sys.argv[1], "rb").read()
again = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\\n"
sys.exit(again != data)
"""


@pytest.mark.parametrize("one", interpreters(), ids=lambda one: f"{one.version}")
def test_pythons_own_encoder_writes_the_same_canonical_bytes(
    one: Interpreter, first: dict[str, bytes], tmp_path: Path
) -> None:
    tables = [data for name, data in first.items() if not name.endswith((".lock.json", ".secrets"))]
    whole = canonical_json([msgspec.json.decode(data) for data in tables]) + b"\n"
    (tmp_path / "tables.json").write_bytes(whole)
    command = [one.program, "-I", "-c", _PLAIN, str(tmp_path / "tables.json")]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False).returncode == 0


@pytest.mark.parametrize("word", ["Title", "IĞDIR", "\u0131i", "ß", "İ"])
def test_case_is_folded_by_unicode_and_not_by_the_locale(word: str, locales: dict[str, str], tmp_path: Path) -> None:
    """What the compiler does to text (`lower`, `casefold`, `sorted`) does not ask the locale, Turkish least of all."""
    said = (
        "import locale, sys; locale.setlocale(locale.LC_ALL, ''); w = sys.argv[1]; "
        "print(ascii([w.lower(), w.upper(), w.casefold(), sorted(w)]))"
    )
    expect = ascii([word.lower(), word.upper(), word.casefold(), sorted(word)])
    lang = "tr_TR.UTF-8" if locales else "C.UTF-8"
    environ = {"PATH": os.environ["PATH"], "LC_ALL": lang, **locales}
    command = [sys.executable, "-c", said, word]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == expect + "\n"
