"""Which entry points are installed: as `importlib.metadata` finds them, for an eighth of the time.

A command starts with this look-up. The standard module takes 26 ms to import (mail parser, sockets, zip files) and
16 ms to read every description in full; the folders on `sys.path` hold all that is asked for. Where they do not (a zip
file on the path, an importer that knows distributions of its own) the standard module is asked after all.
"""

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder

import msgspec

_INFO = (".dist-info", ".egg-info")
_SEPARATORS = re.compile(r"[-_.]+")
_VALUE = re.compile(r"(?P<module>[\w.]+)\s*(?::\s*(?P<attribute>[\w.]+)\s*)?(?:\[.*\]\s*)?")


class Point(msgspec.Struct, frozen=True, order=True):
    """An entry point. `origin` is name and version of its distribution: `xmc 0.1.0`."""

    name: str
    value: str
    origin: str

    def load(self) -> object:
        """Import what the value names. Raises whatever that raises; `ValueError` if it names nothing."""
        match = _VALUE.fullmatch(self.value)
        if match is None:
            raise ValueError(f"{self.value!r} is not the name of an object")
        found: object = import_module(match["module"])
        for name in (match["attribute"] or "").split("."):
            found = getattr(found, name) if name else found
        return found


def entry_points(group: str) -> list[Point]:
    """Return the entry points of a group, in order of name."""
    found = _by_standard_module(group) if _is_beyond_folders() else _in_folders(group)
    return sorted(found)


def _is_beyond_folders() -> bool:
    others = any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder)
    return others or any(folder.endswith((".egg", ".egg/")) or os.path.isfile(folder) for folder in map(str, sys.path))  # noqa: PTH113 - a Path costs more than the question


def _by_standard_module(group: str) -> Iterator[Point]:
    from importlib import metadata  # noqa: PLC0415 - the module's docstring says why

    for point in metadata.entry_points(group=group):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        yield Point(point.name, point.value, origin)


def _in_folders(group: str) -> Iterator[Point]:
    """Look through the folders of `sys.path`; of two distributions of one name the first one counts."""
    seen: set[str] = set()
    for folder in map(str, sys.path):
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - in this order, as the standard module
        except OSError:
            continue
        for name in names:
            if not name.lower().endswith(_INFO):
                continue
            project = _SEPARATORS.sub("_", name.rpartition(".")[0].partition("-")[0]).lower()
            if project not in seen:
                seen.add(project)
                yield from _of_distribution(f"{folder or '.'}/{name}", group)


def _of_distribution(info: str, group: str) -> Iterator[Point]:
    data = _read(f"{info}/entry_points.txt")
    if f"[{group}]".encode() not in data:
        return
    origin, section = _origin(info), ""
    for line in map(str.strip, data.decode().splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield Point(name.strip(), value.strip(), origin)


def _origin(info: str) -> str:
    """Return name and version from the head of a distribution's description."""
    data = _read(f"{info}/METADATA") or _read(f"{info}/PKG-INFO")
    head = data.decode(errors="replace").partition("\n\n")[0].splitlines()
    fields = [next((line[len(key) :].strip() for line in head if line.startswith(key)), "") for key in _FIELDS]
    return " ".join(fields)


_FIELDS = ("Name:", "Version:")


def _read(file: str) -> bytes:
    """Return what is in a file, nothing if there is none: most distributions have no entry points."""
    try:
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123 - hundreds of them
            return stream.read()
    except OSError:
        return b""
