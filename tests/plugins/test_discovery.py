"""Entry points are found as `importlib.metadata` finds them."""

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from xmc.plugins import discovery
from xmc.plugins.discovery import Point, entry_points

GROUP = "some.group"


def standard(group: str) -> list[Point]:
    return sorted(discovery._by_standard_module(group))


def install(folder: Path, name: str, version: str, points: str | None, *, egg: bool = False) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.{'egg-info' if egg else 'dist-info'}"
    info.mkdir(parents=True)
    description = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: of the text, and not of it\n"
    (info / ("PKG-INFO" if egg else "METADATA")).write_text(description)
    if points is not None:
        (info / "entry_points.txt").write_text(points)


_COMPARE = """
from importlib import metadata
from xmc.plugins import discovery

groups = sorted({*metadata.entry_points().groups, "nobody.has.this"})
assert not discovery._is_beyond_folders()
for group in groups:
    assert sorted(discovery._in_folders(group)) == sorted(discovery._by_standard_module(group)), group
print(len(groups))
"""


@pytest.mark.process
def test_the_same_as_the_standard_module_for_all_that_is_installed_here() -> None:
    """In a process of its own: the backport of `importlib.metadata`, which others bring, changes the standard one."""
    done = subprocess.run([sys.executable, "-c", _COMPARE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


def test_the_same_for_odd_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    text = f"# a comment\n\n[other]\nx = y\n[{GROUP}]\n  b =pkg.mod:thing.part \n# no\na = pkg [extra]\n[last]\nz = z\n"
    install(first, "my-plugin", "1.0", text)
    install(first, "plain", "2", None)
    install(first, "old-style", "3.1", f"[{GROUP}]\nc = c\n", egg=True)
    install(second, "My.Plugin", "0.9", f"[{GROUP}]\nhidden = by.the.first\n")
    install(second, "plain", "1", f"[{GROUP}]\nhidden = by.one.without\n")
    install(second, "named-twice", "1", f"[{GROUP}]\na = another\n")
    (second / "a-file.dist-info").write_text("")
    monkeypatch.setattr(sys, "path", [str(first), str(tmp_path / "missing"), str(second)])
    found = [
        Point("a", "another", "named-twice 1"),
        Point("a", "pkg [extra]", "my-plugin 1.0"),
        Point("b", "pkg.mod:thing.part", "my-plugin 1.0"),
        Point("c", "c", "old-style 3.1"),
    ]
    assert entry_points(GROUP) == standard(GROUP) == found


def test_the_working_folder_may_be_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "here", "1", f"[{GROUP}]\na = a\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [""])
    assert entry_points(GROUP) == standard(GROUP) == [Point("a", "a", "here 1")]


def test_a_zip_file_on_the_path_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("in_zip-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: in-zip\nVersion: 1\n")
        file.writestr("in_zip-1.dist-info/entry_points.txt", f"[{GROUP}]\na = a\n")
    monkeypatch.setattr(sys, "path", [str(packed)])
    assert entry_points(GROUP) == [Point("a", "a", "in-zip 1")]


def test_an_importer_that_knows_distributions_of_its_own_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(context: object = None) -> tuple[()]:
            asked.append(context)
            return ()

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert entry_points("xmc") == standard("xmc")
    assert asked


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("os", "os"),
        ("os.path", "posixpath"),
        ("collections:OrderedDict", "OrderedDict"),
        ("collections : OrderedDict.fromkeys [a, b]", "fromkeys"),
    ],
)
def test_a_value_names_a_module_or_something_in_it(value: str, expected: str) -> None:
    found = Point("x", value, "d 1").load()
    assert found == metadata.EntryPoint("x", value, "g").load()
    assert getattr(found, "__name__", None) == expected


@pytest.mark.parametrize("value", ["", "a b", "os:", ":x"])
def test_a_value_that_names_nothing(value: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an object"):
        Point("x", value, "d 1").load()
